package shells

import "strings"

// Lack is something that does not work in a shell that has loaded the hook. The hook names
// it by a word when it calls the program.
type Lack struct {
	Word string
	What string // what does not work, and why
	Cure string // what to do about it, "" for nothing

	Renewal bool // nothing renews a session in this shell
	Label   bool // the prompt does not show the session
}

// Told is the word of a hook in whose shell the lack of the label has been told.
const Told = "told"

// Lacks returns what the words of a hook name, in their order. Words that are not known
// are passed over.
func (s *Shell) Lacks(words string) []Lack {
	var list []Lack
	for _, word := range strings.Fields(words) {
		for _, l := range s.lacks() {
			if l.Word == word {
				list = append(list, l)
			}
		}
	}
	return list
}

func (s *Shell) lacks() []Lack {
	last := "load the hook as the last line of " + s.StartFile
	renewal := "the hook does not run at this shell's prompt, so nothing renews a session here"
	if s.HookList != "" {
		renewal += ": " + s.HookList + " is read-only, or was replaced after the hook was loaded"
	}
	pure := "PROMPT='%(87V.[%87v] .)'$PROMPT behind prompt pure"
	if s.Name == "fish" {
		pure = "let fish_right_prompt show it: docs/prompt.md has the lines"
	}
	return []Lack{
		{Word: "script", Renewal: true, What: "this shell shows no prompt, so nothing renews a session here"},
		{Word: "renewal", Renewal: true, What: renewal, Cure: last},
		{Word: "label", Label: true, What: "the prompt does not show the session, because a theme replaces the prompt after the hook",
			Cure: last + ", or let the theme show $__vault_text"},
		{Word: "promptvars", Label: true, What: "the prompt does not show the session, because bash's option promptvars is off", Cure: "shopt -s promptvars"},
		{Word: "p10k", Label: true, What: "the prompt does not show the session, because powerlevel10k shows only the segments that it is told to",
			Cure: "add the word vault to POWERLEVEL9K_LEFT_PROMPT_ELEMENTS or POWERLEVEL9K_RIGHT_PROMPT_ELEMENTS in ~/.p10k.zsh"},
		{Word: "omp", Label: true, What: "the prompt does not show the session, because oh-my-posh draws it", Cure: "let it run vault prompt: docs/prompt.md has the lines"},
		{Word: "pure", Label: true, What: "the prompt does not show the session, because pure draws it", Cure: pure},
	}
}
