package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/d44b7504/vault/internal/mfa"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/shells"
	"github.com/d44b7504/vault/store"
)

// Exit statuses.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitSignIn      = 3
	exitInterrupted = 130
)

// statusError ends the program with a status and no text of its own: exec's child, or
// a command that has said what there is to say.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// hinted is an error with what to do about it.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

func withHint(err error, format string, args ...any) error {
	return hinted{err, fmt.Sprintf(format, args...)}
}

// report prints err as one line and a hint, and returns the exit status for it. This
// is the one table from errors to statuses.
func (r *run) report(err error) int {
	var status statusError
	var use *usageError
	var shell *shells.UnknownError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, context.Canceled): // Ctrl-C anywhere, or Ctrl-D at a question
		return exitInterrupted
	}
	r.say("%s", printable(strings.Join(strings.Fields(text(err)), " ")))
	if h := hintFor(err); h != "" {
		r.hint("%s", printable(h))
	}
	r.debug(err)
	var start failedStart
	switch {
	case errors.As(err, &start):
		return start.status
	case errors.As(err, &use), errors.As(err, &shell), unknownCommand(err):
		return exitUsage
	case errors.Is(err, sessions.ErrNeedsUser), errors.Is(err, store.ErrLocked):
		return exitSignIn
	}
	return exitFailed
}

// text words what the error alone does not say well.
func text(err error) string {
	var path *fs.PathError
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full: " + err.Error()
	case errors.Is(err, syscall.EROFS) && errors.As(err, &path):
		return fmt.Sprintf("%s cannot be written: the disk is read-only", path.Path)
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time: " + err.Error()
	}
	return err.Error()
}

func hintFor(err error) string {
	var h hinted
	var missing *profiles.NotFoundError
	var noKey *sessions.NoKeyError
	var call *sessions.CallError
	var needs *sessions.NeedsUserError
	var use *usageError
	var shell *shells.UnknownError
	var prompt *mfa.UnknownError
	var unasked unaskedError
	var noIdentity *store.NoIdentityError
	var noStore *store.NoStoreError
	var notMember *store.NotMemberError
	var noRecipient *store.NoRecipientError
	switch {
	case errors.As(err, &h):
		return h.hint
	case errors.As(err, &noIdentity) && noIdentity.File != "":
		return "--age-identity and AWS_VAULT_AGE_IDENTITY say which file it is"
	case errors.As(err, &noIdentity):
		return "run vault store create in a terminal, or set AWS_VAULT_AGE_PASSPHRASE to the passphrase it shall have"
	case errors.As(err, &notMember):
		return "somebody who is runs vault store add-recipient with yours, which vault store create prints"
	case errors.As(err, &noStore):
		return "vault store create makes one"
	case errors.As(err, &noRecipient):
		return "say it with --recipient age1…"
	case errors.Is(err, store.ErrNoRecipient):
		return "vault store recipients lists those there are"
	case errors.As(err, &missing):
		return nearest(missing.Nearest)
	case errors.As(err, &noKey):
		return "store one: vault add " + word(noKey.Key)
	case errors.As(err, &needs) && needs.Need == sessions.NeedsBrowser:
		return "vault sso login " + word(needs.Profile)
	case errors.As(err, &needs) && needs.Need == sessions.NeedsAWSLogin:
		return "aws login --profile " + word(needs.Profile)
	case errors.As(err, &needs):
		return "run it in a terminal: vault refresh, or vault use " + word(needs.Profile)
	case errors.As(err, &call):
		return callHint(call)
	case errors.As(err, &shell):
		return "choose one of " + strings.Join(shells.Names(), ", ")
	case errors.As(err, &prompt):
		return "choose from " + strings.Join(mfa.Drivers(), ", ")
	case errors.As(err, &unasked):
		return "run it in a terminal, or choose another way to be asked with --prompt"
	case errors.As(err, &use):
		return use.command + " --help"
	case errors.Is(err, store.ErrLocked):
		return "unlock it, or run the command in a terminal where it can ask"
	}
	return ""
}

func callHint(e *sessions.CallError) string {
	if e.Kind == sessions.Denied && e.Action != "" {
		return "a policy has to allow " + e.Action + " on that user; some allow it with MFA only"
	}
	switch e.Kind {
	case sessions.Denied:
		return "AWS said no to who you are; check the role's trust policy and what it asks for (MFA, external id)"
	case sessions.WrongCode:
		return "wait for the next code: each works once"
	case sessions.BadKey:
		return "it may be inactive, deleted or mistyped; vault add " + word(e.Profile) + " stores it anew"
	case sessions.BadToken:
		return "whoever issues the token has to issue a new one, or the role does not trust its issuer"
	case sessions.Throttled:
		return "AWS counts calls by the minute; it was tried several times"
	case sessions.ClockSkew:
		return "set the clock, then try again"
	case sessions.Unreachable:
		return "check the network, the proxy and AWS_ENDPOINT_URL"
	}
	return ""
}

func nearest(names []string) string {
	if len(names) == 0 {
		return "vault list shows the profiles there are"
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	return "did you mean " + strings.Join(quoted, " or ") + "?"
}

// word is a name for a command line that is offered; one that would need quoting is
// left to the reader.
func word(name string) string {
	for _, c := range name {
		if !strings.ContainsRune("-_./:@+=,", c) && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return "PROFILE"
		}
	}
	return name
}

// debug shows AWS's own words.
func (r *run) debug(err error) {
	var call *sessions.CallError
	if r.g.debug && errors.As(err, &call) {
		fmt.Fprintf(r.Stderr, "vault: debug: %s %s: %s\n", call.Op, call.Code, printable(call.Message))
	}
}

// unknownCommand recognises cobra's error for a command that does not exist; it has
// no type.
func unknownCommand(err error) bool {
	return strings.HasPrefix(err.Error(), "unknown command")
}

// note says why a renewal failed in a word for the prompt, and whether trying again
// without a person may help.
func note(err error) (word string, retry bool) {
	var call *sessions.CallError
	var needs *sessions.NeedsUserError
	var noKey *sessions.NoKeyError
	switch {
	case errors.As(err, &needs) && needs.Need != sessions.NeedsCode:
		return "login!", false
	case errors.Is(err, sessions.ErrNeedsUser):
		return "mfa!", false
	case errors.Is(err, store.ErrLocked):
		return "locked!", false
	case errors.As(err, &noKey):
		return "nokey!", false
	case errors.As(err, &call):
		switch call.Kind {
		case sessions.Unreachable, sessions.Throttled:
			return "offline!", true
		case sessions.WrongCode:
			return "mfa!", false
		case sessions.Denied, sessions.BadKey:
			return "denied!", false
		}
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, os.ErrPermission):
		return "disk!", true
	}
	return "failed!", true
}
