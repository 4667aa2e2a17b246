package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/agent"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/host"
)

func newAgent(r *run) *cobra.Command {
	c := &cobra.Command{
		Use:   "agent",
		Short: "the process that keeps a store unlocked",
		Long: `The agent holds a store that you have unlocked by typing its passphrase (back ends
age and file), so that every terminal goes on without asking again. It starts by
itself when you type a passphrase, forgets it after AWS_VAULT_AGENT_TTL (8h), and
ends when nothing needs it. It also serves the shells in mode server, with every
back end. AWS_VAULT_AGENT=off: there is none.

It makes sessions, and gives out neither a key nor a passphrase.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newAgentStart(r), newAgentStop(r), newAgentStatus(r))
	return c
}

func newAgentStart(r *run) *cobra.Command {
	var foreground, launched bool
	c := &cobra.Command{
		Use:   "start",
		Short: "start the agent, unless it runs",
		Long: `Starts the agent before the first passphrase is typed. That is not needed: it
starts by itself. With --foreground it runs in this process, for a service manager;
a socket that systemd passes on is used.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case launched:
				return runAgentLaunched(c.Context(), r)
			case foreground:
				return runAgent(c.Context(), r, nil)
			}
			return startAgent(c.Context(), r)
		},
	}
	boolFlag(c.Flags(), &foreground, "foreground", "", false, "run in this process until it is stopped, or idle")
	c.Flags().BoolVar(&launched, "launched", false, "")
	_ = c.Flags().MarkHidden("launched")
	return c
}

// startAgent starts it in the background.
func startAgent(ctx context.Context, r *run) error {
	if allowed, err := r.task.Env.AgentAllowed(); err != nil || !allowed {
		return cmpErr(err, app.WithHint(errors.New("there is no agent: AWS_VAULT_AGENT is off, or AWS_VAULT_AGENT_TTL is 0"), "unset it and try again"))
	}
	if err := r.agent.Start(ctx); err != nil {
		return fmt.Errorf("start the agent: %w", err)
	}
	return showAgent(ctx, r, false)
}

func cmpErr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// runAgentLaunched is the agent that a command has started in the background.
func runAgentLaunched(ctx context.Context, r *run) error {
	host.CloseInherited()
	ready := false
	err := runAgent(ctx, r, func() { ready = true; host.LetGo(host.Ready) })
	if !ready && err != nil {
		host.LetGo(app.OneLine(err))
	}
	return err
}

// runAgent is the agent, until it ends.
func runAgent(ctx context.Context, r *run, ready func()) error {
	if allowed, err := r.task.Env.AgentAllowed(); err != nil || !allowed {
		return cmpErr(err, errors.New("AWS_VAULT_AGENT is off, or AWS_VAULT_AGENT_TTL is 0"))
	}
	host.LockMemory()
	core := r.Core()
	core.Agent = nil
	a := agent.New(agent.Options{
		Core: core, Env: r.task.Env, Dir: r.task.Env.Runtime(), Version: version(), Built: agent.Built(r.Self),
		Parts: []func(*agent.Agent) agent.Part{agent.Leases(agent.Processes{
			StartOf: host.StartOf, OnEnd: host.OnEnd, LifeDir: host.LifeDir, RemoveAtEnd: host.RemoveAtEnd,
		})},
	})
	l, err := agent.Listen(r.task.Env.Runtime(), r.task.Env)
	if err != nil {
		return err
	}
	return a.Serve(ctx, l, ready)
}

func newAgentStop(r *run) *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "end the agent",
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			was := agentNow(c.Context(), r)
			running, err := r.agent.End(c.Context())
			switch {
			case err != nil:
			case !running:
				r.say("no agent is running")
			default:
				sayEnded(r, was.Status)
			}
			return err
		},
	}
}

// sayEnded says what a person has ended with the agent.
func sayEnded(r *run, was agent.Status) {
	for _, h := range was.Stores {
		r.say("%s is locked again", h.Store)
	}
	sayRevoked(r, was)
}

// sayRevoked says which shells are not served any more.
func sayRevoked(r *run, was agent.Status) {
	for _, l := range was.Leases {
		r.say("the programs of the shell with process %d get no credentials of %s any more; vault refresh there serves them again", l.PID, l.Profile)
	}
}

// sayLocked says which shells are served nothing until a person goes on.
func sayLocked(r *run, was agent.Status) {
	for _, l := range was.Leases {
		r.say("the programs of the shell with process %d get no credentials of %s until you run vault refresh there, or vault use %s anywhere", l.PID, l.Profile, app.Word(l.Profile))
	}
}

