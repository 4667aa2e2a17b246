package profiles

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/d44b7504/vault/internal/testenv"
)

// This file asks botocore again, and compares with what the program says.

// told is what "vault show --json" says of a profile's section.
type told struct {
	Profile  string
	Settings map[string]any
	Hidden   []string
}

func TestTheProgramSaysOfEveryProfileWhatBotocoreDoes(t *testing.T) {
	count := configs(200, 20_000)
	files, even := make([]string, count), make([]string, count)
	for i := range files {
		files[i] = generate(uint64(i))
		even[i] = evenOut(files[i])
	}
	verdicts := ask(t, even)
	dir := t.TempDir()
	vault, err := testenv.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	profiles, values := 0, 0
	for i, v := range verdicts {
		if v.Cause != "" || len(v.Names) == 0 { // a Set's own test heals what botocore refuses
			continue
		}
		for _, s := range tell(t, vault, dir, files[i], v.Names) {
			profiles++
			values += compareTold(t, files[i], s, v.Profiles[s.Profile])
		}
	}
	t.Logf("%d profiles, %d values", profiles, values)
	if profiles < count/4 || values < count/4 {
		t.Error("too few to prove anything")
	}
}

// compareTold checks one profile, and counts the values that were shown.
func compareTold(t *testing.T, text string, ours told, theirs map[string]any) (shown int) {
	t.Helper()
	for key, value := range theirs {
		mine, known := ours.Settings[key]
		hidden := slices.Contains(ours.Hidden, key)
		if !known || hidden != (mine == nil) || !hidden && !reflect.DeepEqual(mine, value) {
			t.Errorf("%s of %q is %q (hidden: %v), botocore says %q\n%q", key, ours.Profile, mine, hidden, value, text)
		}
		if !hidden {
			shown++
		}
	}
	if len(ours.Settings) != len(theirs) {
		t.Errorf("%q has %d settings, botocore says %d\n%q", ours.Profile, len(ours.Settings), len(theirs), text)
	}
	return shown
}

// tell runs the program over all profiles of a file.
func tell(t *testing.T, vault, dir, text string, names []string) []told {
	t.Helper()
	file := filepath.Join(dir, "config")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), vault, append([]string{"show", "--json", "--"}, names...)...)
	cmd.Env = []string{"HOME=" + dir, "USERPROFILE=" + dir, "AWS_CONFIG_FILE=" + file, "SystemRoot=" + os.Getenv("SystemRoot")}
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) { // 1: a profile that means nothing
		t.Fatalf("%v\n%q", err, text)
	}
	var list []told
	d := json.NewDecoder(bytes.NewReader(out))
	for {
		var s told
		switch err := d.Decode(&s); {
		case err == io.EOF:
			var got []string
			for _, x := range list {
				got = append(got, x.Profile)
			}
			if !slices.Equal(got, names) {
				t.Fatalf("asked for %q, got %q\n%q", names, got, text)
			}
			return list
		case err != nil:
			t.Fatal(err)
		}
		list = append(list, s)
	}
}
