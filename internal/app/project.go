package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/project"
)

// This file is about project directories: which profile the file in a directory names, and
// whether that counts in the caller's shell.

// projectVariable says what is done in a shell that enters a project directory.
const projectVariable = "AWS_VAULT_PROJECT"

// The values of that variable, and of the flag of the hook.
const (
	ProjectOff    = "off"    // nothing; what holds without them
	ProjectOffer  = "offer"  // the person is told
	ProjectSwitch = "switch" // the shell is switched, if nothing has to be asked
)

// ProjectModes are those values.
func ProjectModes() []string { return []string{ProjectOffer, ProjectSwitch, ProjectOff} }

// ProjectMode is what the caller's variable says, else flag, which may be "", else ProjectOff.
// The variable goes first: the flag is in a start file, and the variable is for one terminal.
func (e Environment) ProjectMode(flag string) (string, error) {
	mode, from := flag, "--project"
	if v := e.User[projectVariable]; v != "" {
		mode, from = v, projectVariable
	}
	switch mode = strings.ToLower(mode); mode {
	case "":
		return ProjectOff, nil
	case ProjectOff, ProjectOffer, ProjectSwitch:
		return mode, nil
	}
	return "", fmt.Errorf("%s is %q: it is offer, switch or off", from, mode)
}

// Project is the file that counts in a directory, as the caller's shell sees it.
type Project struct {
	project.File
	Shown   string // the file's path as a person writes it
	Verdict project.Verdict
	// Tool is another program that says who one is in this directory, and Sets the variables
	// by which it does. The file then counts for nothing.
	Tool string
	Sets []string
}

// ProjectIn returns the file that counts in dir, an absolute path; nil if there is none.
func (t *Task) ProjectIn(dir string) *Project {
	at, there := project.Find(dir)
	if !there {
		return nil
	}
	p := t.projectAt(at)
	return &p
}

// projectAt is the project whose file is in dir.
func (t *Task) projectAt(dir string) Project {
	p := Project{File: project.Read(dir), Verdict: project.Unknown}
	if records, err := t.ProjectRecords(); err == nil {
		p.Verdict = records.Of(p.File)
	}
	p.Shown = t.Env.Tilde(p.Path())
	p.Tool, p.Sets = env.DirectoryTool(t.Env.Current)
	return p
}

// ProjectRecords are the files that the user has said something of.
func (t *Task) ProjectRecords() (project.Records, error) {
	dir, err := t.Env.StateDir()
	return project.Records{Dir: filepath.Join(dir, "projects")}, err
}

// Mark is one word for what was found in a directory, by which a shell and those that are
// started in it know that it has been dealt with. It is "" for a nil p.
func (p *Project) Mark() string {
	if p == nil {
		return ""
	}
	said := string(p.Verdict)
	switch {
	case p.Verdict == project.Ignored:
	case p.Problem != nil:
		said = "unusable"
	case p.Tool != "":
		said = p.Tool
	}
	return said + "-" + project.Sum(p.Path()+"\x00"+p.Hash)
}

// Usable returns an error that says why p does not count, nil if it does.
func (p *Project) Usable() error {
	switch {
	case p.Problem != nil:
		return fmt.Errorf("%s %w, and is not used", p.Shown, p.Problem)
	case p.Verdict == project.Trusted && p.Tool != "":
		return fmt.Errorf("%s is not used, because %s sets %s here", p.Shown, p.Tool, strings.Join(p.Sets, ", "))
	case p.Verdict == project.Changed:
		return WithHint(fmt.Errorf("%s has changed since it was trusted and names %q", p.Shown, p.Profile), "if it is right: vault project trust")
	case p.Verdict == project.Ignored:
		return WithHint(fmt.Errorf("%s is ignored", p.Shown), "vault project trust")
	case p.Verdict != project.Trusted:
		return WithHint(fmt.Errorf("%s names %q and is not trusted", p.Shown, p.Profile), "if it is right: vault project trust")
	}
	return nil
}

// TrustProject remembers that p counts as it is. It fails if p names no profile, and for a coding
// agent that a rule holds back: with a file it could choose what a person's shells become.
func (t *Task) TrustProject(ctx context.Context, p *Project) error {
	if p.Problem != nil {
		return p.Usable()
	}
	resolve := t.Resolve // a key may be stored under a name that no file has
	if set, err := t.Profiles(); err == nil && set.Configured(p.Profile) {
		resolve = func(_ context.Context, q env.Request) (profiles.Profile, error) { return t.ResolveUnopened(q) }
	}
	profile, err := resolve(ctx, env.Request{Profile: p.Profile})
	if err != nil {
		return err
	}
	agent, err := t.codingAgent(profile.Guard)
	if err != nil {
		return err
	}
	if agent.Name != "" && agent.Rule != "" && agent.Rule != profiles.AgentsAllow {
		return WithHint(fmt.Errorf("a person has to trust %s, because of %s, and %s has started this shell", p.Shown, agent.At, agent.Name),
			"run the command yourself, in a terminal that no agent has started")
	}
	records, err := t.ProjectRecords()
	if err != nil {
		return err
	}
	return records.Trust(p.File, t.Now())
}

// ProjectRequest asks for the session of p, which must be Usable. When the shell leaves the
// directory it gets back what it has now.
func (t *Task) ProjectRequest(p *Project) (q env.Request, err error) {
	q = env.Request{Profile: p.Profile, Visit: env.VisitOf(t.Env.Current, p.Dir)}
	q.Mode, err = t.ConfiguredMode(q)
	return q, err
}

// ProjectFacts say that a session is that of a project directory.
type ProjectFacts struct {
	File     string `json:"file"`
	Restores string `json:"restores,omitempty"` // the profile that a shell gets back when it leaves; "": none
}

// ProjectOf are the facts of a visit, nil for none.
func ProjectOf(v *env.Visit) *ProjectFacts {
	if v == nil {
		return nil
	}
	f := ProjectFacts{File: filepath.Join(v.Dir, project.FileName)}
	if v.Before != nil {
		f.Restores = v.Before.Profile
	}
	return &f
}

// ErrNoProject says that neither a directory nor any above it has a project's file.
var ErrNoProject = errors.New("neither this directory nor one above it has a file " + project.FileName)
