// Package busguard keeps the keyring library from dialling D-Bus where there is
// no bus to dial.
//
// On Linux that library connects to the session bus while the program is still
// starting, in its package initialisation, without a deadline. Where no bus runs
// (ssh, cron, CI) its D-Bus package starts one through dbus-launch, and nothing ever
// stops it: one more daemon for each time the program is run. This package runs
// first and, unless a bus really answers, points the dial at an address where
// nothing listens. Package store undoes that as soon as the library is initialised,
// so neither main nor a child process ever sees the changed environment.
//
// Why it runs first: Go initialises, of all packages whose imports are ready, the
// one with the smallest import path. This one imports the standard library alone.
// The library waits for golang.org/x/sys and golang.org/x/term, whose paths sort
// behind ours. A test of package store reads the order off a running binary.
package busguard

import "os"

// The two variables that decide what the keyring library dials.
const (
	addressVar = "DBUS_SESSION_BUS_ADDRESS"
	kwalletVar = "DISABLE_KWALLET"
)

var (
	whyNot string   // why there is no bus; "" when one answered
	before []func() // each puts one variable back
)

// WhyNot says in plain words why this process has no session bus, or "" when a
// bus answered. It costs nothing: the answer was found while starting.
func WhyNot() string { return whyNot }

// Restore gives the environment back as the process received it. To be called once
// the keyring library is initialised; a second call does nothing.
func Restore() {
	for _, undo := range before {
		undo()
	}
	before = nil
}

func override(name, value string) {
	old, was := os.LookupEnv(name)
	before = append(before, func() {
		if was {
			_ = os.Setenv(name, old)
		} else {
			_ = os.Unsetenv(name)
		}
	})
	_ = os.Setenv(name, value)
}
