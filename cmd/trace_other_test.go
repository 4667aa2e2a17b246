//go:build !(linux && amd64)

package cmd_test

// traced is set for the copy of the tests that traces a program.
const traced = "VAULT_TEST_TRACED"

func trace() int { return 2 }
