package profiles

import (
	"fmt"
	"sync"
	"testing"
)

// allOf is what a Set says of a profile, with the errors.
func allOf(s *Set, name string) string {
	p, err := s.Resolve(name, Overrides{})
	return fmt.Sprintf("%v %s %v %v", s.Settings(name), p.CacheKey(), p.Warnings, err)
}

// A Set reads a section when it is asked for, and finds it by the headers or, after many
// questions, by an index. Neither may be noticed; the second file is read as a whole first.
func TestASectionSaysTheSameReadAloneAndInAWholeFile(t *testing.T) {
	texts := []string{
		"[profile a]\nregion = x\n[profile b]\n[profile a]\nregion = y\n[profile c]\nsource_profile = a\n",
		"[profile a]\njunk\n[profile b]\nx = \xff\n[profile \xff]\n# \xff\n[profile a]\nmore junk\n[profile a]\n",
		"[DEFAULT]\nregion = x\n[profile a]\n[DEFAULT]\noutput = json\nregion = y\n[profile b]\n",
		"region = x\n  [profile a]\n  region = y\n   [profile b]\n[profile c]\nservices = s\n[services s]\nsts =\n  endpoint_url\n",
	}
	for seed := range uint64(60) {
		texts = append(texts, generate(seed))
	}
	for _, text := range texts {
		whole := Parse("config", []byte(text))
		problems := fmt.Sprint(whole.Problems())
		for _, name := range whole.Names() {
			if alone, all := allOf(Parse("config", []byte(text)), name), allOf(whole, name); alone != all {
				t.Errorf("%q of\n%q\nis, alone, %s\nand in the whole file %s", name, text, alone, all)
			}
		}
		later := Parse("config", []byte(text))
		for _, name := range whole.Names() {
			allOf(later, name)
		}
		if got := fmt.Sprint(later.Problems()); got != problems {
			t.Errorf("problems of\n%q\nare %s, and after its profiles were read %s", text, problems, got)
		}
	}
}

func TestNothingIsReadOfASectionThatIsNotAskedFor(t *testing.T) {
	s := Parse("config", large(200))
	if _, err := s.Resolve("team150-app00150-admin", Overrides{}); err != nil {
		t.Fatal(err)
	}
	read := 0
	for i := range s.sections {
		if s.bodies[i].Load() != nil {
			read++
		}
	}
	if read != 2 { // the profile, and the source and region of default
		t.Errorf("%d of %d sections were read", read, len(s.sections))
	}
}

func TestASetIsSharedByGoroutines(t *testing.T) {
	s := Parse("config", large(60))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 60 {
				if name := fmt.Sprintf("team%03d-app%05d-admin", i, i); i%2 == 0 && !s.Has(name) {
					t.Errorf("%s is missing", name)
				}
			}
			for _, name := range s.Names() {
				if len(s.Settings(name)) == 0 || len(s.Problems()) != 0 {
					t.Errorf("%s has no settings, or %v", name, s.Problems())
				}
			}
		})
	}
	all.Wait()
}
