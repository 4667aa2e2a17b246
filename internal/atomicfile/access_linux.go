package atomicfile

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// accessList is where Linux keeps the access control list of a file, for those who set
// one with setfacl.
const accessList = "system.posix_acl_access"

// copyAccess gives f the mode and the access list of the file at path. Without a list
// there, it takes away the one that f may have from its directory, which a mode for the
// group would put into force.
func copyAccess(f *os.File, path string, mode fs.FileMode) error {
	list, err := readAccessList(path)
	if err != nil {
		return err
	}
	if list == nil {
		if err := unix.Fremovexattr(int(f.Fd()), accessList); err != nil && !noAccessList(err) {
			return err
		}
	}
	if err := f.Chmod(mode); err != nil || list == nil {
		return err
	}
	return unix.Fsetxattr(int(f.Fd()), accessList, list, 0)
}

// readAccessList returns nil when there is none.
func readAccessList(path string) ([]byte, error) {
	const room = 8192 // an entry has 8 bytes
	list := make([]byte, room)
	n, err := unix.Getxattr(path, accessList, list)
	if noAccessList(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return list[:n], nil
}

// noAccessList: the file has none, or its file system knows none.
func noAccessList(err error) bool {
	return errors.Is(err, unix.ENODATA) || errors.Is(err, errors.ErrUnsupported)
}
