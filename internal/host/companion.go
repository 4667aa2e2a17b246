package host

import (
	"os"
	"os/exec"

	"github.com/d44b7504/vault/env"
)

// companion starts this program again, away from the signals of the terminal, to live as
// long as its standard input: until stop is called, or this process has ended, however it
// ends. What it says is shown. stop waits for its end, which closes ended.
func companion(args, environ []string) (stop func(), ended <-chan struct{}, err error) {
	self, err := ownFile()
	if err != nil {
		return nil, nil, err
	}
	c := exec.Command(self, args...)
	c.Env, c.SysProcAttr, c.Stderr = env.For(env.Tool, environ), detached(), os.Stderr
	life, err := c.StdinPipe()
	if err == nil {
		CatchSignals()
		err = c.Start()
	}
	if err != nil {
		return nil, nil, err
	}
	over := make(chan struct{})
	go func() {
		_ = c.Wait()
		close(over)
	}()
	return func() {
		_ = life.Close()
		<-over
	}, over, nil
}
