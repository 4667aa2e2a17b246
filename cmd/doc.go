// Package cmd is the command line: one file a command, each turning flags into
// options, options into one call, and the answer into words. It chooses every word a
// person reads; the packages below it return facts.
package cmd
