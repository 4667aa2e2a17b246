package host

import "sync"

var leftover struct {
	sync.Mutex
	watched bool
}

// RemoveAtEnd has the files in a directory whose names match a pattern removed as soon as this
// process has ended, however it ends: a small program of the system waits for that, at no cost. One
// that waits already, for whatever files, is enough; one that was killed is replaced by the next call.
func RemoveAtEnd(dir, pattern string) error {
	leftover.Lock()
	defer leftover.Unlock()
	if leftover.watched {
		return nil
	}
	c := remover(dir, pattern)
	end, err := c.StdinPipe() // it is never written to, and the system closes it with this process
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		return err
	}
	leftover.watched = true
	go func() {
		_ = c.Wait()
		_ = end.Close()
		leftover.Lock()
		leftover.watched = false
		leftover.Unlock()
	}()
	return nil
}
