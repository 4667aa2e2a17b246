package cmd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/refresh"
)

// This file is about mode server: the agent serves the session to the programs of the shell,
// so that one of them may run longer than the session.

// shellProcess is the process of the shell that calls, as its hook says.
func shellProcess(r *run) (pid int, started int64, known bool) {
	pid, err := strconv.Atoi(r.getenv(env.ShellPID))
	if err != nil {
		return 0, 0, false
	}
	started, known = host.StartOf(pid)
	return pid, started, known
}

// checkServed returns an error if no agent can serve the programs of this shell, before a
// person is asked for anything.
func checkServed(r *run, q env.Request) error {
	if err := r.task.CanServe(q); err != nil {
		return err
	}
	if _, _, known := shellProcess(r); !known {
		return app.WithHint(errors.New("mode server needs the hook: what is served ends with the shell that it belongs to"),
			"for a command: vault exec --server %s -- COMMAND; in a script: --mode env", app.Word(q.Profile))
	}
	return checkDefault(r, q, "use --mode env")
}

// checkDefault returns an error if the AWS tools would not ask an endpoint.
func checkDefault(r *run, q env.Request, otherwise string) error {
	if file := r.task.DefaultIdentity(); file != "" {
		return app.WithHint(fmt.Errorf("[default] in %s has credentials, which the AWS tools would use instead of those of %q", file, q.Profile),
			"give that section another name (vault import moves keys into the keyring), or %s", otherwise)
	}
	return nil
}

// isOurs reports whether a lease belongs to the shell that calls, and not to one around it.
func isOurs(r *run, l *env.Lease) bool {
	pid, started, known := shellProcess(r)
	return known && l != nil && l.PID == pid && l.Started == started
}

// lives reports whether the shell that a lease belongs to runs.
func lives(l env.Lease) bool {
	started, there := host.StartOf(l.PID)
	return there && started == l.Started
}

// leaseFor is the lease that a session of this shell has: the one that it has already, if it is of
// the same request, else a new one.
func leaseFor(r *run, q env.Request) env.Lease {
	if st, active := r.task.Env.Active(); active && isOurs(r, st.Lease) && st.Request.Same(q) {
		return *st.Lease
	}
	pid, started, _ := shellProcess(r)
	return app.NewLease(pid, started)
}

// leaseHere is the lease of the active session for a request, in the shell that it belongs to or in
// one inside it. This one has one of its own where that shell has ended, or has another session.
func leaseHere(r *run, st env.State, q env.Request) env.Lease {
	pid, started, known := shellProcess(r)
	if known && (!lives(*st.Lease) || !isOurs(r, st.Lease) && !q.Same(st.Request)) {
		return app.NewLease(pid, started)
	}
	return *st.Lease
}

// serveShell has the agent serve a session to the shell, and tells the shell.
func serveShell(ctx context.Context, r *run, e evaluator, p profiles.Profile, q env.Request, l env.Lease, have creds.Session) error {
	reply, err := r.task.Serve(ctx, p, q, l, have)
	if err != nil {
		err = fmt.Errorf("have the agent serve %s: %w", p.Name, err)
	}
	if errors.Is(err, app.ErrNoAgent) && !app.HasHint(err) {
		err = app.WithHint(err, "without an agent: vault exec --server %s -- COMMAND, or --mode env", app.Word(p.Name))
	}
	if err != nil {
		return err
	}
	return emitServed(r, e, p, q, l, have, reply)
}

// goOnServing has the agent serve a session again that a person has just asked for, to the shells for
// which vault lock has locked it.
func goOnServing(ctx context.Context, r *run, p profiles.Profile, q env.Request, have creds.Session) {
	if err := r.task.GoOn(ctx, p, q, have); err != nil {
		r.say("what is served of %s to other shells stays locked: %s", p.Name, app.OneLine(err))
	}
}

// emitServed writes what a shell needs whose programs ask the agent. How long the session lasts
// counts only if it is not renewed.
func emitServed(r *run, e evaluator, p profiles.Profile, q env.Request, l env.Lease, s creds.Session, reply app.LeaseReply) error {
	a := env.ActivateServed(r.task.Env.Current, q, reply.Endpoint, l, s, reply.File)
	return e.emit(a, servedLease(reply), r.lookOf(q, p))
}

func servedLease(reply app.LeaseReply) refresh.Lease {
	shown := refresh.Lease{File: reply.File, Note: reply.Note}
	if reply.Note != "" {
		shown.Session.Expires = reply.Ends
	}
	return shown
}

// updateServed brings a shell up to date whose programs ask the agent. A prompt that finds another
// address than before says so once, and asks again.
func updateServed(ctx context.Context, r *run, e evaluator, p profiles.Profile, st env.State) error {
	l, q := leaseHere(r, st, st.Request), st.Request
	q.Unhooked = e.unhooked(r)
	reply, moved := r.task.Served(ctx, p, q, l)
	if moved && reply.Note == "" {
		reply.Note, reply.Ends, reply.File = refresh.NoAgent, time.Time{}, reply.File+"."+string(refresh.NoAgent)
	}
	s := creds.Session{Profile: p.Name, Region: p.Region, ARN: st.ARN, Settings: p.Network.Variables}
	a := env.ActivateServed(r.task.Env.Current, q, reply.Endpoint, l, s, reply.File)
	if !moved && *st.Lease == l {
		a = env.Follow(r.task.Env.Current, p.Region, reply.File, time.Time{})
	}
	shown := servedLease(reply)
	if len(a.Blocked) > 0 { // the shell goes on with what it has, and the prompt says why
		shown, a = r.task.Exported(p, refresh.ReadOnly), env.Activation{}
	}
	return e.emit(a, shown, r.lookOf(q, p))
}

// dropLease ends the lease that this shell had, unless it has it still. A shell around this one
// keeps its own.
func dropLease(ctx context.Context, r *run, had env.State, kept *env.Lease) {
	if !isOurs(r, had.Lease) || kept != nil && kept.ID == had.Lease.ID {
		return
	}
	if err := r.agent.Revoke(ctx, had.Lease.ID); err != nil {
		r.say("what was served for %s ends with this shell: %s", had.Request.Profile, app.OneLine(err))
	}
	r.task.Env.Runtime().Forget(refresh.LeaseKey(had.Lease.ID))
}

// announceServed says which session the programs of this shell are served, and until when.
func announceServed(r *run, p profiles.Profile, q env.Request, l refresh.Lease) {
	name := p.Name
	if words := q.Qualifier(); words != "" {
		name += " " + words
	}
	switch how := app.RenewalOf(p, false); {
	case how == app.RenewsItself:
		r.say("%s, served to the programs of this shell for as long as it lives%s", name, reach(r))
	case how == app.RenewsFromFile:
		r.say("%s, served to the programs of this shell until %s, and longer once there is a new key%s", name, display.Clock(l.Session.Expires, r.Now()), reach(r))
	default:
		r.say("%s, served to the programs of this shell until %s%s (then vault refresh %s)", name, display.Clock(l.Session.Expires, r.Now()), reach(r), asks(how, app.RenewProgram(app.Chain(p))))
	}
	announceLabel(r)
}
