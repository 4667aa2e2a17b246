package cmd_test

// A tracer that kills the real program, or makes its system calls fail, at a step chosen
// by number. It counts the calls that can leave something behind: those that change a
// file below one directory, and all traffic on sockets. It is a process of its own,
// because a tracer waits for any child of its process.
//
// The program hides its memory from other processes of the same user (host.ProtectMemory), and
// with it the names of the files it opens. The tracer therefore answers that one call in
// the kernel's place, so that it works without root's rights; nothing else changes.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/d44b7504/vault/internal/testenv"
)

const (
	// traced tells the copy of the tests what to do: "WHAT STEP DIRECTORY".
	traced = "VAULT_TEST_TRACED"
	// toCount as a step is never reached.
	toCount = 1 << 30
)

// What happens: the program is killed at the step, or each call that writes fails from
// the step on.
const (
	kill     = "kill"
	diskFull = "full"
	readOnly = "read-only"
)

// ending is how a traced program ended.
type ending struct {
	result
	killed bool
	hidden bool // it hid its memory before it opened any file below the directory
	steps  int  // how many were counted
}

// tracedVault runs the program; what happens from the given step on.
func (w *world) tracedVault(t testing.TB, what string, step int, environ []string, args ...string) ending {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	self := must(os.Executable())
	c := exec.CommandContext(ctx, self, append([]string{filepath.Join(bin, "vault")}, args...)...)
	c.Env = append(without(environ, traced), fmt.Sprintf("%s=%s %d %s", traced, what, step, w.dir))
	c.Dir = w.dir
	count, tell, err := os.Pipe()
	check(err)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr, c.ExtraFiles = &out, &errs, []*os.File{tell}
	check(c.Start())
	_ = tell.Close()
	said := string(must(io.ReadAll(count)))
	_ = count.Close()
	if err := c.Wait(); c.ProcessState.ExitCode() == cannotTrace {
		testenv.Missing(t, "ptrace", errs.String())
	} else if ctx.Err() != nil || said == "" {
		t.Fatalf("%q at step %d of %s: %v, %v, %q", args, step, what, err, ctx.Err(), errs.String())
	}
	if found := w.leak(errs.String()); found != "" {
		t.Errorf("%q at step %d of %s: a secret on standard error: %s", args, step, what, found)
	}
	e := ending{result: result{out: out.String(), err: errs.String(), status: c.ProcessState.ExitCode()}}
	_ = must(fmt.Sscan(said, &e.steps, &e.killed, &e.hidden))
	return e
}

// cannotTrace is the status of the tracer on a machine that does not allow tracing.
const cannotTrace = 99

// trace is the tracer: it runs os.Args[1:] and reports on descriptor 3.
func trace() int {
	runtime.LockOSThread()
	tell := os.NewFile(3, "tell")
	unix.CloseOnExec(3)
	words := strings.SplitN(os.Getenv(traced), " ", 3)
	x := &tracer{what: words[0], step: must(strconv.Atoi(words[1])), dir: words[2], answers: map[int]int64{}}
	status, err := x.run(os.Args[1:], without(os.Environ(), traced))
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.ENOSYS):
		fmt.Fprintln(os.Stderr, "ptrace:", err)
		return cannotTrace
	case err != nil:
		fmt.Fprintln(os.Stderr, "trace:", err)
		return 2
	}
	fmt.Fprintln(tell, x.count, x.killed, x.hidden && !x.early)
	return status
}

type tracer struct {
	what    string
	step    int
	dir     string
	pid     int
	count   int
	killed  bool
	hidden  bool          // the program has hidden its memory
	early   bool          // it opened a file below dir before it did that
	answers map[int]int64 // by thread: what the call it is in returns, in the kernel's place
}

func (x *tracer) run(argv, environ []string) (status int, err error) {
	x.pid, err = syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{
		Env: environ, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return 0, err
	}
	var ws unix.WaitStatus
	if _, err = unix.Wait4(x.pid, &ws, unix.WALL, nil); err != nil {
		return 0, err
	}
	if err = unix.PtraceSetOptions(x.pid, unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_TRACECLONE|unix.PTRACE_O_EXITKILL); err != nil {
		return 0, err
	}
	if err = unix.PtraceSyscall(x.pid, 0); err != nil {
		return 0, err
	}
	for {
		tid, err := unix.Wait4(-1, &ws, unix.WALL, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, err
		case tid == x.pid && ws.Exited():
			return ws.ExitStatus(), nil
		case tid == x.pid && ws.Signaled():
			return 128 + int(ws.Signal()), nil
		case ws.Stopped():
			x.stopped(tid, ws)
		}
	}
}

