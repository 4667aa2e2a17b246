package cmd

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/project"
)

func newProject(r *run) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "project",
		Short: "let a directory name the profile to use in it",
		Long: `A file ` + project.FileName + ` with the name of a profile counts for its directory and
those below, once you have trusted it. A file that changes has to be trusted again.

A shell acts on it if the hook is told to: vault hook SHELL --project=offer, or
AWS_VAULT_PROJECT=offer, tells you of the profile when you enter the directory;
with switch the shell is switched, and gets back what it had when you leave.
vault use . switches to the profile by hand.`,
		Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return runProjectStatus(r, "", asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	c.AddCommand(newProjectStatus(r), newProjectTrust(r), newProjectIgnore(r), newProjectRevoke(r), newProjectList(r), newProjectEnter(r))
	return c
}

// projectCommand is a command of a project directory, which may be named.
func projectCommand(c *cobra.Command, do func(ctx context.Context, dir string) error) *cobra.Command {
	c.Use += " [DIRECTORY]"
	c.Args = args(cobra.MaximumNArgs(1))
	c.ValidArgsFunction = completeFiles
	c.RunE = func(c *cobra.Command, a []string) error { return do(c.Context(), firstArg(a)) }
	return c
}

func newProjectTrust(r *run) *cobra.Command {
	return projectCommand(&cobra.Command{
		Use: "trust", Aliases: []string{"allow"},
		Short: "let the directory's file count, as it is now",
		Long: `Trusts the file ` + project.FileName + ` of this directory, or of the nearest one above it, with
the content that it has now. Nobody else's file, link or pipe can be trusted, nor
one that names no profile of yours.`,
	}, func(ctx context.Context, dir string) error {
		p, err := projectHere(r, dir)
		if err == nil {
			err = r.task.TrustProject(ctx, p)
		}
		if err != nil {
			return err
		}
		r.say("trusted %s, which names %q", p.Shown, p.Profile)
		return nil
	})
}

func newProjectIgnore(r *run) *cobra.Command {
	return projectCommand(&cobra.Command{
		Use:   "ignore",
		Short: "never mention the directory's file",
		Long: `Remembers that the file ` + project.FileName + ` of this directory, or of the nearest one above
it, is to count for nothing, and that nothing is said of it. vault project trust or
revoke takes that back.`,
	}, func(_ context.Context, dir string) error {
		p, err := projectHere(r, dir)
		if err != nil {
			return err
		}
		records, err := r.task.ProjectRecords()
		if err == nil {
			err = records.Ignore(p.File, r.Now())
		}
		if err != nil {
			return err
		}
		r.say("%s is ignored", p.Shown)
		return nil
	})
}

func newProjectRevoke(r *run) *cobra.Command {
	return projectCommand(&cobra.Command{
		Use: "revoke", Aliases: []string{"deny"},
		Short: "forget that the directory's file is trusted or ignored",
		Long: `Forgets that the file ` + project.FileName + ` of this directory, or of the nearest one above it,
is trusted or ignored. A directory that does not exist any more can be named, as
vault project list shows it.`,
	}, func(_ context.Context, dir string) error {
		records, err := r.task.ProjectRecords()
		if err != nil {
			return err
		}
		path, err := recorded(r, records, dir)
		if err != nil {
			return err
		}
		was, err := records.Revoke(path)
		switch {
		case err != nil:
			return err
		case !was:
			r.say("%s was neither trusted nor ignored", r.task.Env.Tilde(path))
		default:
			r.say("%s is not trusted any more", r.task.Env.Tilde(path))
		}
		return nil
	})
}

// recorded is the file that revoke is about: that of the directory itself where something is known of
// it, because it may be gone, else the one that counts there.
func recorded(r *run, records project.Records, dir string) (string, error) {
	if dir != "" {
		exact, err := directoryOf(dir)
		if err != nil {
			return "", err
		}
		if path := filepath.Join(exact, project.FileName); records.Has(path) {
			return path, nil
		}
	}
	p, err := projectHere(r, dir)
	if err != nil {
		return "", err
	}
	return p.Path(), nil
}

// projectHere is the project of a directory, which may be named by its file; "" is the current
// directory.
func projectHere(r *run, dir string) (*app.Project, error) {
	dir, err := directoryOf(dir)
	if err != nil {
		return nil, err
	}
	p := r.task.ProjectIn(dir)
	if p == nil {
		return nil, app.WithHint(app.ErrNoProject, "to make one: echo PROFILE >%s", project.FileName)
	}
	return p, nil
}

