package testenv

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestASampleIsWholeIfTheLongTestsRunInFull(t *testing.T) {
	cases := []int{0, 1, 2, 3, 4, 5, 6}
	t.Setenv("AWS_VAULT_TEST_LONG", "1")
	if got := Sample(cases, 3); !slices.Equal(got, cases) {
		t.Errorf("in full: %v", got)
	}
	t.Setenv("AWS_VAULT_TEST_LONG", "")
	if got := Sample(cases, 3); !slices.Equal(got, []int{0, 3, 6}) {
		t.Errorf("every third: %v", got)
	}
}

func TestAMissingToolSkipsTheTestUnlessItIsRequired(t *testing.T) {
	t.Setenv("AWS_VAULT_TEST_REQUIRE", "other,absent-tool")
	if !Required("absent-tool") || Required("absent") {
		t.Error("the list of required tools is not read word by word")
	}
	t.Setenv("AWS_VAULT_TEST_REQUIRE", "")
	skipped := true
	t.Run("without", func(t *testing.T) {
		t.Cleanup(func() { skipped = t.Skipped() })
		Require(t, "absent-tool")
	})
	if !skipped {
		t.Error("a test ran without its tool")
	}
}

func TestBuildMakesTheProgram(t *testing.T) {
	path, err := Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(path, "version").Output(); err != nil || !strings.HasPrefix(string(out), "vault ") {
		t.Errorf("%q, %v", out, err)
	}
}