// stopped handles one stop of a thread and lets it go on. A thread that has been ended
// in the meantime cannot be told anything, which is not an error.
func (x *tracer) stopped(tid int, ws unix.WaitStatus) {
	signal := ws.StopSignal()
	switch {
	case signal == unix.SIGTRAP|0x80:
		x.call(tid)
		signal = 0
	case signal == unix.SIGTRAP, signal == unix.SIGSTOP: // a new thread, at either end
		signal = 0
	}
	_ = unix.PtraceSyscall(tid, int(signal))
}

// syscallInfo is the kernel's struct ptrace_syscall_info, as far as it is needed.
type syscallInfo struct {
	op   uint8
	_    [3]uint8
	_    uint32
	_, _ uint64
	nr   uint64
	args [6]uint64
}

const (
	ptraceGetSyscallInfo = 0x420e
	enters               = 1
	leaves               = 2
)

func (x *tracer) call(tid int) {
	var info syscallInfo
	if _, _, e := unix.Syscall6(unix.SYS_PTRACE, ptraceGetSyscallInfo, uintptr(tid), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0); e != 0 {
		return
	}
	switch info.op {
	case enters:
		x.enter(tid, &info)
	case leaves:
		if answer, ok := x.answers[tid]; ok {
			x.registers(tid, func(r *unix.PtraceRegs) { r.Rax = uint64(answer) })
			delete(x.answers, tid)
		}
	}
}

func (x *tracer) enter(tid int, info *syscallInfo) {
	if info.nr == unix.SYS_PRCTL && info.args[0] == unix.PR_SET_DUMPABLE && info.args[1] == 0 {
		x.hidden = true
		x.answer(tid, 0)
		return
	}
	if !x.hidden && info.nr == unix.SYS_OPENAT && x.below(tid, info.args[0], info.args[1]) {
		x.early = true
	}
	errno := x.matters(tid, info)
	if errno == 0 {
		return
	}
	if x.count++; x.count < x.step {
		return
	}
	if x.what == kill {
		x.killed = true
		_ = unix.Kill(x.pid, unix.SIGKILL)
		return
	}
	x.answer(tid, -int64(errno))
}

// answer keeps the kernel from doing the call that the thread is about to make, and has
// the call return a value of the tracer's.
func (x *tracer) answer(tid int, value int64) {
	x.answers[tid] = value
	x.registers(tid, func(r *unix.PtraceRegs) { r.Orig_rax = ^uint64(0) }) // the number of no call
}

func (x *tracer) registers(tid int, change func(*unix.PtraceRegs)) {
	var r unix.PtraceRegs
	if unix.PtraceGetRegs(tid, &r) == nil {
		change(&r)
		_ = unix.PtraceSetRegs(tid, &r)
	}
}

// matters returns the error with which a call is to fail if it is a step, else 0. When
// the program is to be killed, every step has one.
func (x *tracer) matters(tid int, info *syscallInfo) syscall.Errno {
	a := info.args
	switch info.nr {
	case unix.SYS_OPENAT:
		if a[2]&(unix.O_WRONLY|unix.O_RDWR|unix.O_CREAT) != 0 && x.below(tid, a[0], a[1]) {
			return x.errno(unix.ENOSPC, unix.EROFS)
		}
	case unix.SYS_MKDIRAT, unix.SYS_LINKAT:
		if x.below(tid, a[0], a[1]) {
			return x.errno(unix.ENOSPC, unix.EROFS)
		}
	case unix.SYS_SYMLINKAT:
		if x.below(tid, a[1], a[2]) {
			return x.errno(unix.ENOSPC, unix.EROFS)
		}
	case unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2:
		if x.below(tid, a[2], a[3]) {
			return x.errno(unix.ENOSPC, unix.EROFS)
		}
	case unix.SYS_UNLINKAT, unix.SYS_FCHMODAT, unix.SYS_UTIMENSAT:
		if x.below(tid, a[0], a[1]) {
			return x.errno(0, unix.EROFS)
		}
	case unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_FTRUNCATE:
		if x.under(x.file(tid, a[0])) {
			return x.errno(unix.ENOSPC, 0)
		}
		return x.traffic(tid, info)
	case unix.SYS_FLOCK, unix.SYS_FCHMOD:
		if x.under(x.file(tid, a[0])) {
			return x.errno(0, 0)
		}
	case unix.SYS_READ, unix.SYS_CONNECT, unix.SYS_SENDTO, unix.SYS_RECVFROM:
		return x.traffic(tid, info)
	}
	return 0
}

