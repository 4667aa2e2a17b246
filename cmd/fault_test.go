package cmd_test

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/d44b7504/vault/cmd"
	"github.com/d44b7504/vault/internal/app"
)

// breaking panics with a value that is secret.
type breaking struct{}

func (breaking) Write([]byte) (int, error) { panic("wJalrXUtnFEMI-secret") }

func TestAnErrorOfTheProgramItselfIsOneSentenceWithoutValues(t *testing.T) {
	t.Parallel()
	w := app.Real()
	var said bytes.Buffer
	w.Args, w.Stdout, w.Stderr = []string{"version"}, breaking{}, &said
	if status := cmd.Main(t.Context(), w); status != 1 ||
		!regexp.MustCompile(`^\S+: an error in this program itself has stopped the command, at cmd/fault_test\.go:\d+\n\S+: hint: report .*\n$`).MatchString(said.String()) {
		t.Errorf("status %d, said %q", status, said.String())
	}
}
