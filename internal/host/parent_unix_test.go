//go:build unix

package host

import (
	"strings"
	"testing"
)

func TestAProgramThatAnotherRunsIsTheOneThatCounts(t *testing.T) {
	for line, want := range map[string]string{
		"/usr/bin/zsh|zsh -i":                                  "/usr/bin/zsh",
		"/usr/bin/dash|dash /x/zsh":                            "/usr/bin/dash",
		"/usr/share/dotnet/dotnet|dotnet /tools/pwsh.dll -i":   "/tools/pwsh.dll",
		"/usr/lib/ld-linux-x86-64.so.2|/lib64/ld.so /bin/fish": "/bin/fish",
		"/usr/bin/qemu-aarch64|qemu-aarch64 -0 /bin/bash":      "/bin/bash",
		"/bin/busybox|-sh":                                     "sh",
		"/bin/busybox|busybox ash":                             "ash",
		"/bin/busybox|":                                        "/bin/busybox",
	} {
		file, argv, _ := strings.Cut(line, "|")
		if got := runBy(file, strings.Split(argv, " ")); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}
