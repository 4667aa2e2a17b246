package creds

import (
	"errors"
	"testing"
)

func TestOnlyWhatAWSGivesOutIsAKey(t *testing.T) {
	for _, c := range []struct {
		id, secret string
		want       error
	}{
		{"AKIAFAKE", "abc/+=DEF", nil},
		{" AKIAFAKE\t", "\nabc ", nil},
		{"", "abc", errIncomplete},
		{"AKIAFAKE", " ", errIncomplete},
		{"ASIAFAKE", "abc", ErrTemporary},
		{"AKIAFAKE # mine", "abc", ErrMalformed},
		{"AKIAFAKE", "abc # mine", ErrMalformed},
		{"AKIAFAKE", "abc#def", nil}, // a comment begins a line, or is none
		{"AKIAFAKE", "ab\x00c", ErrMalformed},
		{"AKIAFAKE", "abcé", ErrMalformed},
		{"$(touch x)", "abc", ErrMalformed},
	} {
		k, err := NewKey(c.id, c.secret)
		if !errors.Is(err, c.want) || (err == nil) == k.Secret.IsZero() {
			t.Errorf("%q: %v, want %v", c.id, err, c.want)
		}
	}
}

func TestKeysAreEqualInBothHalves(t *testing.T) {
	k := Key{ID: "AKIA1234", Secret: New("s")}
	if !k.Equal(Key{ID: "AKIA1234", Secret: New("s")}) || k.Equal(Key{ID: "AKIA1234", Secret: New("t")}) || k.Equal(Key{ID: "AKIA1235", Secret: New("s")}) {
		t.Error("not compared by both halves")
	}
	if k.Tail() != "…1234" || (Key{ID: "ab"}).Tail() != "…ab" {
		t.Errorf("shown as %q", k.Tail())
	}
}
