//go:build !linux

package store

import "context"

// refuse has nothing to do: what a helper will ask cannot be known here.
func (h *helper) refuse(context.Context, string, bool) error { return nil }

func (h *helper) mayBeLocked(context.Context) bool { return false }
