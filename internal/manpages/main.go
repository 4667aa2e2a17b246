// Package manpages is a program that writes the manual pages of vault into a directory of a package, below
// share/man/man1: one of the program, and one of each of its commands. It is not part of the program.
//
//	go run ./internal/manpages [-version 1.2.3] DIRECTORY
//
// The same input gives the same bytes. SOURCE_DATE_EPOCH, in seconds, is the date in the pages;
// without it they have none.
package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/cmd"
)

func main() {
	version := flag.String("version", "", "the version in the pages")
	flag.Parse()
	if err := write(flag.Args(), *version, os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		fmt.Fprintln(os.Stderr, "manpages:", err)
		os.Exit(1)
	}
}

// write writes all pages below the directory that is the one argument.
func write(args []string, version, epoch string) error {
	if len(args) != 1 {
		return errors.New("name the directory to write into")
	}
	day, err := dayOf(epoch)
	if err != nil {
		return err
	}
	dir := filepath.Join(args[0], "share", "man", "man1")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range pages(version, day) {
		packed, err := pack(text)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name+".1.gz"), packed, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// pages are all pages by their names.
func pages(version, day string) map[string]string {
	all := map[string]string{}
	var each func(c *cobra.Command)
	each = func(c *cobra.Command) {
		all[pageName(c)] = about(c, version, day)
		for _, sub := range c.Commands() {
			if shown(sub) {
				each(sub)
			}
		}
	}
	each(cmd.Manual())
	return all
}

// dayOf is the date of a time in seconds, "" for none.
func dayOf(epoch string) (string, error) {
	if epoch == "" {
		return "", nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return "", fmt.Errorf("SOURCE_DATE_EPOCH is %q: it is a number of seconds", epoch)
	}
	return time.Unix(seconds, 0).UTC().Format(time.DateOnly), nil
}

// pack compresses a page. It has neither a name nor a time inside.
func pack(text string) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
