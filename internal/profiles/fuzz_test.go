package profiles

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// FuzzParse holds on to what must be true of any bytes: reading ends, a scan and a
// parse agree, every name resolves or fails with an error of this package, and a problem
// names a line that is there.
func FuzzParse(f *testing.F) {
	for seed := range uint64(40) {
		f.Add([]byte(generate(seed)))
	}
	f.Add([]byte("\xff\xfea"))
	f.Add([]byte("[profile a]\nsource_profile=b\n[profile b]\nsource_profile=a\ninclude_profile=c\n"))
	f.Add([]byte("[profile a]\nrole_arn=arn:aws:iam::1:role/x\nduration_seconds=900\nservices=s\n[services s]\nsts=\n endpoint_url=x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := Parse("config", data)
		if notText(string(data)) == "" && !slices.Equal(ScanNames(data), s.Names()) {
			t.Errorf("a scan says %q, a parse %q", ScanNames(data), s.Names())
		}
		lines := strings.Count(unixLines(string(data)), "\n") + 1
		for _, p := range s.Problems() {
			if p.Line < 1 || p.Line > lines {
				t.Errorf("%v, of %d lines", p, lines)
			}
		}
		checkOutlines(t, s)
		for _, name := range s.Names() {
			checkResolve(t, s, name)
		}
	})
}

// checkOutlines compares what is told of all sections at once with what is told of one that is read.
func checkOutlines(t *testing.T, s *Set) {
	for i, o := range s.outlines() {
		sec := &s.sections[i]
		b := s.read(sec)
		if o.sound && (len(b.problems) > 0 || b.bad != nil) {
			t.Errorf("[%s] is sound, and has %v", s.header(sec), b.bad)
		}
		var c clues
		for _, e := range s.only(i).settings() {
			c.note(e.Key, e.Value)
		}
		if x := outlineOf(sec, &c, true); o.sound && x != o {
			t.Errorf("[%s] is %+v, and %+v when it is read", s.header(sec), o, x)
		}
	}
}

func checkResolve(t *testing.T, s *Set, name string) {
	p, err := s.Resolve(name, Overrides{})
	if err != nil {
		var syntax *SyntaxError
		var value *ValueError
		var loop *LoopError
		var missing *NotFoundError
		if !errors.As(err, &syntax) && !errors.As(err, &value) && !errors.As(err, &loop) &&
			!errors.As(err, &missing) {
			t.Errorf("%q: %v is an error of no kind", name, err)
		}
		if err.Error() == "" {
			t.Errorf("%q: an error without words", name)
		}
		return
	}
	if kinds(p.Source) != 1 || p.Region == "" || len(p.CacheKey()) != 64 {
		t.Errorf("%q: %+v", name, p)
	}
}

// kinds counts the fields that are set; one is right.
func kinds(s Source) int {
	n, v := 0, reflect.ValueOf(s)
	for i := range v.NumField() {
		if !v.Field(i).IsNil() {
			n++
		}
	}
	return n
}

// FuzzAppend: what can be added can be read back, after any file.
func FuzzAppend(f *testing.F) {
	for seed := range uint64(20) {
		f.Add([]byte(generate(seed)), `it's "a" \`, "x # y")
	}
	f.Fuzz(func(t *testing.T, old []byte, name, value string) {
		settings := []Setting{{Key: "region", Value: value}}
		text, err := appendSection("config", old, name, settings)
		if err != nil {
			return
		}
		if !strings.HasPrefix(string(text), string(old)) {
			t.Errorf("what was there has changed")
		}
		before, after := Parse("", old), Parse("", text)
		if !slices.Equal(after.Names(), append(before.Names(), name)) {
			t.Errorf("%q became %q", before.Names(), after.Names())
		}
		for _, n := range before.Names() {
			if was, is := fmt.Sprint(before.Settings(n)), fmt.Sprint(after.Settings(n)); was != is {
				t.Errorf("%q was %s and is %s", n, was, is)
			}
		}
	})
}
