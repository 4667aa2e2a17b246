package cmd

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/d44b7504/vault/internal/app"
)

// answer is the value of a flag, or what a person says who did not give it. otherwise is what
// an empty answer means.
func (r *run) answer(ctx context.Context, flag, value, question, otherwise string) (string, error) {
	switch {
	case value != "":
		return value, nil
	case r.task.Ask == nil:
		return "", app.Usage(r.command, errors.New(flag+" is missing"))
	case otherwise != "":
		question += " [" + otherwise + "]: "
	case !strings.HasSuffix(question, ": "):
		question += ": "
	}
	said, err := r.task.Ask(ctx, question, false)
	return cmp.Or(strings.TrimSpace(said.Reveal()), otherwise), err
}
