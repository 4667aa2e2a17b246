package completions_test

// This file is the program the scripts call in these tests: the test binary itself,
// under another name. It answers TAB with the real engine; any other call it writes
// down, so that a test can compare what a program was given.

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/cmd"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/store"
)

const stubDir = "COMPLETION_STUB_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(stubDir); dir != "" && filepath.Ext(os.Args[0]) != ".test" {
		os.Exit(stub(dir, filepath.Base(os.Args[0]), os.Args[1:]))
	}
	os.Exit(m.Run())
}

// call is one run of a program.
type call struct {
	Program string
	Args    []string
	Line    string // COMP_LINE, for a program that completes
}

func stub(dir, program string, args []string) int {
	f, err := os.OpenFile(filepath.Join(dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	check(err)
	check(json.NewEncoder(f).Encode(call{program, args, os.Getenv("COMP_LINE")}))
	check(f.Close())
	switch {
	case program == "completer": // as `complete -C` and aws_completer have it
		_, err := io.WriteString(os.Stdout, "s3api\ns3control\n")
		check(err)
	case answered(args):
		return cmd.Main(context.Background(), world(args))
	}
	return 0
}

// answered: calls that the program itself answers; the rest is what a test typed. A line that a
// test completes ends in a word of its own.
func answered(args []string) bool {
	return len(args) > 0 && slices.Contains([]string{"__words", "completion", "hook"}, args[0]) && args[len(args)-1] != "end"
}

func world(args []string) *app.World {
	return &app.World{
		World: &host.World{
			Args: args, Program: os.Args[0], Environ: os.Environ(), Stdin: strings.NewReader(""), Stdout: os.Stdout, Stderr: os.Stderr,
			Now: time.Now,
		},
		OpenStore: func(context.Context, store.Options) (store.Store, error) {
			return nil, errors.New("a completion opened the keyring")
		},
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
