// Command floor is the least a program with our command library can do. What vault
// costs to start is measured beside it.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func main() {
	c := &cobra.Command{Use: "floor", Run: func(*cobra.Command, []string) { fmt.Println("hello, world") }}
	if c.Execute() != nil {
		os.Exit(1)
	}
}
