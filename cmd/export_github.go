package cmd

import (
	"errors"
	"os"
	"strings"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
)

// github hands the variables to the later steps of a GitHub Actions job, by the file
// that $GITHUB_ENV names. What is returned goes to the step's log: commands that mask
// the secrets there.
func (r *run) github(vars []env.Change) (string, error) {
	file := r.getenv("GITHUB_ENV")
	if file == "" {
		return "", app.WithHint(errors.New("GITHUB_ENV is not set"), "the github format is for a step of GitHub Actions")
	}
	text, err := lines(vars, false)
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	var masks strings.Builder
	for _, c := range vars {
		if strings.Contains(c.Name, "SECRET") || strings.Contains(c.Name, "TOKEN") || strings.Contains(c.Name, "KEY") {
			masks.WriteString("::add-mask::" + c.Value.Reveal() + "\n")
		}
	}
	return masks.String(), nil
}
