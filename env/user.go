package env

import "slices"

// User returns the environment as the user made it: without what vault exported, and with
// what that replaced. Only this may be read as a setting: the AWS_REGION of the active
// profile is not the user's choice. Secrets that the hook keeps are not in it.
func User(current map[string]string) map[string]string {
	st, active := StateOf(current)
	user := make(map[string]string, len(current))
	for n, v := range current {
		if !slices.Contains(internal, n) && !(active && st.exported(current, n)) {
			user[n] = v
		}
	}
	if !active {
		return user
	}
	for n := range st.Prior {
		if _, changed := user[n]; changed {
			continue
		}
		if v, had := st.before(current, n); had {
			user[n] = v
		}
	}
	return user
}

// internal are the variables by which the hook and the program talk.
var internal = []string{GenerationFile, StateVar, Shell, ReadOnly, Universal, Subshell, Lacks, Draw, ShellPID, Detached, Inside, ProjectDir}
