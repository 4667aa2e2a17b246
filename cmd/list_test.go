package cmd

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/app"
)

func TestARowInJSONEqualsWhatTheLibraryWrites(t *testing.T) {
	second := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	fraction := second.Add(7 * time.Millisecond)
	for _, l := range []app.InventoryRow{
		{}, {Profile: "prod", Configured: true, Credential: true, PlainText: "/x/credentials:3", Sessions: 12, Expires: &second, Account: "111122223333", Role: "a<b", Region: "eu-west-1", Active: true},
		{Profile: `a "b" \\ <c> é \u2028` + "\x00\xff\x1b[2J", Sessions: -1, Expires: &fraction},
	} {
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		err := e.Encode(l)
		if got := string(appendRow(nil, l)) + "\n"; err != nil || got != want.String() {
			t.Errorf("%s, %v\nwant %s", got, err, &want)
		}
	}
}
