package cmd

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
)

type importOptions struct {
	app.ImportOptions
	check, checkGiven, yes, json bool
}

func newImport(r *run) *cobra.Command {
	o := importOptions{}
	c := &cobra.Command{
		Use:   "import [PROFILE…]",
		Short: "move plaintext keys into the keyring",
		Long: `Moves the access keys that are in plain text in the AWS credentials file, and in the
config file, into the keyring: all of them, or those of the profiles that are named.

It shows what it will do with each, and whom AWS says the key belongs to, and asks
once. Then each key is stored and read back, and only after that its two lines are
removed from the file. Comments, other settings, order, mode and links are not
changed. A profile that was in the credentials file only gets a section in the config
file. Temporary keys, and keys that AWS does not know, are left where they are.

No copy of the file is made, since it would have the keys in plain text. If it is
interrupted, run it again. Exit status 1: a key was left, and you have to do
something about it.`,
		ValidArgsFunction: completeProfile(r),
		RunE: func(c *cobra.Command, a []string) error {
			o.Profiles = a
			o.checkGiven = c.Flags().Changed("check")
			return runImport(c.Context(), r, o)
		},
	}
	fs := c.Flags()
	boolFlag(fs, &o.DryRun, "dry-run", "", false, "show what would be done, and do nothing; AWS is asked only with --check")
	boolFlag(fs, &o.KeepFiles, "keep", "", false, "store the keys and leave the files as they are")
	boolFlag(fs, &o.yes, "yes", "y", false, "do not ask")
	boolFlag(fs, &o.check, "check", "", true, "ask AWS whom each key belongs to")
	boolFlag(fs, &o.Overwrite, "overwrite", "", false, "replace a different key in the keyring")
	boolFlag(fs, &o.json, "json", "", false, "the outcome as JSON")
	boolFlag(fs, &o.Volatile, "volatile", "", false, volatileUsage)
	fs.StringVar(&o.File, "credentials-file", "", "another file to import, instead of AWS's own two")
	_ = c.RegisterFlagCompletionFunc("credentials-file", completeFiles)
	return c
}

func runImport(ctx context.Context, r *run, o importOptions) error {
	m, err := r.task.PlanImport(ctx, o.ImportOptions)
	if err != nil {
		return err
	}
	defer m.Wipe()
	m.OnStored = func(s *app.ImportStep) { sayStored(r, s.Profile, s.Key, s.Before) }
	m.OnRemoved = func(f *profiles.KeyFile, n int) { r.say("removed %s from %s", display.Count(n, "key"), f.Path) }
	if o.check && (!o.DryRun || o.checkGiven) {
		if err := m.AskOwners(ctx); err != nil {
			return err
		}
	}
	if err := showImport(r, o, m); err != nil {
		return err
	}
	if !o.DryRun {
		if err := carryOutImport(ctx, r, o, m); err != nil {
			return err
		}
	}
	return concludeImport(r, o, m)
}

func isMoved(s *app.ImportStep) bool    { return s.Action != app.ImportLeave }
func isProblem(s *app.ImportStep) bool  { return s.StoreErr != nil || s.Problem }
func isConflict(s *app.ImportStep) bool { return s.Conflict }
func isRemoved(s *app.ImportStep) bool  { return s.Removed }

// carryOutImport does what was shown, once a person has agreed.
func carryOutImport(ctx context.Context, r *run, o importOptions, m *app.Import) error {
	n := m.Count(isMoved)
	if n == 0 {
		return m.Sweep(ctx)
	}
	if !o.yes {
		question := "store " + display.Count(n, "key")
		if !o.KeepFiles {
			question += " and remove " + display.Plural(n, "it", "them") + " from the file"
		}
		if err := r.confirm(ctx, "vault import", question, "nothing was imported"); err != nil {
			return err
		}
	}
	if err := m.Store(ctx); err != nil {
		if m.Count(func(s *app.ImportStep) bool { return s.Stored }) > 0 {
			r.say("stopped: the keys that were stored are in the file as well; run vault import again")
		}
		return err
	}
	if err := m.Rewrite(ctx); err != nil {
		return app.WithHint(fmt.Errorf("the keys are stored, and still in the file too: %w", err), "run vault import again")
	}
	return nil
}

// showImport prints the plan, and with --dry-run the change of the files.
func showImport(r *run, o importOptions, m *app.Import) error {
	out := r.Stdout
	switch {
	case len(m.Steps) == 0:
		r.say("there is no key in plain text in %s", searchedFiles(m))
		return nil
	case o.json && (o.yes || o.DryRun):
		return nil
	case o.json:
		out = r.Stderr
	}
	if err := printImportPlan(out, m); err != nil {
		return err
	}
	sayOtherNames(r, m)
	if o.DryRun {
		if err := printImportDiff(out, m); err != nil {
			return err
		}
	} else {
		sayUnreadSettings(r, m)
	}
	return r.flush() // it is read before the question is answered
}

// sayOtherNames warns of a file that has other names, hard links: they keep the keys.
func sayOtherNames(r *run, m *app.Import) {
	for _, f := range m.Files() {
		if f.Links > 1 && !m.KeepFiles && m.Count(func(s *app.ImportStep) bool { return s.File == f && isMoved(s) }) > 0 {
			r.say("%s has %s, under which the keys will stay in plain text; find / -samefile finds it, so that you can delete it",
				f.Path, display.Count(f.Links-1, "other name"))
		}
	}
}

func searchedFiles(m *app.Import) string {
	paths := m.Credentials.Path
	if m.File == "" {
		paths += " or " + m.Config.Path
	}
	return paths
}

