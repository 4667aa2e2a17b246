package hooks

import (
	"slices"
	"strings"

	"github.com/d44b7504/vault/shells"
)

// Draw says how a prompt shows the session, beside the usual way.
type Draw struct {
	Right     bool // in the right prompt, where the shell has one and the hook uses the left
	Title     bool // in the terminal's title too
	Countdown bool // the time is kept right while the prompt waits, where that does no harm
}

// drawNew is what a hook says that has not got its part that draws; then the options follow.
const drawNew = "new"

// words are the options as the hook tells them to the program.
func (d Draw) words() string {
	words := drawNew
	for _, o := range d.options() {
		if o.on {
			words += "," + o.name
		}
	}
	return words
}

type drawOption struct {
	name string
	on   bool
}

func (d Draw) options() []drawOption {
	return []drawOption{{"right", d.Right}, {"title", d.Title}, {"countdown", d.Countdown}}
}

// Drawing returns the part of the hook that draws the prompt: code that is evaluated with the
// first session of a shell, so that no other shell's start pays for it. said is what the hook
// tells in env.Draw. It is "" where the shell has that part already or the hook itself draws.
func Drawing(sh *shells.Shell, said string) string {
	words := strings.Split(said, ",")
	text, err := files.ReadFile("draw." + sh.Extension)
	if words[0] != drawNew || err != nil {
		return ""
	}
	fill := map[string]string{}
	for _, o := range (Draw{}).options() {
		fill[strings.ToUpper(o.name)] = bit(slices.Contains(words, o.name))
	}
	return shells.Fill(compact(string(text)), fill)
}

func bit(on bool) string {
	if on {
		return "1"
	}
	return "0"
}
