package main

import (
	"errors"
	"testing"
)

// unlockAgent needs a terminal that a program can type into.
func unlockAgent(*testing.B, string, []string) error { return errors.ErrUnsupported }
