// Package doctor finds out why the program does not work on this machine, or will not. A
// check changes nothing: it asks no questions, reads no item of the keyring, and shows only
// the last four characters of a key.
package doctor

import (
	"cmp"
	"context"
	"time"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/profiles"
)

// Options say what to look at.
type Options struct {
	Task    *app.Task                // the shell's environment, the keyrings and the config file; it must be quiet
	Program string                   // the file of this program
	Called  string                   // how this program was called: a name found on PATH, or a path
	Name    string                   // what the person types: the program's name, or that of the hook's function
	Named   func(text string) string // puts that name into a text that says what to type
	Parent  string                   // the program that started this one; see host.World
	Offline bool                     // AWS is not asked for the time
}

const (
	// timeout bounds the whole examination.
	timeout = 9 * time.Second
	// waitTimeout bounds each wait in it: for a keyring, an answer of AWS, a program.
	waitTimeout = 3 * time.Second
)

// examination is what the checks look at. They run at the same time, and only read it.
type examination struct {
	*app.Task
	program string
	called  string        // the name or path by which the hook runs the program
	name    string        // what the person types
	parent  string        // the program that started this one
	set     *profiles.Set // never nil
	setErr  error         // why the config file could not be read
}

// check is a subject and what looks at it.
type check struct {
	name string
	look func(*examination, context.Context) []Finding
}

var checks = [...]check{
	{"keyring", (*examination).keyrings}, {"keys", (*examination).keys}, {"hook", (*examination).hook},
	{"variables", (*examination).variables}, {"config", (*examination).config}, {"plain text", (*examination).plainText},
	{"project", (*examination).project}, {"clock", (*examination).clock},
}

// Examine runs the checks and returns what they found, in the order of the checks. A check
// that takes too long is reported as a finding. It fails only if ctx was cancelled: half a
// report would look like a whole one.
func Examine(ctx context.Context, o Options) ([]Finding, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	x := &examination{Task: o.Task, program: o.Program, called: cmp.Or(o.Called, "vault"), name: cmp.Or(o.Name, "vault"), parent: o.Parent}
	if x.set, x.setErr = x.Profiles(); x.setErr != nil {
		x.set = profiles.Parse(x.Env.ConfigFile(), nil)
		x.UseProfiles(x.set)
	}
	list := checks[:]
	if o.Offline {
		list = list[:len(list)-1] // the clock
	}
	found := x.run(ctx, list)
	for i, f := range found {
		found[i].Message, found[i].Cure = o.Named(f.Message), o.Named(f.Cure)
	}
	if ctx.Err() != nil && context.Cause(ctx) == context.Canceled {
		return nil, ctx.Err()
	}
	return found, nil
}

// run runs the checks at the same time, for some of them wait. Each bounds its own waits; a
// disk that hangs they cannot.
func (x *examination) run(ctx context.Context, list []check) []Finding {
	results := make([]chan []Finding, len(list))
	for i, c := range list {
		results[i] = make(chan []Finding, 1)
		go func() { results[i] <- c.look(x, ctx) }()
	}
	var all []Finding
	for i, c := range list {
		found := []Finding{warning("", "no answer in time")}
		select {
		case found = <-results[i]:
		case <-ctx.Done():
			select {
			case found = <-results[i]:
			default:
			}
		}
		for _, f := range found {
			f.Check = c.name
			all = append(all, f)
		}
	}
	return all
}
