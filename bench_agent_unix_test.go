//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"testing"
	"time"

	"github.com/creack/pty"
)

// unlockAgent types the passphrase into a terminal, which starts the agent of an environment.
// The agent is stopped with the benchmark.
func unlockAgent(b *testing.B, vault string, environ []string) error {
	c := exec.Command(vault, "use", "prod", "--shell", "zsh")
	var out, errs bytes.Buffer
	c.Env, c.Stdout, c.Stderr = environ, &out, &errs
	tty, err := pty.Start(c) // standard input alone is the terminal
	if err != nil {
		return err
	}
	defer func() { _ = tty.Close() }()
	over := time.AfterFunc(30*time.Second, func() { _ = c.Process.Kill() })
	defer over.Stop()
	var shown []byte
	for asked := false; ; {
		some := make([]byte, 1024)
		n, err := tty.Read(some)
		if shown = append(shown, some[:n]...); err != nil {
			break
		}
		if !asked && bytes.Contains(shown, []byte("Passphrase")) {
			asked = true
			if _, err := io.WriteString(tty, passphrase+"\r"); err != nil {
				return err
			}
		}
	}
	if err := c.Wait(); err != nil {
		return fmt.Errorf("%w: %s%s", err, shown, errs.Bytes())
	}
	b.Cleanup(func() {
		stop := exec.Command(vault, "agent", "stop")
		stop.Env = environ
		if out, err := stop.CombinedOutput(); err != nil {
			b.Errorf("stop the agent: %v: %s", err, out)
		}
	})
	return nil
}
