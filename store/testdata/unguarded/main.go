// A program that imports the keyring library and nothing of ours: what the guard
// is measured against.
package main

import (
	"fmt"

	"github.com/99designs/keyring"
)

func main() { fmt.Println(len(keyring.AvailableBackends()) > 0) }
