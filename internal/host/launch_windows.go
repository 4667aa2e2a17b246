package host

import "os"

// redirect closes the standard output that our starter reads.
func redirect(*os.File) { _ = os.Stdout.Close() }
