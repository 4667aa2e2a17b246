//go:build unix

package app

import (
	"fmt"
	"io/fs"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/testenv"
)

func TestAFileOfAnotherUserIsRefusedInWordsThatNameTheOwner(t *testing.T) {
	u, err := user.Current()
	if err != nil {
		testenv.Missing(t, "unix", err.Error())
	}
	id, err := strconv.Atoi(u.Uid)
	if err != nil {
		testenv.Missing(t, "unix", "users have no numbers here: "+u.Uid)
	}
	refused := func(e *atomicfile.OwnerError) error {
		return fmt.Errorf("add profile: %w", &fs.PathError{Op: "write", Path: "/x/config", Err: e})
	}
	if got, want := Text(refused(&atomicfile.OwnerError{ID: id})), "/x/config cannot be written: it belongs to "+u.Username+","; !strings.HasPrefix(got, want) {
		t.Errorf("%q", got)
	}
	if got, want := Hint(refused(&atomicfile.OwnerError{ID: id})), "run the command as "+u.Username; got != want {
		t.Errorf("%q", got)
	}
	if got := Text(refused(&atomicfile.OwnerError{Group: true, ID: 1 << 30})); !strings.Contains(got, "the group 1073741824") {
		t.Errorf("%q", got)
	}
}

func TestADiskThatCannotBeWrittenIsToldInWords(t *testing.T) {
	at := func(errno syscall.Errno) error { return &fs.PathError{Op: "write", Path: "/x/config", Err: errno} }
	if got := Text(at(syscall.EROFS)); got != "/x/config cannot be written: the disk is read-only" {
		t.Errorf("%q", got)
	}
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT} {
		if got := Text(at(errno)); got != "/x/config cannot be written: the disk is full" {
			t.Errorf("%q", got)
		}
	}
}

func TestAnOfferedNameIsQuotedWhereAShellNeedsIt(t *testing.T) {
	for name, want := range map[string]string{
		"prod": "prod", "a-b_c./:@+=,9": "a-b_c./:@+=,9", "my key": `"my key"`, "it's (one)": `"it's (one)"`, "kühl": `"kühl"`,
		"": `""`, "a$b": "PROFILE", "a`b": "PROFILE", `a"b`: "PROFILE", `a\b`: "PROFILE", "a!b": "PROFILE", "a\nb": "PROFILE", "a“b": "PROFILE",
	} {
		if got := Word(name); got != want {
			t.Errorf("%q is offered as %s, not %s", name, got, want)
		}
	}
}
