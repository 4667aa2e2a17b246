package profiles

import "os"

// replace puts a new file in the place of an old one. The rename is the one step that
// others see; renameio does not do Windows. The half-written file lies in staging.
func replace(path, staging string, text []byte) error {
	f, err := os.CreateTemp(staging, "config-*")
	if err != nil {
		return err
	}
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
