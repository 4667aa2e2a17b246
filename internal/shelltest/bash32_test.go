package shelltest

import "testing"

func TestWhatIsNewerThanBash32IsFound(t *testing.T) {
	for _, n := range newer {
		if len(NewerThanBash32(n.example)) == 0 {
			t.Errorf("%s is not seen in %q", n.what, n.example)
		}
	}
	if found := NewerThanBash32("local x=y IFS=$' \\t\\n'; echo \"${x:-1}\" ${y[x - 1]}; [[ $a == *v* ]]; { a; } 2>&1\n"); len(found) > 0 {
		t.Error(found)
	}
}
