package creds

import "testing"

func TestAnAccessKeyIDTellsItsAccount(t *testing.T) {
	for id, want := range map[string]string{
		"ASIA" + "QNZGKIQY56JQ7WML": "029608264753", // published as an example of the form
		"AKIA":                      "",
		"AKIAIOSFODNN7EXAMPLE":      "", // made before ids carried an account
		"ASIA!!!!!!!!!!!!!!!!":      "",
	} {
		if got := AccountOf(id); got != want {
			t.Errorf("%s: account %q, want %q", id, got, want)
		}
	}
}
