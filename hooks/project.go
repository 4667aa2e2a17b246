package hooks

import "github.com/d44b7504/vault/shells"

// This file is about the part of a hook that looks for project directories. A hook without it has
// not a byte more.

// inHook are the places of a hook where that part is called. At each prompt one text is compared.
var inHook = map[string]struct{ check, again string }{
	"bash": {`[[ $PWD == "$_vdir" ]] || _v_quiet _v_moved || :`, "_vdir=- _vpwd=-"},
	"zsh":  {`[[ $PWD == "$__vault_dir" ]] || __vault_moved`, "__vault_dir=- __vault_pwd=-"},
	"fish": {`test "$PWD" = "$__vault_dir"; or __vault_moved`, "set -g __vault_dir -; set -g __vault_pwd -"},
	"pwsh": {
		// $pwd may be of another provider; the directory itself takes 30 µs to find out.
		`if ($pwd.ProviderPath -cne $global:__vault_at.Dir) { $d = $ExecutionContext.SessionState.Path.CurrentFileSystemLocation.ProviderPath; if ($d -cne $global:__vault_at.Dir) { __vault_moved $d } }`,
		"$global:__vault_at.Dir = $global:__vault_at.Pwd = '-'",
	},
}

// addProject fills the places of that part, with nothing where o does not ask for it: CHECK is
// done at each prompt, AGAIN when the function is called, and PROJECT defines the rest.
func (o Options) addProject(sh *shells.Shell, fill map[string]string) error {
	fill["CHECK"], fill["AGAIN"], fill["PROJECT"] = "", "", ""
	if o.Project == "" {
		return nil
	}
	text, err := files.ReadFile("project." + sh.Extension)
	if err != nil {
		return err
	}
	calls := inHook[sh.Name]
	fill["CHECK"], fill["AGAIN"], fill["MODE"] = "\n"+calls.check, "\n"+calls.again, o.Project
	fill["PROJECT"] = "\n" + shells.Fill(compact(string(text)), fill)
	return nil
}
