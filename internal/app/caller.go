package app

import (
	"context"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/store"
)

// Caller is who a request comes from, and what may be asked of them. Its zero value has
// no environment, cannot be asked and is told nothing.
type Caller struct {
	Env Environment

	// Ask puts a question to the person and returns the answer, which is not shown as it
	// is typed if hidden. It is nil when there is no terminal.
	Ask func(ctx context.Context, question string, hidden bool) (creds.Secret, error)
	// Quiet says that a hook or a background process is calling: nobody is asked, no
	// browser and no dialog opens, nothing but failures is told.
	Quiet bool
	// Say tells the person a line of plain text, without a line break. nil: nobody reads it.
	Say func(line string)
	// Tell tells the person a line that belongs to a question, in addition to Say, whose lines
	// another program may read. nil: the person sees those.
	Tell func(line string)
	// ShowSignIn tells the person where to sign in and which code to compare. It must be
	// set where a sign-in is possible.
	ShowSignIn func(sessions.Invitation)

	YesReally []string // protected profiles that the person has confirmed beforehand

	MFACode    creds.Secret  // an MFA code given beforehand; used once
	MFAPrompts string        // how to ask for MFA codes: names of drivers in order, with commas; "": the usual order
	Store      store.Options // which keyring, as flags and variables name it
	SignIn     SignIn
}

// SignIn says how the person wants to sign in to Identity Center. The zero value is what
// every command but "sso login" uses.
type SignIn struct {
	Requested bool          // the command is for signing in: no terminal is needed
	Device    *bool         // with a code to compare, or by a browser here; nil: whichever can work
	PrintOnly bool          // the address is printed for a program, and no browser is opened
	NoBrowser bool          // the address is shown to the person, and no browser is opened
	Never     bool          // another program waits for the answer: it is told what to run
	Timeout   time.Duration // how long the person may take in the browser; 0: the usual time
}
