package app

// This file reads the files with access keys that the IAM console gives.

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/d44b7504/vault/internal/creds"
)

// KeyFromCSV reads the key in a file of the console. The columns have had several names and
// orders, and a file may have several users: user says which, "" the only one. source
// names the file in errors.
func KeyFromCSV(data []byte, source, user string) (creds.Key, error) {
	rows, err := csvRows(data)
	switch {
	case err != nil:
		return creds.Key{}, fmt.Errorf("%s is not a file with an access key as the IAM console gives it", source)
	case len(rows) == 0:
		return creds.Key{}, fmt.Errorf("%s has no column, or no value, for the access key id and its secret", source)
	}
	row, err := chooseUser(rows, source, user)
	if err != nil {
		return creds.Key{}, err
	}
	return creds.NewKey(row.id, row.secret.Reveal())
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

// chooseUser finds the row of a user.
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
			return csvRow{}, WithHint(err, "give a file with one")
		}
		return csvRow{}, WithHint(err, "choose one with --csv-user; %s", listed)
	case len(names) == 0:
		return csvRow{}, WithHint(fmt.Errorf("%s does not say whose key it holds", file), "leave --csv-user out")
	}
	return csvRow{}, WithHint(fmt.Errorf("%s has no key of user %q", file, user), "%s", listed)
}
