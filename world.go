package main

import (
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/d44b7504/vault/cmd"
	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// realWorld is what the program finds outside itself.
func realWorld() *cmd.World {
	w := &cmd.World{
		Args: os.Args[1:], Program: program(os.Args[0]), Environ: os.Environ(),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		StdinIsTerm: terminal(os.Stdin), StdoutIsTerm: terminal(os.Stdout), StderrIsTerm: terminal(os.Stderr),
		Now: time.Now, OpenStore: store.Open, Ask: asker(),
		Exec: execute, Detach: detach, Process: process, Who: who, Policy: refresh.Default,
	}
	w.Self, _ = os.Executable()
	listen(w)
	return w
}

// listen finds where a hook waits for code: on descriptor 3, or, in PowerShell, which
// has none, on standard output; then people read on standard error.
func listen(w *cmd.World) {
	switch shell := os.Getenv(env.Shell); shell {
	case "":
	case "pwsh":
		w.Code, w.Stdout, w.StdoutIsTerm = os.Stdout, os.Stderr, w.StderrIsTerm
	default:
		w.Code = codeChannel()
	}
}

// program is how to call us again: by the name that was found on PATH, or by the path
// that was typed, which may not be relative by the time it is used.
func program(argv0 string) string {
	if !strings.ContainsRune(argv0, os.PathSeparator) {
		return argv0
	}
	if abs, err := filepath.Abs(argv0); err == nil {
		return abs
	}
	return argv0
}

func terminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()) }

// who asks the system, which may have to ask a directory service.
func who() (name, host string) {
	if u, err := user.Current(); err == nil {
		name = u.Username[strings.LastIndexByte(u.Username, '\\')+1:] // without a Windows domain
	}
	host, _ = os.Hostname()
	return name, host
}
