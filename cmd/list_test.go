package cmd

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/app"
)

func TestARowInJSONEqualsWhatTheLibraryWrites(t *testing.T) {
	second := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	fraction := second.Add(7 * time.Millisecond)
	for _, l := range []app.InventoryRow{
		{}, {Profile: "prod", Configured: true, Credential: true, Sessions: 12, Expires: &second},
		{Profile: `a "b" \\ <c> é \u2028` + "\x00\xff\x1b[2J", Sessions: -1, Expires: &fraction},
	} {
		want, err := json.Marshal(l)
		if got := string(appendRow(nil, l)); err != nil || got != string(want) {
			t.Errorf("%s, %v\nwant %s", got, err, want)
		}
	}
}
