package env

import (
	"encoding/base64"
	"maps"
	"testing"
	"time"
)

// Whatever is in the state's variable, off and following it touch nothing but the variables of
// AWS's family and the two of vault, and never fail.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"q":{"n":"prod"},"o":{"AWS_PROFILE":"mine"},"f":{"AWS_PROFILE":"x"}}`), "value")
	f.Add([]byte(`{"q":{"n":"prod"},"p":{"PATH":"/evil"}}`), "")
	f.Add([]byte(`null`), "x")
	f.Fuzz(func(t *testing.T, state []byte, value string) {
		current := map[string]string{
			StateVar: base64.RawURLEncoding.EncodeToString(state), GenerationFile: value,
			"AWS_PROFILE": value, "AWS_ACCESS_KEY_ID": value, "PATH": "/bin", "HOME": value,
		}
		before := maps.Clone(current)
		s, ok := StateOf(current)
		for _, a := range []Activation{Deactivate(current), Follow(current, value, value, time.Unix(1, 0))} {
			for _, c := range a.Changes {
				if !isSetting(c.Name) && !inFamily(c.Name, current) {
					t.Errorf("%q of the state changes %s", state, c.Name)
				}
			}
		}
		if !maps.Equal(before, current) {
			t.Error("the environment itself was changed")
		}
		if again, is := StateOf(map[string]string{StateVar: s.encode()}); ok && (!is || again.Request.Profile != s.Request.Profile) {
			t.Errorf("%+v became %+v", s, again)
		}
	})
}

func inFamily(name string, current map[string]string) bool {
	for _, n := range append(touched(), touchedIn(current)...) {
		if n == name {
			return true
		}
	}
	return name == StateVar || name == GenerationFile
}

// A variable that says nothing but the profile is followed like any other state.
func TestAStateThatSaysNothingOfWhatWasExportedIsFollowed(t *testing.T) {
	current := map[string]string{StateVar: base64.RawURLEncoding.EncodeToString([]byte(`{"q":{"n":"prod"}}`))}
	a := Follow(current, "eu-west-1", "generation", time.Time{})
	var after string
	for _, c := range a.Changes {
		if c.Name == StateVar {
			after = c.Value.Reveal()
		}
	}
	s, ok := StateOf(map[string]string{StateVar: after})
	if !ok || s.Request.Profile != "prod" || !s.isExport(region, "eu-west-1") {
		t.Errorf("%+v, %v", s, ok)
	}
}
