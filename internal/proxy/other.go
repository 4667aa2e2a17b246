//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package proxy

import (
	"context"
	"io"
)

// Nothing of this works here. The functions are those of the other systems.

func Running() bool { return false }

func Possible() error { return ErrUnsupported }

func Join(context.Context, Instance) (io.Closer, error) { return nil, ErrUnsupported }

func Stop(context.Context) error { return ErrUnsupported }

func Front(context.Context) error { return ErrUnsupported }

func Keep(context.Context, Owner, []string, []string, func(bool)) error { return ErrUnsupported }
