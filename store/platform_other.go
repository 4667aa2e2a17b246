//go:build !linux && !darwin && !windows

package store

func platform() []backend {
	return []backend{
		{name: "pass", open: openPass},
		{name: "file", open: openFiles},
		{name: "age", open: openAge, explicit: true},
	}
}
