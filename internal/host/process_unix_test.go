//go:build unix

package host

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

// sleeper is a process that waits for its standard input to end.
func sleeper(t *testing.T) (c *exec.Cmd, end func()) {
	t.Helper()
	c = exec.Command("cat")
	in, err := c.StdinPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	end = func() { _ = in.Close() }
	t.Cleanup(func() { end(); _ = c.Wait() })
	return c, end
}

func TestTheEndOfAProcessIsToldOnceAndAtOnceAlsoBeforeItIsCollected(t *testing.T) {
	c, end := sleeper(t)
	other, _ := sleeper(t)
	told := make(chan struct{}, 2)
	OnEnd(c.Process.Pid, func() { told <- struct{}{} })
	stop := OnEnd(other.Process.Pid, func() { t.Error("a watch that was stopped speaks") })
	stop()
	stop()
	select {
	case <-told:
		t.Fatal("it is told before the end")
	case <-time.After(10 * time.Millisecond):
	}
	end()
	select {
	case <-told:
	case <-time.After(20 * time.Second):
		t.Fatal("the end is not told")
	}
	if _, there := StartOf(c.Process.Pid); there { // it has not been waited for yet
		t.Error("a process that has ended is still there")
	}
}

func TestAProcessIsToldFromALaterOneByItsStart(t *testing.T) {
	mine, there := StartOf(os.Getpid())
	again, _ := StartOf(os.Getpid())
	c, _ := sleeper(t)
	other, _ := StartOf(c.Process.Pid)
	if known := runtime.GOOS == "linux" || runtime.GOOS == "darwin"; !there || mine != again || known && (mine == 0 || other == 0 || mine > other) {
		t.Errorf("%d, %d, %d, %v", mine, again, other, there)
	}
	for _, pid := range []int{0, -1, 1 << 30} {
		if _, there := StartOf(pid); there {
			t.Errorf("%d is there", pid)
		}
	}
}

func TestTheLifeDirOfThisProcessIsThere(t *testing.T) {
	if path := LifeDir(); runtime.GOOS == "linux" {
		if info, err := os.Stat(path + "/stat"); err != nil || !info.Mode().IsRegular() || path != LifeDir() {
			t.Errorf("%q: %v", path, err)
		}
	}
}
