package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// separators end a directory in a path.
const separators = `/\`

// asItIs opens what is there: no link is followed, and a pipe does not block.
const asItIs = 0

// claim has nothing to do: an open file cannot be deleted.
func claim(*os.File) bool { return true }

// sweep deletes a temporary file that is old. Whether its writer lives is not
// known, but what a process has open stays.
func sweep(path string) {
	if st, err := os.Lstat(path); err == nil && time.Since(st.ModTime()) > abandoned {
		_ = os.Remove(path)
	}
}

// giveOwner has nothing to do: a file in a user's profile belongs to that user.
func giveOwner(*os.File, string, fs.FileInfo) error { return nil }

func giveDirOwner(string, string) error { return nil }

// giveMode gives a temporary file the access list of the file it will replace.
func giveMode(f *os.File, target string, old fs.FileInfo) error {
	if old == nil {
		return nil
	}
	return copyAccess(target, f.Name())
}

// moveInto gives a temporary file its name. Windows does not rename an open file.
func moveInto(f *os.File, target string) error {
	if err := f.Close(); err != nil {
		return err
	}
	return rename(f.Name(), target)
}

// copyAccess gives a file the access list of another, unless that one has what its
// directory gives to every file.
func copyAccess(from, to string) error {
	sd, err := windows.GetNamedSecurityInfo(from, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return err
	}
	control, _, err := sd.Control()
	if err != nil || control&windows.SE_DACL_PROTECTED == 0 {
		return err
	}
	dacl, _, err := sd.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(to, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, dacl, nil)
}

// rename gives a file another name, in the place of one that has it.
func rename(from, to string) error {
	a, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	b, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	return patiently(func() error {
		err := windows.MoveFileEx(a, b, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
		if errors.Is(err, windows.ERROR_ACCESS_DENIED) { // which is what it says of a file that is open
			return busy{err}
		}
		return err
	})
}

// busy is an error that may pass.
type busy struct{ error }

func (b busy) Unwrap() error { return b.error }

// patiently waits a moment, a second in all, for programs that have a file open for themselves: a virus
// scanner, an editor, a program that makes backups.
func patiently(do func() error) error {
	for wait := time.Millisecond; ; wait *= 2 {
		err := do()
		shared := errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_LOCK_VIOLATION)
		var b busy
		switch {
		case !shared && !errors.As(err, &b):
			return err
		case wait <= 500*time.Millisecond:
			time.Sleep(wait)
		case shared:
			return ErrInUse
		default:
			return b.error
		}
	}
}

func syncFile(f *os.File) error { return f.Sync() }

// syncDir has nothing to do: a rename is written through.
func syncDir(string) error { return nil }

// openToSync opens a file to flush it, for which Windows wants the right to write. A
// directory has nothing to flush.
func openToSync(path string, dir bool) (*os.File, error) {
	if dir {
		return nil, nil
	}
	return os.OpenFile(path, os.O_RDWR, 0)
}

func handOver(f *os.File) error { return f.Sync() }

// links is not told by what Lstat returns.
func links(fs.FileInfo) int { return 0 }

func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

func isReadOnly(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }
