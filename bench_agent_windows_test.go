package main

import (
	"errors"
	"testing"
)

// unlockAgent needs a terminal that a program can type into.
func unlockAgent(*testing.B, string, []string) error { return errors.ErrUnsupported }

// pickerLine is not measured here: there is no terminal without a window.
func (s *stage) pickerLine(*verdicts) string { return "" }
