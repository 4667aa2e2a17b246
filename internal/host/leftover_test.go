package host

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const leftoverIn = "HOST_TEST_LEFTOVER"

// TestTheEndOfAProcessRemovesItsFilesHoweverItEnds runs itself as the process that is killed.
func TestTheEndOfAProcessRemovesItsFilesHoweverItEnds(t *testing.T) {
	if dir := os.Getenv(leftoverIn); dir != "" {
		fmt.Println(RemoveAtEnd(dir, "??.s*"), RemoveAtEnd(dir, "again"))
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	dir := filepath.Join(t.TempDir(), "it's a $dir & more")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ab.s1", "cd.s2.mfa", "ab.1", "x.s1"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	c.Env = append(os.Environ(), leftoverIn+"="+dir)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var first, second string
	if _, err := fmt.Fscan(out, &first, &second); err != nil || first+second != "<nil><nil>" {
		t.Errorf("%s, %s, %v", first, second, err)
	}
	if left := names(dir); len(left) != 4 {
		t.Errorf("while it lives there are %q", left)
	}
	_ = c.Process.Kill()
	_ = c.Wait()
	for end := time.Now().Add(20 * time.Second); len(names(dir)) != 2; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("there are %q", names(dir))
		}
	}
	if left := names(dir); fmt.Sprint(left) != "[ab.1 x.s1]" {
		t.Errorf("left is %q", left)
	}
}

func names(dir string) (all []string) {
	list, _ := os.ReadDir(dir)
	for _, e := range list {
		all = append(all, e.Name())
	}
	return all
}
