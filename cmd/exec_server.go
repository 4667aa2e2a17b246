package cmd

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/proxy"
	"github.com/d44b7504/vault/internal/server"
	"github.com/d44b7504/vault/refresh"
)

// This file runs a command that asks this process for credentials, so that it outlives
// every session. The process stays until the command ends.

type serveFlags struct {
	server, ec2, v1, lazy bool
	roles                 []string
}

// serves reports whether the command asks this process for credentials.
func (o serveFlags) serves() bool { return o.server || o.ec2 }

func (o *serveFlags) bind(c *cobra.Command) {
	fs := c.Flags()
	boolFlag(fs, &o.server, "server", "s", false, "serve credentials that renew to the command, and export no keys")
	boolFlag(fs, &o.server, "ecs-server", "", false, "the same as --server")
	boolFlag(fs, &o.lazy, "lazy", "", false, "with --server: make no session before the command asks for one")
	fs.StringArrayVar(&o.roles, "allow-role", nil, "with --server: let the command have this role too, by its ARN (may be repeated)")
	boolFlag(fs, &o.ec2, "ec2-server", "", false, "serve them as EC2's instance metadata does, to every program of this machine (see the command proxy)")
	boolFlag(fs, &o.v1, "imds-v1", "", false, "with --ec2-server: answer requests of version 1, which have no token")
	_ = fs.MarkHidden("ecs-server")
}

// check refuses flags that contradict each other.
func (o execOptions) check(c *cobra.Command) error {
	switch changed := c.Flags().Changed; {
	case o.server && o.ec2:
		return errors.New("--server and --ec2-server are two ways to serve: choose one")
	case o.serves() && o.asJSON:
		return errors.New("a server prints nothing, so --json does not go with it")
	case o.serves() && o.noSession:
		return errors.New("a server serves sessions, so --no-session does not go with it")
	case o.serves() && o.profileEnv && changed("profile-env"):
		return errors.New("a server and --profile-env are two ways to give credentials: choose one")
	case o.v1 && !o.ec2:
		return errors.New("--imds-v1 goes with --ec2-server only")
	case !o.server && (o.lazy || len(o.roles) > 0):
		return errors.New("--lazy and --allow-role go with --server only")
	case o.roleARN != "" && len(o.roles) > 0:
		return errors.New("--allow-role and --role-arn do not go together")
	}
	for _, arn := range o.roles {
		if !profiles.IsRoleARN(arn) {
			return fmt.Errorf("--allow-role wants the ARN of a role, not %q", arn)
		}
	}
	return nil
}

// runServed runs the command beside an endpoint.
func runServed(ctx context.Context, r *run, o execOptions, q env.Request, path string, argv []string) error {
	if err := checkDefault(r, q, "leave out --server"); err != nil {
		return err
	}
	if o.ec2 {
		if err := proxyError(proxy.Possible()); err != nil { // before a person is asked for anything
			return err
		}
	}
	p, l, err := o.first(ctx, r, &q)
	if err != nil {
		return err
	}
	s, err := server.Listen(server.Options{Now: r.Now})
	if err != nil {
		return fmt.Errorf("serve credentials on loopback: %w", err)
	}
	defer func() { _ = s.Close() }()
	grant, err := grantOf(ctx, r, o, q, p, l.Session)
	if err != nil {
		return err
	}
	lease, err := s.Add(grant)
	if err != nil {
		return err
	}
	e := env.Endpoint{URL: lease.URL(), Token: lease.Token()}
	if o.ec2 {
		leave, err := joinProxy(ctx, r, o, q, e, p.Region)
		if err != nil {
			return err
		}
		defer leave()
		e = env.Endpoint{} // the address that every program knows
	}
	environ := r.forSelf(path, env.ChildServed(r.Environ, q, e, l.Session, l.File))
	o.announce(r, q)
	return beside(r, path, argv, environ)
}

// first makes or finds the session that is served first. A lazy one is made when the
// command asks.
func (o execOptions) first(ctx context.Context, r *run, q *env.Request) (profiles.Profile, refresh.Lease, error) {
	if !o.lazy {
		return o.session(ctx, r, q)
	}
	p, err := o.unmade(ctx, r, q)
	m, _ := r.task.Env.Runtime().Mark(refresh.Key(p))
	return p, refresh.Lease{Session: creds.Session{Profile: p.Name, Region: p.Region, Settings: p.Network.Variables}, File: m.File}, err
}

// grantOf is what the command may ask for: the profile, and the roles that were allowed.
func grantOf(ctx context.Context, r *run, o execOptions, q env.Request, p profiles.Profile, first creds.Session) (server.Grant, error) {
	tell := func(t app.Trouble) { announceTrouble(r, t) }
	g := server.Grant{Source: r.task.SourceAfter(first, p, q, tell), Roles: map[string]server.Source{}, First: first}
	if q.RoleARN != "" {
		return g, nil
	}
	for _, arn := range slices.Concat(o.roles, r.task.AllowedRoles(q.Profile)) {
		byRole := q
		byRole.RoleARN = arn
		p, err := r.task.Resolve(ctx, byRole)
		if err != nil {
			return g, err
		}
		g.Roles[arn] = r.task.SourceAfter(creds.Session{}, p, byRole, tell)
	}
	return g, nil
}

// beside runs a program in the foreground while this process serves it.
func beside(r *run, path string, argv, environ []string) error {
	debug.SetGCPercent(100) // from here on memory counts, and not the time to start
	go debug.FreeOSMemory()
	return execute(r.Foreground, path, argv, environ)
}

// announceTrouble says once that a session is not renewed, whatever the command shows.
func announceTrouble(r *run, t app.Trouble) {
	switch {
	case t.Ends.IsZero():
		r.say("there is no session of %s: %s", t.Profile, t.Note.Meaning().Sentence)
	default:
		r.say("%s ends at %s and is not renewed: %s", t.Profile, display.Clock(t.Ends, r.Now()), t.Note.Meaning().Sentence)
	}
	r.hint("in another terminal: %s", t.Command)
}
