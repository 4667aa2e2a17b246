//go:build windows

// Command calls carries out calls on Windows, one after the other, and writes what came of them: Wine
// takes a moment to start, and gives what it starts from outside a home and temporary directories of its own.
//
//	calls CALLS.json RESULTS.json
//
// As "calls wait" it waits to be interrupted, says so, and exits with status 9. As "calls words …" it shows the
// words that it was given. As "calls unix SOCKET" it fails where there are no Unix sockets.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// call and result are testenv.WineCall and testenv.WineResult.
type call struct {
	Environ []string // $PID in it is the number of this process
	Dir     string
	Argv    []string
	Input   string
	Hold    string // a file that another program has open for itself alone
	HoldFor int    // milliseconds; 0: until the call has ended
}

type result struct {
	Out, Err string
	Status   int
	Failed   string
}

func main() {
	switch os.Args[1] {
	case "wait":
		wait()
	case "words":
		fmt.Printf("%q\n", os.Args[2:])
	case "unix":
		l, err := net.Listen("unix", os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		_ = l.Close()
	default:
		carryOutAll()
	}
}

func wait() {
	came := make(chan os.Signal, 1)
	signal.Notify(came, os.Interrupt)
	fmt.Println("waiting")
	select {
	case <-came:
		time.Sleep(2500 * time.Millisecond) // whoever started us has time to end first
		fmt.Println("interrupted")
		os.Exit(9)
	case <-time.After(20 * time.Second):
	}
}

func carryOutAll() {
	var calls []call
	text, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = json.Unmarshal(text, &calls)
	}
	if err != nil {
		log.Fatal(err)
	}
	results := make([]result, len(calls))
	for i, c := range calls {
		results[i] = c.carryOut()
	}
	if text, err = json.Marshal(results); err == nil {
		err = os.WriteFile(os.Args[2], text, 0o600)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func (c call) carryOut() (r result) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	p.Dir, p.Env = c.Dir, replaced(os.Environ(), c.Environ)
	if c.Input != "" {
		p.Stdin = strings.NewReader(c.Input)
	}
	var out, said bytes.Buffer
	p.Stdout, p.Stderr, p.WaitDelay = &out, &said, time.Second
	release := c.hold()
	err := p.Run()
	release()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		r.Failed = errors.Join(err, ctx.Err()).Error()
	}
	if p.ProcessState != nil {
		r.Status = p.ProcessState.ExitCode()
	}
	r.Out, r.Err = out.String(), said.String()
	return r
}

// hold opens a file so that no other program can, as programs do that do not think of others.
func (c call) hold() (release func()) {
	if c.Hold == "" {
		return func() {}
	}
	name, err := syscall.UTF16PtrFromString(c.Hold)
	if err != nil {
		log.Fatal(err)
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ, 0, nil, syscall.OPEN_EXISTING, 0, 0)
	if err != nil {
		log.Fatalf("hold %s: %v", c.Hold, err)
	}
	release = sync.OnceFunc(func() { _ = syscall.CloseHandle(h) })
	if c.HoldFor > 0 {
		time.AfterFunc(time.Duration(c.HoldFor)*time.Millisecond, release)
	}
	return release
}

// replaced returns an environment with entries in the place of those of the same names; one without a
// value is removed.
func replaced(environ, entries []string) []string {
	var left []string
	for _, old := range environ {
		name, _, _ := strings.Cut(old, "=")
		kept := name != ""
		for _, e := range entries {
			other, _, _ := strings.Cut(e, "=")
			kept = kept && !strings.EqualFold(name, other)
		}
		if kept {
			left = append(left, old)
		}
	}
	for _, e := range entries {
		if _, value, _ := strings.Cut(e, "="); value != "" {
			left = append(left, strings.ReplaceAll(e, "$PID", strconv.Itoa(os.Getpid())))
		}
	}
	return left
}
