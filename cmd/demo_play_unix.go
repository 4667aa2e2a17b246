//go:build unix

package cmd

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/creack/pty"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/shells"
)

// The screen the transcript is read off. It is tall enough never to scroll.
const demoRows, demoCols = 300, 110

// scene is one line typed into the shell. renewal waits for the next call first.
type scene struct {
	says    string
	types   string
	renewal bool
}

func story(sh *shells.Shell) []scene {
	expiry := sh.PrintVariable(env.Expiration)
	return []scene{
		{says: "become a profile, in place", types: "vault use dev"},
		{says: "who, and until when", types: "vault status"},
		{says: "a typo changes nothing", types: "vault use prdo"},
		{says: "switch again", types: "vault use prod"},
		{says: "sessions last seconds here; this one is about to expire", types: expiry},
		{says: "it has been renewed meanwhile, by itself", types: expiry, renewal: true},
		{says: "one command as someone else", types: "vault exec dev -- sh -c 'echo I am $AWS_VAULT'"},
		{says: "and back to what it was", types: "vault off"},
	}
}

// tellStory runs the story in a real shell on a terminal of its own, and prints what that
// terminal showed.
func (s *stage) tellStory(ctx context.Context, out io.Writer, cmd *exec.Cmd, sh *shells.Shell) error {
	cmd.Env = append(cmd.Env, "TERM=xterm")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: demoRows, Cols: demoCols})
	if err != nil {
		return err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = tty.Close()
	}()
	screen := newScreen(demoCols, demoRows, tty)
	go screen.feed(tty)

	t := &transcript{screen: screen}
	if err := t.awaitPrompt(ctx); err != nil {
		return err
	}
	for _, sc := range story(sh) {
		if sc.renewal {
			if err := s.awaitRenewal(ctx, tty, t); err != nil {
				return err
			}
		}
		fmt.Fprintf(out, "# %s\n", sc.says)
		if _, err := io.WriteString(tty, sc.types+"\r"); err != nil {
			return err
		}
		if err := t.awaitPrompt(ctx); err != nil {
			return err
		}
		fmt.Fprintln(out, t.news())
	}
	fmt.Fprintf(out, "# AWS was asked %d times; everything of the demo is removed\n", s.aws.Calls("*"))
	return nil
}

// awaitRenewal lets the session come due, gives the shell a prompt to notice it at,
// and waits until every terminal could know of the new one.
func (s *stage) awaitRenewal(ctx context.Context, tty io.Writer, t *transcript) error {
	ctx, cancel := context.WithTimeout(ctx, 2*s.life)
	defer cancel()
	generation := func() string {
		files, _ := filepath.Glob(s.inDir("run/vault/g/*"))
		return strings.Join(files, " ")
	}
	for before := generation(); generation() == before; {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the session did not renew in time:\n%s", t.news())
		case <-time.After(time.Second):
		}
		if _, err := io.WriteString(tty, "\r"); err != nil {
			return err
		}
		if err := t.awaitPrompt(ctx); err != nil {
			return err
		}
	}
	_, err := io.WriteString(tty, "\r") // the prompt that takes the new session over
	if err == nil {
		err = t.awaitPrompt(ctx)
	}
	t.news()
	return err
}

// transcript reads prompts and text off the screen.
type transcript struct {
	screen  *screen
	prompts int // seen so far
	row     int // of the last prompt
}

// awaitPrompt waits for the next one.
func (t *transcript) awaitPrompt(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for {
		lines := t.screenLines()
		n, last := 0, 0
		for i, l := range lines {
			if isDemoPrompt(l) {
				n, last = n+1, i
			}
		}
		if n > t.prompts && last == len(lines)-1 && atEnd(lines[last]) {
			t.prompts = n
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the shell gave no prompt in time: %q", lines[len(lines)-1])
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// isDemoPrompt recognises a prompt by what DemoStart makes it.
func isDemoPrompt(line string) bool { return strings.Contains(line, "demo>") }

// atEnd reports whether nothing is typed at the prompt yet. A right prompt may follow.
func atEnd(line string) bool {
	if before, segment, ok := strings.Cut(line, "demo> "); ok && before == "" {
		segment = strings.TrimSpace(segment)
		return segment == "" || segment[0] == '['
	}
	return strings.HasSuffix(line, "demo>")
}

// screenLines is the screen down to the last line with text.
func (t *transcript) screenLines() []string {
	lines := strings.Split(strings.TrimRight(t.screen.String(), " \n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

// news is what was typed and shown since the last prompt but one.
func (t *transcript) news() string {
	lines := t.screenLines()
	from := t.row
	t.row = len(lines) - 1
	return strings.Join(lines[from:t.row], "\n")
}