// printImportPlan prints a line for every key, under the name of its file.
func printImportPlan(out io.Writer, m *app.Import) error {
	for _, f := range m.Files() {
		t := display.Table{Indent: "  "}
		any := false
		for _, s := range m.Steps {
			if s.File == f {
				t.Row(s.Profile, s.Key.Tail(), importWords(m, s))
				any = true
			}
		}
		if !any {
			continue
		}
		if _, err := fmt.Fprintln(out, display.Clean(f.Path)); err != nil {
			return err
		}
		if err := t.Write(out); err != nil {
			return err
		}
	}
	return nil
}

// importWords says what happens to a key.
func importWords(m *app.Import, s *app.ImportStep) string {
	var what string
	switch s.Action {
	case app.ImportLeave:
		return "leave it: " + s.Reason
	case app.ImportStore:
		what = "store it"
	case app.ImportReplace:
		what = "store it in place of " + s.Before.Shown()
	case app.ImportRemove:
		what = "it is stored already"
	}
	if !m.KeepFiles {
		what += ", remove it from the file"
	}
	if s.Owner.ARN != "" {
		what += " (" + s.Owner.ARN + ")"
	}
	return what
}

// printImportDiff prints the lines that would be removed and added, without secrets.
func printImportDiff(out io.Writer, m *app.Import) error {
	for _, f := range []*profiles.KeyFile{m.Credentials, m.Config} {
		edit, _, err := m.Edit(f, f, func(*app.ImportStep) bool { return true })
		if err != nil {
			return err
		}
		if edit.Empty() {
			continue
		}
		if err := printCleanLines(out, "\n"+f.Path+"\n"+edit.Diff()); err != nil {
			return err
		}
	}
	return nil
}

// sayUnreadSettings names settings, and roles over the imported keys, that vault will not find.
func sayUnreadSettings(r *run, m *app.Import) {
	for _, s := range m.Steps {
		for _, x := range m.UnreadSettings(s) {
			r.say("%s of %s is only in %s:%d, where vault does not read it: copy it to %s", x.Key, s.Profile, s.File.Path, x.Line, m.Config.Path)
		}
	}
	for _, role := range m.UnreadRoles() {
		r.say("%s is only in %s, where vault does not read it, and assumes a role with the key of %s: copy its section to %s",
			role.Profile, m.Credentials.Path, role.Source.Stored.Profile, m.Config.Path)
	}
}

// concludeImport says what is left in plain text, and makes the exit status.
func concludeImport(r *run, o importOptions, m *app.Import) error {
	sayExposedFiles(r, m)
	switch {
	case o.json:
		if err := printImportJSON(r, m); err != nil {
			return err
		}
	case o.DryRun:
	case m.Count(isMoved) > 0:
		sayLeftKeys(r, m)
		hintOverwrite(r, m)
	case len(m.Steps) > 0: // what is left, and why, has just been shown
		r.say("there is no key to move")
		hintOverwrite(r, m)
	}
	if m.Count(isRemoved) > 0 {
		r.hint("other tools do not find the key in the file any more: vault use PROFILE, or vault exec PROFILE -- COMMAND; vault export --help has a line that gives it back to them")
	}
	if m.Count(isProblem) > 0 {
		return statusError(exitFailed)
	}
	return nil
}

// sayExposedFiles warns of a file that other users could read the keys in. On Windows the
// mode does not tell.
func sayExposedFiles(r *run, m *app.Import) {
	const others fs.FileMode = 0o044
	for _, f := range m.Files() {
		if runtime.GOOS != "windows" && f.Mode&others != 0 && m.Count(func(s *app.ImportStep) bool { return s.File == f }) > 0 {
			r.say("%s can be read by other users (%s), who may have read these keys: replace them, vault rotate PROFILE", f.Path, f.Mode)
		}
	}
}

// sayLeftKeys names each key that is still in plain text, and why.
func sayLeftKeys(r *run, m *app.Import) {
	for _, s := range m.Steps {
		reason := s.Reason
		if s.StoreErr != nil {
			reason = "it could not be stored: " + app.OneLine(s.StoreErr)
		}
		if s.StoreErr != nil || s.Action == app.ImportLeave {
			r.say("still in plain text in %s:%d: %s, because %s", s.File.Path, s.Line, s.Profile, reason)
		}
	}
}

func hintOverwrite(r *run, m *app.Import) {
	if m.Count(isConflict) > 0 {
		r.hint("--overwrite replaces what the keyring has")
	}
}

// importedKey is a key in the JSON form.
type importedKey struct {
	Profile string `json:"profile"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Key     string `json:"key"` // the end of its id
	ARN     string `json:"arn,omitempty"`
	Action  string `json:"action"` // store, replace, remove or leave
	Why     string `json:"why,omitempty"`
	Stored  bool   `json:"stored"`  // read back from the keyring
	Removed bool   `json:"removed"` // from the file
	Error   string `json:"error,omitempty"`
}

func printImportJSON(r *run, m *app.Import) error {
	keys := []importedKey{}
	for _, s := range m.Steps {
		k := importedKey{
			Profile: s.Profile, File: s.File.Path, Line: s.Line, Key: s.Key.Tail(), ARN: s.Owner.ARN,
			Action: s.Action.String(), Why: s.Reason, Stored: s.Stored, Removed: s.Removed,
		}
		if s.StoreErr != nil {
			k.Error = app.Text(s.StoreErr)
		}
		keys = append(keys, k)
	}
	return display.JSON(r.Stdout, keys)
}
