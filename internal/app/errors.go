package app

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/mfa"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/store"
)

// This file says what an error means to a person: its text, and what to do about it.

// UsageError is a command line, or a setting, that cannot be understood.
type UsageError struct {
	Command string // whose help explains it
	Err     error
}

// Usage makes an error of the command line of a command, such as "vault use".
func Usage(command string, err error) error { return &UsageError{Command: command, Err: err} }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// hintError is an error with what to do about it.
type hintError struct {
	error
	hint string
}

func (e hintError) Unwrap() error { return e.error }

// WithHint adds to an error what to do about it.
func WithHint(err error, format string, args ...any) error {
	return hintError{err, fmt.Sprintf(format, args...)}
}

// HasHint reports whether WithHint has added a hint.
func HasHint(err error) bool {
	var h hintError
	return errors.As(err, &h)
}

// Text is an error in words, where its own are not the best.
func Text(err error) string {
	var path *fs.PathError
	var owner *atomicfile.OwnerError
	switch isPath := errors.As(err, &path); {
	case atomicfile.IsFull(err) && isPath:
		return fmt.Sprintf("%s cannot be written: the disk is full", path.Path)
	case atomicfile.IsReadOnly(err) && isPath:
		return fmt.Sprintf("%s cannot be written: the disk is read-only", path.Path)
	case errors.As(err, &owner) && isPath:
		return fmt.Sprintf("%s cannot be written: it belongs to %s, and would not after that", path.Path, ownerName(owner))
	}
	return plain(err)
}

// ownerName is the name that goes with the number of a user or group.
func ownerName(e *atomicfile.OwnerError) string {
	id := strconv.Itoa(e.ID)
	if e.Group {
		if g, err := user.LookupGroupId(id); err == nil {
			return "the group " + g.Name
		}
		return "the group " + id
	}
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "the user " + id
}

// OneLine is Text without line breaks.
func OneLine(err error) string { return strings.Join(strings.Fields(Text(err)), " ") }

// Hint says what to do about an error, "" when it is not known.
func Hint(err error) string {
	var h hintError
	if errors.As(err, &h) {
		return h.hint
	}
	for _, hint := range [...]func(error) string{ageHint, profileHint, processHint, signInHint, callHint, promptHint} {
		if text := hint(err); text != "" {
			return text
		}
	}
	var owner *atomicfile.OwnerError
	if errors.As(err, &owner) && !owner.Group {
		return "run the command as " + ownerName(owner)
	}
	if errors.Is(err, ErrNoHome) {
		return "set HOME to an absolute path"
	}
	var foreign *store.ForeignError
	var pass *store.PassphraseError
	switch {
	case errors.As(err, &pass) && pass.Variable != "":
		return "it comes from " + pass.Variable + ": correct that, or unset it to be asked"
	case pass != nil:
		return ""
	case errors.As(err, &foreign):
		return "it was left as it is; the program that stored it can rename or delete it"
	case errors.Is(err, store.ErrLocked):
		return "unlock it, or run the command in a terminal where it can ask"
	}
	return ""
}

// ageHint is about the age store.
func ageHint(err error) string {
	var noIdentity *store.NoIdentityError
	var noStore *store.NoStoreError
	var notMember *store.NotMemberError
	var noRecipient *store.NoRecipientError
	var link *store.LinkError
	switch {
	case errors.As(err, &link):
		return "find out who put it there (git log), then remove it"
	case errors.As(err, &noIdentity) && noIdentity.File != "":
		return "--age-identity and AWS_VAULT_AGE_IDENTITY say which file it is"
	case errors.As(err, &noIdentity):
		return "run vault store age create in a terminal, or set AWS_VAULT_AGE_PASSPHRASE to the passphrase that it is to have"
	case errors.As(err, &notMember):
		return "one of the recipients has to run vault store age add-recipient with yours, which vault store age create prints"
	case errors.As(err, &noStore):
		return "vault store age create creates one"
	case errors.As(err, &noRecipient):
		return "say it with --recipient age1…"
	case errors.Is(err, store.ErrNoRecipient):
		return "vault store age recipients lists them"
	}
	return ""
}

// processHint is about a credential_process that was written for a shell.
func processHint(err error) string {
	var process *sessions.ProcessError
	if !errors.As(err, &process) || !process.ForShell {
		return ""
	}
	return "it is run without a shell, as the AWS tools run it: write paths in full, and what needs a shell as sh -c '…'"
}

// profileHint is about a profile or key that does not exist.
func profileHint(err error) string {
	var missing *profiles.NotFoundError
	var noKey *sessions.NoKeyError
	var loop *profiles.LoopError
	switch {
	case errors.As(err, &loop) && loop.Kind == "credential_process":
		return "a key that is stored under one of these names ends it: vault add " + Word(loop.Path[len(loop.Path)-1])
	case errors.As(err, &loop):
		return "correct the line of one of them; vault show " + Word(loop.Path[0]) + " shows it"
	case errors.As(err, &missing) && len(missing.Ignored) > 0:
		return "write " + missing.Ignored[0].Write + " there"
	case errors.As(err, &missing):
		return DidYouMean(missing.Nearest)
	case errors.As(err, &noKey) && noKey.InFile != (profiles.Place{}):
		return "vault import moves it into the keyring"
	case errors.As(err, &noKey):
		return "store one: vault add " + Word(noKey.Key)
	}
	return ""
}

