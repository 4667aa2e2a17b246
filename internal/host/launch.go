package host

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/d44b7504/vault/env"
)

// Ready is what a program that was launched says on its standard output when others can
// use it. Anything else is why it cannot be used.
const Ready = "ready"

// launch starts this program again, in a session of its own. It may outlive us, so it gets
// no secret of the environment and none of our proxies, and it does not stay in our directory.
func launch(ctx context.Context, args, environ []string) error {
	self, err := ownFile()
	if err != nil {
		return err
	}
	c := exec.Command(self, args...)
	c.Env, c.SysProcAttr, c.Dir = withoutProxies(env.For(env.Tool, environ)), detached(), rootOf(self)
	out, err := c.StdoutPipe()
	if err == nil {
		CatchSignals()
		err = c.Start()
	}
	if err != nil {
		return err
	}
	said := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(io.LimitReader(out, 4<<10)).ReadString('\n')
		said <- strings.TrimSpace(line)
		_ = c.Wait() // or it stays a zombie while we live; it closes the pipe, so not before it is read
	}()
	select {
	case line := <-said:
		switch line {
		case Ready:
			return nil
		case "":
			return errors.New("it ended at once")
		}
		return errors.New(Sayable([]byte(line), nil))
	case <-ctx.Done():
		_ = c.Process.Kill()
		return ctx.Err()
	}
}

func withoutProxies(environ []string) []string {
	return slices.DeleteFunc(environ, func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return strings.HasSuffix(strings.ToLower(name), "_proxy")
	})
}

// rootOf is the root of the file system that a path is in, which cannot be unmounted.
func rootOf(path string) string { return filepath.VolumeName(path) + string(filepath.Separator) }

// LetGo tells who launched this program that it is ready, or why it is not, and closes what it
// had of them: its standard streams lead nowhere afterwards.
func LetGo(word string) {
	_, _ = os.Stdout.Write(append(bytes.TrimSpace([]byte(word)), '\n'))
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return
	}
	redirect(null)
	_ = null.Close()
}
