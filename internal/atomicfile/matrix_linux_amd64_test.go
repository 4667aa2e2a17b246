package atomicfile_test

// The matrix: a process that changes a file is killed at every step it takes, and has a
// full or a read-only disk from every step on. The commands' own tests take only samples.

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/testenv"
)

// after checks what must be true of a directory at any moment: each file has its old
// content or its new one, and what is only half there is private and temporary.
func after(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		st, err := os.Lstat(path)
		if err != nil {
			return err
		}
		private := st.Mode().Perm()&0o077 == 0
		switch text, _ := os.ReadFile(path); {
		case atomicfile.IsTemp(e.Name()):
			if !private && string(text) != newText {
				t.Errorf("%s can be read by others: %v", path, st.Mode())
			}
		case e.IsDir() && !private:
			t.Errorf("%s: mode %v", path, st.Mode())
		case e.Name() == "config" && string(text) != oldText && string(text) != newText:
			t.Errorf("%s holds %q", path, text)
		case path == filepath.Join(dir, "config") && string(text) == oldText && st.Mode().Perm() != theMode:
			t.Errorf("%s: mode %v", path, st.Mode())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// finished does the change once more, undisturbed, and checks that nothing is left over.
func finished(t *testing.T, change, dir string) {
	t.Helper()
	if err := changes[change](dir); err != nil {
		t.Errorf("once more: %v", err)
	}
	write(t, filepath.Join(dir, "other"), "") // each write sweeps
	after(t, dir)
	if left := leftBelow(dir); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// leftBelow lists temporary files and directories.
func leftBelow(dir string) (list []string) {
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if atomicfile.IsTemp(e.Name()) {
			list = append(list, path)
		}
		return err
	})
	return list
}

// matrix lists the changes that are disturbed at every step.
var matrix = []string{"write", "make", "mark", "rename"}

func TestAKillAtAnyStepLeavesTheOldFileOrTheNewOne(t *testing.T) {
	for _, change := range matrix {
		t.Run(change, func(t *testing.T) {
			steps, left := 0, 0
			for step := 1; ; step++ {
				dir := before(t)
				run := disturb(t, change, dir, step, killed)
				if !run.reached {
					if run.status != 0 {
						t.Errorf("undisturbed: %s", run.said)
					}
					break
				}
				steps++
				after(t, dir)
				left += len(leftBelow(dir))
				finished(t, change, dir)
				if t.Failed() {
					t.Fatalf("killed at step %d", step)
				}
			}
			if steps < 5 || left < 2 {
				t.Errorf("%d steps left %d things: the tracer does not see what is done", steps, left)
			}
		})
	}
}

func TestADiskThatFailsFromAnyStepOnLeavesTheOldFile(t *testing.T) {
	for _, change := range matrix {
		for name, errno := range map[string]syscall.Errno{"full": unix.ENOSPC, "quota": unix.EDQUOT, "read-only": unix.EROFS, "broken": unix.EIO} {
			t.Run(change+" "+name, func(t *testing.T) {
				for step := 1; ; step++ {
					dir := before(t)
					run := disturb(t, change, dir, step, errno)
					if !run.reached {
						break
					}
					after(t, dir)
					want := fmt.Sprintln(errno == unix.ENOSPC || errno == unix.EDQUOT, errno == unix.EROFS)
					switch {
					case run.status == 0 && !slices.Contains([]uint64{unix.SYS_FLOCK, unix.SYS_UNLINKAT}, run.nr):
						t.Errorf("call %d failed and nothing was said", run.nr)
					case run.status == 0: // without a lock or a sweep the file is written all the same
					case !strings.HasPrefix(run.said, strings.TrimSpace(want)+" "):
						t.Errorf("it says %q", run.said)
					case strings.Contains(run.said, ".vault-tmp-"):
						t.Errorf("it names a temporary file: %q", run.said)
					}
					finished(t, change, dir)
					if t.Failed() {
						t.Fatalf("from step %d on", step)
					}
				}
			})
		}
	}
}

// A loss of power must not leave an empty file under the name, or no name at all.
func TestAFileIsOnTheDiskBeforeItHasItsNameAndItsNameBeforeWriteReturns(t *testing.T) {
	for change, want := range map[string][]uint64{
		"write": {unix.SYS_OPENAT, unix.SYS_WRITE, unix.SYS_FCHMOD, unix.SYS_FSYNC, unix.SYS_RENAMEAT, unix.SYS_FSYNC},
		"make":  {unix.SYS_MKDIRAT, unix.SYS_FSYNC, unix.SYS_MKDIRAT, unix.SYS_FSYNC, unix.SYS_OPENAT, unix.SYS_WRITE, unix.SYS_FSYNC, unix.SYS_RENAMEAT, unix.SYS_FSYNC},
	} {
		const never = 1 << 30
		run := disturb(t, change, before(t), never, killed)
		rest := want
		for _, nr := range run.calls {
			if len(rest) > 0 && nr == rest[0] {
				rest = rest[1:]
			}
		}
		if len(rest) > 0 || run.status != 0 {
			t.Errorf("%s: the calls are %d, want %d among them in this order; status %d: %s", change, run.calls, want, run.status, run.said)
		}
	}
}

// killed is what disturb does to a process that no error number stands for.
const killed = syscall.Errno(0)

type ending struct {
	reached bool   // the step
	nr      uint64 // of the call that is the step
	calls   []uint64
	status  int
	said    string
}

// disturb runs a change in a process of its own and, from the given step on, kills it or
// makes its calls to the kernel fail. A step is a call that can change something.
func disturb(t *testing.T, change, dir string, step int, with syscall.Errno) ending {
	t.Helper()
	runtime.LockOSThread() // the kernel knows a tracer by its thread
	defer runtime.UnlockOSThread()
	out, err := os.CreateTemp(t.TempDir(), "said")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	x := &tracer{left: step, with: with, failing: map[int]bool{}}
	x.pid, err = syscall.ForkExec("/proc/self/exe", []string{"child"}, &syscall.ProcAttr{
		Env: []string{"VAULT_TEST_CHANGE=" + change + ":" + dir}, Files: []uintptr{out.Fd(), out.Fd(), out.Fd()},
		Sys: &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL},
	})
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		testenv.Missing(t, "ptrace", err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	status, err := x.follow()
	if err != nil {
		t.Fatal("trace:", err)
	}
	said, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return ending{x.left <= 0, x.nr, x.calls, status, string(bytes.TrimSpace(said))}
}

type tracer struct {
	pid     int
	left    int           // steps to the one that is meant
	nr      uint64        // of the call that it is
	calls   []uint64      // of all steps
	with    syscall.Errno // what calls fail with, or killed
	failing map[int]bool  // by thread: the call it is in fails
}

// follow lets the process run until it ends.
func (x *tracer) follow() (status int, err error) {
	// Only the tracer's own children: the tests may have others.
	const how = unix.WALL | unix.WNOTHREAD
	var ws unix.WaitStatus
	if _, err = unix.Wait4(x.pid, &ws, how, nil); err != nil {
		return 0, err
	}
	if err = unix.PtraceSetOptions(x.pid, unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_TRACECLONE|unix.PTRACE_O_EXITKILL); err != nil {
		return 0, err
	}
	for tid := x.pid; ; {
		signal := 0
		switch {
		case ws.Stopped() && ws.StopSignal() == unix.SIGTRAP|0x80:
			x.call(tid)
		case ws.Stopped() && ws.StopSignal() != unix.SIGTRAP && ws.StopSignal() != unix.SIGSTOP:
			signal = int(ws.StopSignal())
		}
		_ = unix.PtraceSyscall(tid, signal) // a thread that was killed goes nowhere
		for {
			tid, err = unix.Wait4(-1, &ws, how, nil)
			if !errors.Is(err, unix.EINTR) {
				break
			}
		}
		switch {
		case err != nil:
			return 0, err
		case tid == x.pid && (ws.Exited() || ws.Signaled()):
			return ws.ExitStatus(), nil
		}
	}
}

// call looks at a thread that enters a call to the kernel or leaves one.
func (x *tracer) call(tid int) {
	const getSyscallInfo, enters, leaves = 0x420e, 1, 2
	var info struct { // the kernel's ptrace_syscall_info, as far as it is needed
		op   uint8
		_    [3]uint8
		_    uint32
		_, _ uint64
		nr   uint64
		args [6]uint64
	}
	if _, _, e := unix.Syscall6(unix.SYS_PTRACE, getSyscallInfo, uintptr(tid), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0); e != 0 {
		return
	}
	switch {
	case info.op == leaves && x.failing[tid]:
		delete(x.failing, tid)
		x.registers(tid, func(r *unix.PtraceRegs) { r.Rax = uint64(-int64(x.with)) })
	case info.op != enters || !isStep(info.nr, info.args):
	default:
		x.calls = append(x.calls, info.nr)
		if x.left--; x.left > 0 {
			return
		}
		if x.left == 0 {
			x.nr = info.nr
		}
		if x.with == killed {
			_ = unix.Kill(x.pid, unix.SIGKILL)
			return
		}
		x.failing[tid] = true
		x.registers(tid, func(r *unix.PtraceRegs) { r.Orig_rax = ^uint64(0) }) // no such call: nothing is done
	}
}

func isStep(nr uint64, args [6]uint64) bool {
	switch nr {
	case unix.SYS_OPENAT:
		return args[2]&unix.O_CREAT != 0
	case unix.SYS_WRITE:
		return args[0] > 2
	case unix.SYS_MKDIRAT, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_UNLINKAT, unix.SYS_FSYNC, unix.SYS_FLOCK,
		unix.SYS_FCHMOD, unix.SYS_FCHOWN, unix.SYS_FREMOVEXATTR, unix.SYS_FSETXATTR, unix.SYS_UTIMENSAT:
		return true
	}
	return false
}

func (x *tracer) registers(tid int, change func(*unix.PtraceRegs)) {
	var r unix.PtraceRegs
	if unix.PtraceGetRegs(tid, &r) == nil {
		change(&r)
		_ = unix.PtraceSetRegs(tid, &r)
	}
}
