package store

import (
	"context"
	"fmt"
	"runtime"

	"github.com/d44b7504/vault/internal/atomicfile"
)

// Flush brings to the disk what was put into the store, so that a loss of power does not
// lose it. It is for the moment before the same secrets are deleted elsewhere: to read an
// item back shows what is in memory. Back ends that write the files themselves have done
// so in Put; the programs behind the others often have not, gpg for one.
func Flush(ctx context.Context, s Store) error {
	b, ok := s.(*bounded)
	if !ok || b.unsynced == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	_, err := within(ctx, func() (struct{}, error) { return struct{}{}, atomicfile.Sync(b.unsynced) })
	if err != nil {
		return fmt.Errorf("bring the items in %s to the disk: %w", b.Name, err)
	}
	return nil
}

// The directories for the field otherWrites of the table.

func passFolder(o Options) string { return o.PassDir }

// homeFolder is for programs that keep their files somewhere in the home directory. On
// Linux its file system is flushed as a whole.
func homeFolder(Options) string { return "~" }

func keychainFolder(Options) string { return "~/Library/Keychains" }

// helperFolder: on a Mac the helper that people have is the keychain's, and to flush each
// file of a home directory would take minutes.
func helperFolder(o Options) string {
	switch runtime.GOOS {
	case "linux":
		return homeFolder(o)
	case "darwin":
		return keychainFolder(o)
	}
	return ""
}
