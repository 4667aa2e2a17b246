package cmd

// This file reads the files with access keys that the IAM console gives.

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
)

// mostCSV is far more than the console writes.
const mostCSV = 1 << 20

// keyFromCSV reads the key in a file of the console, or on standard input for "-". The
// columns have had several names and orders; a file may have several users.
func (r *run) keyFromCSV(file, user string) (creds.Key, error) {
	data, err := r.readCSV(file)
	if err != nil {
		return creds.Key{}, err
	}
	defer clear(data)
	if file == "-" {
		file = "standard input"
	}
	rows, err := csvRows(data)
	switch {
	case err != nil:
		return creds.Key{}, fmt.Errorf("%s is not the file with an access key that the IAM console gives", file)
	case len(rows) == 0:
		return creds.Key{}, fmt.Errorf("%s has no column, or no value, for the access key id and its secret", file)
	}
	row, err := chooseUser(rows, file, user)
	if err != nil {
		return creds.Key{}, err
	}
	return creds.NewKey(row.id, row.secret.Reveal())
}

func (r *run) readCSV(file string) ([]byte, error) {
	in := r.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, mostCSV))
}

// csvRow is one user's key.
type csvRow struct {
	user, id string
	secret   creds.Secret
}

// csvRows are the users that have a key: in a file of many, some have only a password.
func csvRows(data []byte) ([]csvRow, error) {
	c := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	c.FieldsPerRecord, c.LazyQuotes, c.TrimLeadingSpace = -1, true, true
	table, err := c.ReadAll()
	if err != nil || len(table) < 2 || bytes.ContainsRune(data, 0) {
		return nil, fmt.Errorf("not a table: %w", io.ErrUnexpectedEOF)
	}
	column := func(row []string, titles ...string) string {
		for i, title := range table[0] {
			if i < len(row) && slices.Contains(titles, strings.ToLower(strings.TrimSpace(title))) {
				return strings.TrimSpace(row[i])
			}
		}
		return ""
	}
	var rows []csvRow
	for _, row := range table[1:] {
		x := csvRow{column(row, "user name", "username"), column(row, "access key id"), creds.New(column(row, "secret access key"))}
		if x.id != "" && !x.secret.IsZero() {
			rows = append(rows, x)
		}
	}
	return rows, nil
}

// chooseUser finds the row that is meant.
func chooseUser(rows []csvRow, file, user string) (csvRow, error) {
	var names []string
	var found []csvRow
	for _, x := range rows {
		if x.user != "" {
			names = append(names, x.user)
		}
		if user == "" || x.user == user {
			found = append(found, x)
		}
	}
	listed := "in it are " + strings.Join(names[:min(len(names), 10)], ", ")
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		err := fmt.Errorf("%s has %d keys", file, len(found))
		if len(names) < len(rows) || user != "" {
			return csvRow{}, app.WithHint(err, "give a file with one")
		}
		return csvRow{}, app.WithHint(err, "choose one with --csv-user; %s", listed)
	case len(names) == 0:
		return csvRow{}, app.WithHint(fmt.Errorf("%s does not say whose key it holds", file), "leave --csv-user out")
	}
	return csvRow{}, app.WithHint(fmt.Errorf("%s has no key of user %q", file, user), "%s", listed)
}