// meantSource adds to the error for a key that is not stored what to write where a setting of
// the profile was ignored that would have named another source: that is what went wrong.
func meantSource(p profiles.Profile, err error) error {
	var noKey *sessions.NoKeyError
	if !errors.As(err, &noKey) {
		return err
	}
	if cure := MeantCure(p); cure != "" {
		return WithHint(err, "%s", cure)
	}
	return err
}

// MeantCure says what to write where a section or a setting of a profile was ignored that may
// name another source; "" when there is none.
func MeantCure(p profiles.Profile) string {
	for _, w := range p.Warnings {
		if w.Cure != "" {
			return w.Cure
		}
	}
	return ""
}

// signInHint is about a person who is needed.
func signInHint(err error) string {
	var needs *sessions.NeedsUserError
	var expired *sessions.ExpiredKeyError
	switch {
	case errors.As(err, &expired) && expired.Program != "":
		return "run it in a terminal: vault refresh, or vault use " + Word(expired.Profile) + ", which runs " + expired.Program
	case errors.As(err, &expired):
		return "sign in again with the program that writes it there; vault runs it for you if vault_renew_command in the profile names it"
	case !errors.As(err, &needs):
		return ""
	}
	switch needs.Need {
	case sessions.NeedsBrowser:
		return "vault sso login " + Word(needs.Profile)
	case sessions.NeedsAWSLogin:
		return "aws login --profile " + Word(needs.Profile)
	}
	return "run it in a terminal: vault refresh, or vault use " + Word(needs.Profile)
}

// callHint is about an answer of AWS.
func callHint(err error) string {
	var call *sessions.CallError
	if errors.As(err, &call) {
		return CallHint(call)
	}
	return ""
}

// CallHint says what to do about an answer of AWS.
func CallHint(e *sessions.CallError) string {
	if e.Kind == sessions.Denied && e.Action != "" {
		return "a policy has to allow " + e.Action + " on that user; some allow it with MFA only"
	}
	holder := cmp.Or(e.Holder, e.Profile)
	switch e.Kind {
	case sessions.Denied:
		return "AWS refuses your identity; check the role's trust policy and its conditions (MFA, external id)"
	case sessions.WrongCode:
		return "wait for the next code: each works once"
	case sessions.WrongDevice:
		return fmt.Sprintf("correct mfa_serial: vault show %s says where it is set, aws iam list-mfa-devices lists a user's", Word(e.Profile))
	case sessions.BadKey:
		if e.Giver != "" {
			return "the key came from " + e.Giver + ", and may be inactive or deleted"
		}
		if e.WrongSecret() {
			return fmt.Sprintf("vault add %s stores the key again; if its secret is lost, make another key: AWS shows a secret only once", Word(holder))
		}
		return fmt.Sprintf("it may be inactive, deleted or mistyped; vault add %s stores it again", Word(holder))
	case sessions.BadToken:
		if e.TokenExpired() {
			return "whoever issues the token has to issue a new one; it is read each time"
		}
		return "the issuer of the token has to issue a new one, or the role does not trust the issuer"
	case sessions.Throttled:
		return "it was tried several times; nothing is wrong with the key or the network"
	case sessions.ClockSkew:
		return "set the clock, then try again"
	case sessions.Unreachable, sessions.NotAWS, sessions.Untrusted, sessions.BadSetting:
		return reachHint(e)
	}
	return ""
}

// reachHint says what to look at when a call had no answer of AWS.
func reachHint(e *sessions.CallError) string {
	where := strings.Join(e.Settings, " and ")
	switch {
	case e.Kind == sessions.BadSetting && where != "":
		return "correct " + where
	case e.Kind == sessions.BadSetting:
		return "correct the path, or remove the setting if this machine trusts AWS's certificates without it"
	case e.Kind == sessions.Untrusted && where == "":
		return "if that is the authority of your company's proxy, set ca_bundle in the config file, or AWS_CA_BUNDLE, to a file with its certificate"
	case e.Kind == sessions.Untrusted && len(e.Settings) == 1 && strings.Contains(strings.ToLower(where), "ca_bundle"):
		return "add the certificate of that authority to the file that is set by " + where + ", or remove the setting if this machine trusts it"
	case e.Kind == sessions.NotAWS && where == "":
		return "a network may want you to sign in first: open a page in a browser"
	case where != "":
		return "check the network, and " + where
	}
	return "check the network and the name of the region"
}

// promptHint is about the ways in which an MFA code is asked for.
func promptHint(err error) string {
	var unknown *mfa.UnknownError
	var failed promptsFailedError
	switch {
	case errors.As(err, &unknown):
		return "choose from " + strings.Join(mfa.Drivers(), ", ")
	case errors.As(err, &failed):
		return "run it in a terminal, or choose another way to be asked with --prompt"
	}
	return ""
}

// DidYouMean offers the names that are nearest to one that does not exist.
func DidYouMean(names []string) string {
	if len(names) == 0 {
		return "vault list shows the profiles"
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	return "did you mean " + strings.Join(quoted, " or ") + "?"
}

// Word is a name for a command line that is offered, in quotes where it needs them. One that
// no quotes make safe in every shell is left to the reader.
func Word(name string) string {
	plain := name != ""
	for _, c := range name {
		switch {
		case c < utf8.RuneSelf && (strings.ContainsRune("-_./:@+=,", c) || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'):
		case strings.ContainsRune(" ()[]{}&;~*?'", c), unicode.IsLetter(c), unicode.IsDigit(c):
			plain = false
		default:
			return "PROFILE"
		}
	}
	if plain {
		return name
	}
	return `"` + name + `"`
}
