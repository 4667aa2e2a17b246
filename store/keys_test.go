package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/creds"
)

var fakeKey = creds.Key{ID: "AKIAEXAMPLEEXAMPLE00", Secret: creds.New("fake/secret+<&>for-tests")}

// The expected bytes are what encoding/json makes of the SDK's struct that AWS
// Vault 7.2 stores.
func TestPutKeyWritesWhatAWSVaultWrites(t *testing.T) {
	s := newMemory()
	if err := PutKey(soon(t), s, "work", fakeKey); err != nil {
		t.Fatal(err)
	}
	wantValue(t, s, "work", `{"AccessKeyID":"AKIAEXAMPLEEXAMPLE00","SecretAccessKey":"fake/secret+\u003c\u0026\u003efor-tests",`+
		`"SessionToken":"","Source":"","CanExpire":false,"Expires":"0001-01-01T00:00:00Z"}`)
}

func TestGetKeyReadsEveryFormAWSVaultHasWritten(t *testing.T) {
	for version, text := range map[string]string{
		"4":  `{"AccessKeyID":"A","SecretAccessKey":"s","SessionToken":"","ProviderName":""}`,
		"7":  `{"AccessKeyID":"A","SecretAccessKey":"s","SessionToken":"","Source":"","CanExpire":false,"Expires":"0001-01-01T00:00:00Z"}`,
		"8?": `{"AccessKeyID":"A","SecretAccessKey":"s","AccountID":"111122223333","New":{"x":[1]}}`,
	} {
		s := newMemory()
		put(t, s, "p", text)
		if k, err := GetKey(soon(t), s, "p"); err != nil || k.ID != "A" || k.Secret.Reveal() != "s" {
			t.Errorf("%s: %v, %v", version, k.ID, err)
		}
	}
}

func TestGetKeyOfAnotherItemSaysSoWithoutShowingIt(t *testing.T) {
	for _, text := range []string{"", "hunter2", `{"AccessKeyID":"hunter2"}`, `{"AccessKeyID":7,"SecretAccessKey":"hunter2"}`, `["hunter2"]`} {
		s := newMemory()
		put(t, s, "p", text)
		_, err := GetKey(soon(t), s, "p")
		if !errors.Is(err, ErrUnavailable) || strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := GetKey(soon(t), newMemory(), "p"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestKeyNamesLeavesOutSessionsAndTokens(t *testing.T) {
	s := newMemory()
	keys := []string{"a,b", "a,b,c,d", "prod", "session", "session:", "team, the other,x,", "vault.corp", "x session"}
	for _, name := range append([]string{
		"vault.session,aGFzaA,,4102444800", "vault.token,aGFzaA", // ours
		"sts.GetSessionToken,cHJvZA,YXJuOmF3czppYW06OjE,1700000000", "sso.GetRoleCredentials,cHJvZA,,1", "oidc:https://d-1.example/start",
		"session,cHJvZA,%,1700000000", "session:prod:arn:1700000000", "prod session (1700000000)",
	}, keys...) {
		put(t, s, name, "v")
	}
	if got, _, err := KeyNames(soon(t), s); err != nil || !slices.Equal(got, keys) {
		t.Errorf("%q, %v", got, err)
	}
}

// AWS Vault lists what has this form as a session; and no profile has such a name by chance.
func TestAStagedKeyIsNotACredentialToAnyProgram(t *testing.T) {
	s := newMemory()
	name := StagedName("work")
	if err := PutKey(soon(t), s, name, fakeKey); err != nil {
		t.Fatal(err)
	}
	if got, _, err := KeyNames(soon(t), s); err != nil || len(got) != 0 {
		t.Errorf("%q, %v", got, err)
	}
	if !isAWSVaultSession(name) || strings.Contains(name, "work") || strings.HasPrefix(name, SessionPrefix) || name == StagedName("work2") {
		t.Error(name)
	}
	if got, err := s.List(soon(t), ProfilePrefix("work")); err != nil || len(got) != 0 {
		t.Errorf("%q would be deleted as sessions, %v", got, err)
	}
}

func TestOnlySessionsAreTrustedToThisProgram(t *testing.T) {
	for name, confirm := range map[string]bool{"prod": true, "vault.corp": true, "vault.session,aGFzaA,,4102444800": false} {
		if item := newItem(name, creds.New("v")); item.KeychainNotTrustApplication != confirm {
			t.Errorf("%s: each read is to be confirmed: %v", name, !confirm)
		}
	}
}