// errno is what the call fails with on a full disk or on one that is read-only; when
// the program is to be killed, anything but 0.
func (x *tracer) errno(full, readOnly syscall.Errno) syscall.Errno {
	switch x.what {
	case kill:
		return unix.EIO
	case diskFull:
		return full
	}
	return readOnly
}

func (x *tracer) traffic(tid int, info *syscallInfo) syscall.Errno {
	if x.what == kill && strings.HasPrefix(x.file(tid, info.args[0]), "socket:") {
		return unix.EIO
	}
	return 0
}

func (x *tracer) under(path string) bool { return strings.HasPrefix(path, x.dir+"/") }

// file is what a descriptor of the thread is open on.
func (x *tracer) file(tid int, fd uint64) string {
	name, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, int32(fd)))
	return name
}

// below says whether the path in the thread's memory is below the directory.
func (x *tracer) below(tid int, dirfd, at uint64) bool {
	path := x.text(tid, at)
	if !filepath.IsAbs(path) {
		dir := x.file(tid, dirfd)
		if int32(dirfd) == unix.AT_FDCWD {
			dir, _ = os.Readlink(fmt.Sprintf("/proc/%d/cwd", tid))
		}
		path = filepath.Join(dir, path)
	}
	return x.under(path)
}

// text reads a string in the thread's memory, which may end at the end of a page.
func (x *tracer) text(tid int, at uint64) string {
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", tid))
	if err != nil {
		return ""
	}
	defer func() { _ = mem.Close() }()
	var text []byte
	for len(text) < unix.PathMax {
		block := make([]byte, 256-at%256)
		n, _ := mem.ReadAt(block, int64(at))
		if i := bytes.IndexByte(block[:n], 0); i >= 0 || n == 0 {
			return string(append(text, block[:max(i, 0)]...))
		}
		text, at = append(text, block[:n]...), at+uint64(n)
	}
	return string(text)
}

// The tracer must see what it is meant to see, or a test that finds nothing wrong
// proves nothing.
func TestTheTracerKillsAndFailsAtTheStepItIsTold(t *testing.T) {
	w := newWorld(t, "")
	_, k := w.user("alice")
	environ := w.environ("AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal())
	args := []string{"add", "--env", "work"}
	if e := w.tracedVault(t, kill, 1, environ, args...); !e.killed || e.steps != 1 || e.status != 128+9 {
		t.Errorf("killed at the first step: %+v", e)
	}
	if e := w.tracedVault(t, diskFull, 1, environ, args...); e.killed || e.status != 1 || !strings.Contains(e.err, "the disk is full") {
		t.Errorf("a full disk: %+v", e)
	}
	if e := w.tracedVault(t, readOnly, 1, environ, args...); e.killed || e.status != 1 || !strings.Contains(e.err, "read-only") {
		t.Errorf("a read-only disk: %+v", e)
	}
	if e := w.tracedVault(t, kill, toCount, environ, args...); e.killed || e.status != 0 || e.steps < 10 {
		t.Errorf("undisturbed: %+v", e)
	}
}

// Hiding its memory is the first thing that the program does, before there is anything
// to hide.
func TestMemoryIsNeverDumped(t *testing.T) {
	w := newWorld(t, roleConfig)
	for _, args := range [][]string{{"version"}, {"show", "prod"}, {"hook", "zsh"}} {
		if e := w.tracedVault(t, kill, toCount, w.environ(), args...); e.status != 0 || !e.hidden {
			t.Errorf("%q: the memory may end up in a core dump: %+v", args, e)
		}
	}
}

// What the kernel makes of it, without a tracer: another process of the same user finds
// the memory closed.
func TestOtherProcessesOfTheUserCannotReadTheMemory(t *testing.T) {
	if os.Getuid() == 0 {
		testenv.Missing(t, "ordinary-user", "root can read any memory")
	}
	w := newWorld(t, "")
	c := exec.Command(filepath.Join(bin, "vault"), "add", "--from-csv", "-", "work") // waits for its input
	c.Env, c.Dir = w.environ(), w.dir
	in := must(c.StdinPipe())
	check(c.Start())
	t.Cleanup(func() { _ = in.Close(); _ = c.Wait() })
	mem := fmt.Sprintf("/proc/%d/mem", c.Process.Pid)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		f, err := os.Open(mem)
		if errors.Is(err, os.ErrPermission) {
			return
		}
		if err == nil {
			_ = f.Close() // it has not come to that yet
		}
	}
	t.Errorf("%s can be read", mem)
}
