package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/proxy"
	"github.com/d44b7504/vault/internal/server"
)

type proxyOptions struct{ stop, front, untilEOF bool }

func newProxy(r *run) *cobra.Command {
	var o proxyOptions
	c := &cobra.Command{
		Use:     "proxy",
		Aliases: []string{"server"},
		Short:   "act as EC2's instance metadata for exec --ec2-server (needs root)",
		Long: `Gives this machine the address ` + server.MetadataAddr + `, where programs look for EC2's instance
metadata, and answers there with the credentials of whoever runs
vault exec --ec2-server. Run it with sudo: the user it is run for may use it and stop
it. It holds no credentials, and what answers runs without root's rights.

Every program on this machine can ask at that address. Prefer vault exec --server.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return runProxy(c.Context(), r, o) },
	}
	boolFlag(c.Flags(), &o.stop, "stop", "", false, "stop the running proxy, and remove what a killed one has left")
	c.Flags().BoolVar(&o.front, "front", false, "be the half that answers")
	c.Flags().BoolVar(&o.untilEOF, "until-eof", false, "end with standard input")
	_, _ = c.Flags().MarkHidden("front"), c.Flags().MarkHidden("until-eof")
	return c
}

func runProxy(ctx context.Context, r *run, o proxyOptions) error {
	switch {
	case o.front:
		return proxy.Front(ctx)
	case o.stop:
		return proxyError(proxy.Stop(ctx))
	}
	owner, err := proxyOwner(r)
	if err != nil {
		return err
	}
	if o.untilEOF {
		var end context.CancelFunc
		ctx, end = context.WithCancel(ctx)
		defer end()
		go func() {
			_, _ = io.Copy(io.Discard, r.Stdin)
			end()
		}()
	}
	err = proxy.Keep(ctx, owner, []string{r.Self, "proxy", "--front"}, []string{"PATH=" + r.getenv("PATH")}, func(taken bool) {
		if taken {
			r.say("took over the address %s, which a proxy that was killed had left", server.MetadataAddr)
		}
		if !o.untilEOF {
			r.say("instance metadata is at http://%s now; vault proxy --stop ends it", server.MetadataAddr)
		}
	})
	return proxyError(err)
}

// proxyOwner is the user whom sudo runs this for, or root.
func proxyOwner(r *run) (proxy.Owner, error) {
	uid, gid := r.getenv("SUDO_UID"), r.getenv("SUDO_GID")
	if uid == "" {
		return proxy.Owner{}, nil
	}
	u, err := strconv.ParseUint(uid, 10, 31)
	g, gidErr := strconv.ParseUint(gid, 10, 31)
	if err = errors.Join(err, gidErr); err != nil {
		return proxy.Owner{}, fmt.Errorf("SUDO_UID and SUDO_GID are not those of a user: %w", err)
	}
	return proxy.Owner{UID: int(u), GID: int(g)}, nil
}

// proxyError adds what to do.
func proxyError(err error) error {
	switch {
	case errors.Is(err, proxy.ErrNotRoot):
		return app.WithHint(err, "run sudo vault proxy in another terminal first, or use vault exec --server, which needs no root")
	case errors.Is(err, proxy.ErrRunning):
		return app.WithHint(err, "vault proxy --stop ends it")
	case errors.Is(err, proxy.ErrForeign), errors.Is(err, proxy.ErrUnsupported):
		return app.WithHint(err, "use vault exec --server")
	}
	return err
}

// joinProxy makes the proxy serve this process's endpoint until leave is called. As root it
// starts a proxy if none is running.
func joinProxy(ctx context.Context, r *run, o execOptions, q env.Request, e env.Endpoint, region string) (leave func(), err error) {
	stop := func() {}
	if !proxy.Running() {
		if stop, err = startProxy(ctx, r); err != nil {
			return nil, err
		}
	}
	c, err := proxy.Join(ctx, proxy.Instance{URL: e.URL, Token: e.Token.Reveal(), Role: roleName(q.Profile), Region: region, V1: o.v1})
	if err != nil {
		stop()
		return nil, proxyError(err)
	}
	return func() {
		_ = c.Close()
		stop()
	}, nil
}

// roleName is a profile's name as a word in an address.
func roleName(profile string) string {
	if app.Word(profile) == profile && profile != "" {
		return profile
	}
	return "vault"
}

// startProxy starts a proxy that ends with this process, however that ends.
func startProxy(ctx context.Context, r *run) (stop func(), err error) {
	stop, ended, err := r.Companion([]string{"proxy", "--until-eof"}, r.Environ)
	if err != nil {
		return nil, fmt.Errorf("start the metadata proxy: %w", err)
	}
	for end := time.Now().Add(5 * time.Second); !proxy.Running(); {
		select {
		case <-ended:
			return nil, statusError(exitFailed) // it has said why
		case <-ctx.Done():
			stop()
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond):
			if time.Now().After(end) {
				stop()
				return nil, errors.New("the metadata proxy was started, and does not answer")
			}
		}
	}
	return stop, nil
}
