package shells

import "testing"

func TestAShellIsKnownByItsProgramWhateverFollowsItsName(t *testing.T) {
	for program, want := range map[string]string{
		"/usr/bin/zsh-5.9": "zsh", "zsh5": "zsh", "-bash": "bash", "/bin/bash.real": "bash", "/nix/store/x/bin/.fish-wrapped": "fish",
		"/opt/microsoft/powershell/7/pwsh": "pwsh", "/x/lib/pwsh-engine": "pwsh", "pwsh-preview": "pwsh", "/tools/pwsh.dll": "pwsh",
		`C:\Windows\powershell.exe`: "pwsh", "/bin/dash": "", "/usr/bin/fishd": "", "/usr/bin/bashful": "", "/usr/bin/code": "", "": "",
	} {
		got := ""
		if sh := Running(program); sh != nil {
			got = sh.Name
		}
		if got != want {
			t.Errorf("%q is %q, want %q", program, got, want)
		}
	}
}
