package main

import (
	"errors"
	"testing"
	"time"
)

// unlockAgent needs a terminal that a program can type into.
func unlockAgent(*testing.B, string, []string) error { return errors.ErrUnsupported }

// pickerRows are not measured here: there is no terminal without a window.
func (s *stage) pickerRows(string, string) []*row { return nil }

func firstScreen(*testing.B, *row) (wall, cpu time.Duration) { return 0, 0 }