// directoryOf is the absolute path of a directory that a person has named, perhaps by its project
// file; "" is the current directory.
func directoryOf(dir string) (string, error) {
	if dir == "" {
		return os.Getwd()
	}
	if filepath.Base(dir) == project.FileName {
		dir = filepath.Dir(dir)
	}
	return filepath.Abs(dir)
}

func newProjectList(r *run) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "list the files that are trusted or ignored",
		Args:  args(cobra.NoArgs),
		RunE:  func(*cobra.Command, []string) error { return runProjectList(r, asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

func runProjectList(r *run, asJSON bool) error {
	records, err := r.task.ProjectRecords()
	if err != nil {
		return err
	}
	list, err := records.List()
	switch {
	case err != nil:
		return err
	case asJSON:
		return display.JSON(r.Stdout, list)
	case len(list) == 0:
		r.say("no file is trusted or ignored")
		return nil
	}
	var t display.Table
	for _, rec := range list {
		said, profile := "ignored", ""
		if !rec.Ignored {
			f := project.Read(filepath.Dir(rec.Path))
			said, profile = string(records.Of(f)), f.Profile
			if errors.Is(f.Problem, project.ErrGone) {
				said = "gone"
			}
		}
		t.Row(r.task.Env.Tilde(rec.Path), said, profile)
	}
	return t.Write(r.Stdout)
}

func newProjectStatus(r *run) *cobra.Command {
	var asJSON bool
	c := projectCommand(&cobra.Command{
		Use:   "status",
		Short: "say which file counts here, and whether it is trusted",
		Long: `Says which file ` + project.FileName + ` counts in this directory, and what follows from it.

Exit status: 0 it names the profile to use here, 1 it does not or there is none.`,
	}, func(_ context.Context, dir string) error { return runProjectStatus(r, dir, asJSON) })
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

// projectStatus is what is known of a directory's file, for a program to read.
type projectStatus struct {
	File    string `json:"file"`
	Profile string `json:"profile,omitempty"`
	State   string `json:"state"` // trusted, untrusted, changed, ignored or unusable
	Problem string `json:"problem,omitempty"`
	Tool    string `json:"left_to,omitempty"` // another program that says who one is here
	Noticed bool   `json:"noticed"`           // the hook of this shell looks at such files

	Active *app.ProjectFacts `json:"active,omitempty"` // this shell has its session
}

func runProjectStatus(r *run, dir string, asJSON bool) error {
	p, err := projectHere(r, dir)
	if asJSON && errors.Is(err, app.ErrNoProject) {
		if err := display.JSON(r.Stdout, map[string]any{"file": nil}); err != nil {
			return err
		}
		return statusError(exitFailed)
	}
	if err != nil {
		return err
	}
	s := projectStatus{
		File: p.Path(), Profile: p.Profile, State: string(p.Verdict), Tool: p.Tool, Noticed: r.getenv(env.ProjectDir) != "",
	}
	if p.Problem != nil {
		s.State, s.Problem = "unusable", p.Problem.Error()
	}
	if v := visitNow(r); v != nil && v.Dir == p.Dir {
		s.Active = app.ProjectOf(v)
	}
	why := p.Usable()
	if asJSON {
		err = display.JSON(r.Stdout, s)
	} else {
		err = printProject(r, s)
	}
	switch {
	case err != nil || why == nil:
		return err
	case asJSON:
		return statusError(exitFailed)
	}
	return why
}

func printProject(r *run, s projectStatus) error {
	var t display.Table
	t.Row("file", r.task.Env.Tilde(s.File))
	t.Row("state", s.State)
	if s.Profile != "" {
		t.Row("profile", s.Profile)
	}
	if s.Active != nil {
		t.Row("active", "yes; "+givesBack(s.Active))
	}
	err := t.Write(r.Stdout)
	if !s.Noticed {
		r.hint("this shell does not look for such files; to change that: vault hook --help, --project")
	}
	return err
}

// visitNow is the project that the session of this shell is of, nil for none.
func visitNow(r *run) *env.Visit {
	st, _ := r.task.Env.Active()
	return st.Request.Visit
}

// projectText says which file has named the active profile, and what leaving its directory gives
// back; "" for none.
func projectText(r *run, f *app.ProjectFacts) string {
	if f == nil {
		return ""
	}
	return r.task.Env.Tilde(f.File) + "; " + givesBack(f)
}

func givesBack(f *app.ProjectFacts) string {
	if f.Restores == "" {
		return "leaving it gives back the shell as it was"
	}
	return "leaving it gives back " + f.Restores
}
