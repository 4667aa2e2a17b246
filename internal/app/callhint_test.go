package app

import (
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/sessions"
)

func TestTheHintForACallNamesWhatCanBeChanged(t *testing.T) {
	for _, c := range []struct {
		e         sessions.CallError
		has, lack string
	}{
		{sessions.CallError{Kind: sessions.BadKey, Profile: "top", Holder: "base"}, "vault add base stores it again", "top"},
		{sessions.CallError{Kind: sessions.BadKey, Code: "SignatureDoesNotMatch", Profile: "top", Holder: "base"}, "vault add base stores the key again", "top"},
		{sessions.CallError{Kind: sessions.BadKey, Profile: "top", Giver: `the credential_process of "tool"`}, `credential_process of "tool"`, "vault add"},
		{sessions.CallError{Kind: sessions.BadKey, Profile: "base"}, "vault add base", ""},
		{sessions.CallError{Kind: sessions.BadToken, Code: "ExpiredTokenException", Profile: "pod"}, "has to issue a new one", "trust"},
		{sessions.CallError{Kind: sessions.BadToken, Code: "InvalidIdentityToken", Message: "No OpenIDConnect provider found", Profile: "pod"}, "does not trust the issuer", ""},
		{sessions.CallError{Kind: sessions.Throttled}, "nothing is wrong with", "network and"},
		{sessions.CallError{Kind: sessions.Unreachable}, "check the network and the name of the region", ""},
		{sessions.CallError{Kind: sessions.Unreachable, Settings: []string{"endpoint_url in /c:2"}}, "check the network, and endpoint_url in /c:2", "region"},
		{sessions.CallError{Kind: sessions.NotAWS}, "sign in first", "region"},
		{sessions.CallError{Kind: sessions.Untrusted}, "set ca_bundle", "check the network"},
		{sessions.CallError{Kind: sessions.Untrusted, Settings: []string{"AWS_CA_BUNDLE"}}, "the file that is set by AWS_CA_BUNDLE", "check the network"},
		{sessions.CallError{Kind: sessions.BadSetting}, "correct the path", "check the network"},
	} {
		if got := CallHint(&c.e); !strings.Contains(got, c.has) || c.lack != "" && strings.Contains(got, c.lack) {
			t.Errorf("%+v: %q", c.e, got)
		}
	}
}