func newLock(r *run) *cobra.Command {
	return &cobra.Command{
		Use:   "lock",
		Short: "forget every passphrase and decrypted key at once",
		Long: `Makes the agent forget what it holds. The next command that needs the store asks for
its passphrase again. What it serves to shells (mode server) is locked: their
programs get an error instead of credentials, at the same address, until "vault
refresh" there or "vault use PROFILE" in any shell. A session that is in a shell
itself stays until it expires or until "vault off", and what "vault exec --server"
serves until its command ends.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			was := agentNow(c.Context(), r)
			running, err := r.agent.Lock(c.Context())
			switch {
			case err != nil:
			case running:
				if len(was.Stores) > 0 || len(was.Leases) == 0 {
					r.say("locked: the next command that needs the store asks for its passphrase")
				}
				sayLocked(r, was.Status)
			default:
				r.say("nothing is unlocked: no agent is running")
			}
			return err
		},
	}
}

func newAgentStatus(r *run) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "say what the agent holds",
		Long:  "Says what the agent holds, and until when.\n\nExit status: 0 an agent is running, 1 none is.",
		Args:  args(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return showAgent(c.Context(), r, asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

func showAgent(ctx context.Context, r *run, asJSON bool) error {
	s, err := r.agent.Status(ctx)
	if err != nil {
		return err
	}
	switch {
	case asJSON:
		err = display.JSON(r.Stdout, s)
	case s.Running:
		err = printAgent(r, s)
	default:
		r.say("no agent is running")
	}
	if err == nil && !s.Running {
		return statusError(exitFailed)
	}
	return err
}

func printAgent(r *run, s agent.Status) error {
	var t display.Table
	t.Row("process", fmt.Sprint(s.PID))
	t.Row("version", s.Version)
	if s.Since != nil {
		t.Row("since", display.Clock(*s.Since, r.Now()))
	}
	t.Row("socket", s.Socket)
	for _, h := range s.Stores {
		until := "until " + display.Clock(h.Until, r.Now())
		if h.UntilSuspended {
			until += ", or until the machine is suspended"
		}
		t.Row("unlocked", h.Store+" "+until)
	}
	if len(s.Stores) == 0 {
		t.Row("unlocked", "nothing")
	}
	for _, l := range s.Leases {
		t.Row("serves", leaseWords(r, l))
	}
	err := t.Write(r.Stdout)
	if s.Older {
		r.hint("it is of an older version, and is replaced by the next command that asks for a passphrase; vault agent stop ends it now")
	}
	return err
}

// leaseWords says what a shell is served, and until when.
func leaseWords(r *run, l agent.Leased) string {
	words := fmt.Sprintf("%s to the shell with process %d", l.Profile, l.PID)
	if l.Locked {
		return words + ", locked by vault lock until vault refresh there, or vault use " + app.Word(l.Profile) + " anywhere"
	}
	if l.Until != nil {
		words += ", session until " + display.Clock(*l.Until, r.Now())
	}
	if l.Note != "" {
		words += " (" + string(l.Note) + " " + l.Note.Meaning().Sentence + ")"
	}
	return words
}

// noAgent says that there is none.
const noAgent = "none"

// agentState is what the agent says of itself, or why it says nothing.
type agentState struct {
	agent.Status
	err error
}

// agentNow asks the agent. One that does not answer at once is not waited for.
func agentNow(ctx context.Context, r *run) agentState {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s, err := r.agent.Status(ctx)
	return agentState{s, err}
}

// words says in a few words what the agent holds.
func (s agentState) words(r *run) string {
	switch {
	case s.err != nil:
		return "it does not answer"
	case !s.Running:
		return noAgent
	}
	if held := holdings(r, s.Status); len(held) > 0 {
		return strings.Join(held, ", ")
	}
	return "running, with nothing unlocked"
}

// holdings are the things that end with the agent.
func holdings(r *run, s agent.Status) []string {
	var held []string
	for _, h := range s.Stores {
		held = append(held, h.Store+" unlocked until "+display.Clock(h.Until, r.Now()))
	}
	if n := len(s.Leases); n > 0 {
		held = append(held, "serves "+display.Count(n, "shell"))
	}
	return held
}

// addLease adds to the status of a shell what the agent says of its lease.
func (s agentState) addLease(r *run, shell app.Status, id string) app.Status {
	for _, l := range s.Leases {
		if l.ID == id && l.Until != nil {
			shell.Expires, shell.Expired = l.Until, !r.Now().Before(*l.Until)
			shell.Left = max(0, int(l.Until.Sub(r.Now())/time.Second))
		}
	}
	return shell
}
