package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/mfa"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

// This file decides what a session is given to a shell that a coding agent has started, as
// vault_agents of the profile or AWS_VAULT_AGENTS says. Without either nothing changes.

// agentsVariable is the default of vault_agents.
const agentsVariable = "AWS_VAULT_AGENTS"

// CodingAgent is the coding agent that has started the caller's shell, and the rule for it. Its zero
// value means none.
type CodingAgent struct {
	Name string `json:"name"`
	Rule string `json:"rule,omitempty"` // "": none
	At   string `json:"-"`              // where the rule is set, for messages
}

// codingAgent finds out which agent and which rule there are for a profile. A rule that cannot be
// read is an error, whoever asks: a typo must not wait for an agent to be noticed.
func (t *Task) codingAgent(g profiles.Guard) (CodingAgent, error) {
	a := CodingAgent{Name: env.CodingAgent(t.Env.Current), Rule: strings.ToLower(t.Env.Get(agentsVariable)), At: agentsVariable}
	if a.Rule != "" && !slices.Contains(profiles.AgentRules(), a.Rule) {
		return a, fmt.Errorf("%s is %q, and not one of %s", agentsVariable, a.Rule, strings.Join(profiles.AgentRules(), ", "))
	}
	if g.Agents != "" {
		a.Rule, a.At = g.Agents, g.AgentsAt
	}
	return a, nil
}

// heldForAgent is a request as the rule for coding agents makes it.
func (t *Task) heldForAgent(p profiles.Profile, q env.Request) (env.Request, CodingAgent, error) {
	a, err := t.codingAgent(p.Guard)
	if q.Agent = ""; err != nil || a.Name == "" || a.Rule == "" {
		return q, a, err
	}
	q.Agent = a.Name
	switch others := slices.ContainsFunc(q.PolicyARNs, func(arn string) bool { return arn != env.ReadOnlyPolicy }); {
	case a.Rule == profiles.AgentsDeny:
		return q, a, fmt.Errorf("%s is not given to coding agents, as %s says, and %s has started this shell", p.Name, a.At, a.Name)
	case a.Rule != profiles.AgentsReadOnly:
	case q.Mode == env.ModeProfile: // the AWS tools would use the whole role
		return q, a, fmt.Errorf("%s gives coding agents only sessions that can read, which needs mode env, and %s has started this shell", a.At, a.Name)
	case q.NoSession, q.Policy != "", others:
		return q, a, fmt.Errorf("%s gives coding agents only sessions that can read, with no other policy, and %s has started this shell", a.At, a.Name)
	default:
		q.PolicyARNs = []string{env.ReadOnlyPolicy}
	}
	return q, a, nil
}

// notNarrowed adds to the error for a session that cannot be narrowed why it should have been.
func notNarrowed(a CodingAgent, err error) error {
	var noRole *profiles.NoRoleError
	if a.Name == "" || a.Rule != profiles.AgentsReadOnly || !errors.As(err, &noRole) {
		return err
	}
	return WithHint(err, "%s gives coding agents only sessions that can read, and %s has started this shell", a.At, a.Name)
}

// maxSessionName is the longest name of a session that AWS takes.
const maxSessionName = 64

// sessionNameFor adds an agent to the name of a session, so that CloudTrail tells them apart; nil for
// no agent.
func (t *Task) sessionNameFor(agent string) func(string) string {
	if agent == "" {
		return nil
	}
	return func(name string) string {
		if name == "" {
			name = sessions.DefaultSessionName(t.Who())
		}
		return name[:min(len(name), maxSessionName-1-len(agent))] + "+" + agent
	}
}

// AskedError says that a person has to allow a coding agent a session, and that no dialog can be
// shown. It matches sessions.ErrNeedsUser.
type AskedError struct {
	Agent, Profile string
	Why            error
}

func (e *AskedError) Error() string {
	return fmt.Sprintf("a person has to allow %s a session of %s in a dialog, and none can be shown here", e.Agent, e.Profile)
}

// Is makes the exit status that of a missing person.
func (*AskedError) Is(target error) bool { return target == sessions.ErrNeedsUser }

// allowAgent has a person allow the agent a session, once for each session that has the agent's name. They
// are never asked on the terminal, which may be one that the agent types into.
func (t *Task) allowAgent(ctx context.Context, p profiles.Profile, q env.Request, a CodingAgent) error {
	if q.Agent != "" && (p.Source.Role != nil || p.Source.WebIdentity != nil) {
		if l, err := storedLease(ctx, t, p); err == nil && l.Session.AccessKeyID != "" && !l.Session.Expired(t.Now()) {
			return nil
		}
	}
	if t.Quiet {
		return &AskedError{Agent: a.Name, Profile: p.Name}
	}
	dialogs := mfa.Asker{Env: t.Env.Current, Run: helpers{t}.runMFAProgram}
	answer, err := dialogs.Dialog(ctx, fmt.Sprintf("%s wants a session of %s%s. Type the name of the profile to allow it: ", a.Name, p.Name, whose(p)))
	var failed *mfa.FailedError
	switch {
	case errors.As(err, &failed):
		return WithHint(&AskedError{Agent: a.Name, Profile: p.Name, Why: err}, "run the command yourself, in a terminal that no agent has started")
	case err != nil && (ctx.Err() != nil || !errors.Is(err, context.Canceled)):
		return err
	case err != nil, !answer.Equal(creds.New(p.Name)):
		return fmt.Errorf("the person did not allow %s a session of %s", a.Name, p.Name)
	}
	return nil
}
