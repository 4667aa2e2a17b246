package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/server"
)

// This file serves profiles to programs that this one does not start: in a container, or at
// the other end of ssh -R.

type serveOptions struct {
	sessionFlags
	port         int
	tokenFile    string
	lazy, asJSON bool
	profiles     []string
}

func newServe(r *run) *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve [PROFILE…]",
		Short: "serve credentials to containers and through ssh -R",
		Long: `Serves the sessions of profiles on loopback, at a path for each, until you press
Ctrl-C. Every AWS SDK reads them there, and gets new ones before they expire. The
keys stay here. Who asks must have the token, which is in a file that only you can
read; it is a new one each time. Without a profile the active one is served.

For a command that you start here, use vault exec --server.`,
		ValidArgsFunction: completeProfiles(r),
		RunE: func(c *cobra.Command, a []string) error {
			o.profiles = a
			if err := o.check(); err != nil {
				return usage(c, err)
			}
			return runServe(c.Context(), r, o)
		},
	}
	o.bind(c, r)
	c.Flags().IntVarP(&o.port, "port", "p", 0, "the port to listen on (default: a free one)")
	c.Flags().StringVar(&o.tokenFile, "token-file", "", "the file to write the token to (default: one in the runtime directory)")
	boolFlag(c.Flags(), &o.lazy, "lazy", "", false, "make no session before a program asks for one")
	boolFlag(c.Flags(), &o.asJSON, "json", "j", false, "print the addresses as JSON")
	_ = c.RegisterFlagCompletionFunc("token-file", completeFiles)
	return c
}

func (o serveOptions) check() error {
	switch {
	case o.port < 0 || o.port > 65535:
		return fmt.Errorf("%d is not the number of a port", o.port)
	case o.noSession:
		return errors.New("serve gives out sessions, so --no-session does not go with it")
	case o.center.given() && len(o.profiles) > 0:
		return errors.New("name profiles, or --sso with an account and a role")
	}
	for i, name := range o.profiles {
		if slices.Contains(o.profiles[:i], name) {
			return fmt.Errorf("%q is named twice", name)
		}
	}
	return nil
}

// served is what a client has to know, apart from the token itself.
type served struct {
	TokenFile string          `json:"token_file"`
	Profiles  []servedProfile `json:"profiles"`
}

type servedProfile struct {
	Profile string `json:"profile"`
	URL     string `json:"url"`
}

func runServe(ctx context.Context, r *run, o serveOptions) error {
	grants, err := o.grants(ctx, r)
	if err != nil {
		return err
	}
	s, err := server.Listen(server.Options{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(o.port)), AnyPort: true, Now: r.Now})
	if err != nil {
		return app.WithHint(fmt.Errorf("listen on port %d: %w", o.port, err), "choose another --port, or leave it out")
	}
	defer func() { _ = s.Close() }()
	token, told := server.NewToken(), served{}
	for _, g := range grants {
		g.Token = token
		lease, err := s.Add(g)
		if err != nil {
			return err
		}
		told.Profiles = append(told.Profiles, servedProfile{g.Name, lease.URL()})
	}
	if told.TokenFile, err = o.writeToken(r, s.Addr(), token); err != nil {
		return err
	}
	defer func() { _ = atomicfile.Remove(told.TokenFile) }()
	if err := told.print(r, o.asJSON); err != nil {
		return err
	}
	debug.SetGCPercent(100) // from here on memory counts, and not the time to start
	<-ctx.Done()
	return nil
}

// grants makes or finds the first session of every profile, as long as a person is there to
// be asked, and says where the next ones come from.
func (o serveOptions) grants(ctx context.Context, r *run) ([]server.Grant, error) {
	type asked struct {
		request env.Request
		profile profiles.Profile
		first   creds.Session
	}
	var all []asked
	names := o.profiles
	if len(names) == 0 {
		names = []string{""} // the active one
	}
	for _, name := range names {
		q, err := o.choose(ctx, r, name, "")
		if err != nil {
			return nil, err
		}
		q.Mode = ""
		a := asked{request: q}
		if o.lazy {
			a.profile, err = o.unmade(ctx, r, &a.request)
		} else {
			p, l, failed := o.session(ctx, r, &a.request)
			a.profile, a.first, err = p, l.Session, failed
			o.mfaToken = "" // a code works once
		}
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	grants := make([]server.Grant, 0, len(all))
	for _, a := range all { // now that what opens the store has been typed
		source := r.task.SourceAfter(a.first, a.profile, a.request, func(t app.Trouble) { announceTrouble(r, t) })
		grants = append(grants, server.Grant{Name: a.request.Profile, Source: source, First: a.first})
	}
	return grants, nil
}

// writeToken writes the token to its file, and returns the path of that.
func (o serveOptions) writeToken(r *run, addr string, token creds.Secret) (file string, err error) {
	if file = o.tokenFile; file == "" {
		if file, err = tokenFile(r, addr); err != nil {
			return "", err
		}
	}
	if file, err = filepath.Abs(file); err != nil {
		return "", err
	}
	if err := mayReplace(file); err != nil {
		return "", err
	}
	_ = atomicfile.Remove(file) // others may have been allowed to read the old one
	if err := atomicfile.WriteCache(file, []byte(token.Reveal())); err != nil {
		return "", fmt.Errorf("write the token: %w", err)
	}
	return file, nil
}

// tokenFile is where the token of an address is written, unless the person has said where.
func tokenFile(r *run, addr string) (string, error) {
	runtime := r.task.Env.Runtime().Path
	if runtime == "" {
		return "", app.WithHint(errors.New("there is no directory for the token that is yours alone"), "name a file: --token-file FILE")
	}
	dir := filepath.Join(runtime, "serve")
	dropTokens(dir)
	_, port, err := net.SplitHostPort(addr)
	return filepath.Join(dir, port+".token"), errors.Join(err, atomicfile.PrivateDir(dir))
}

// mayReplace refuses a file that has something else than a token: a typo should cost nothing.
func mayReplace(file string) error {
	old, err := atomicfile.Read(file, 1<<10)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && server.IsToken(string(old)):
		return nil
	case err != nil:
		return fmt.Errorf("look at the file for the token: %w", err)
	}
	return app.WithHint(fmt.Errorf("%q has something else than a token, and is not replaced", file), "name a file that does not exist yet")
}

// dropTokens removes the tokens of servers that were killed: nothing listens at their ports.
func dropTokens(dir string) {
	files, _ := filepath.Glob(filepath.Join(dir, "*.token"))
	for _, file := range files {
		port := strings.TrimSuffix(filepath.Base(file), ".token")
		c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			_ = atomicfile.Remove(file)
			continue
		}
		_ = c.Close()
	}
}

// print tells a person, or a program, what a client has to be given.
func (s served) print(r *run, asJSON bool) error {
	if asJSON {
		return errors.Join(display.JSON(r.Stdout, s), r.flush())
	}
	var t display.Table
	t.Row("profile", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
	for _, p := range s.Profiles {
		t.Row(p.Profile, p.URL)
	}
	t.Row("every", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
	t.Row("", s.TokenFile)
	if err := errors.Join(t.Write(r.Stdout), r.flush()); err != nil {
		return err
	}
	r.say("set both variables where the program runs; Ctrl-C ends this")
	return nil
}
