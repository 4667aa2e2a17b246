package profiles

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// large is a config file as an organisation's tool writes it: half Identity Center,
// half roles, about 135 bytes a profile.
func large(n int) []byte {
	var b strings.Builder
	b.WriteString("[default]\nregion = eu-west-1\n\n[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\n\n")
	for i := range n {
		account := 100000000000 + i*7
		if i%2 == 0 {
			fmt.Fprintf(&b, "[profile team%03d-app%05d-admin]\nrole_arn = arn:aws:iam::%d:role/team/admin\nsource_profile = default\nregion = eu-west-1\n\n", i%400, i, account)
			continue
		}
		fmt.Fprintf(&b, "[profile team%03d-app%05d-read]\nsso_session = corp\nsso_account_id = %d\nsso_role_name = ReadOnly\nregion = eu-west-1\n\n", i%400, i, account)
	}
	return []byte(b.String())
}

func BenchmarkParse20000(b *testing.B) {
	data := large(20000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		Parse("config", data)
	}
}

// BenchmarkParse20000Heap reports what a Set of 20,000 profiles keeps in memory.
func BenchmarkParse20000Heap(b *testing.B) {
	data := large(20000)
	var before, after runtime.MemStats
	var s *Set
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		s = Parse("config", data)
		runtime.GC()
		runtime.ReadMemStats(&after)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB-kept")
	runtime.KeepAlive(s)
}

func BenchmarkScanNames20000(b *testing.B) {
	data := large(20000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		ScanNames(data)
	}
}

func BenchmarkScanSummaries20000(b *testing.B) {
	data := large(20000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		ScanSummaries(data)
	}
}

func BenchmarkResolve20000(b *testing.B) {
	s := Parse("config", large(20000))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Resolve("team398-app19998-admin", Overrides{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTypo20000(b *testing.B) {
	s := Parse("config", large(20000))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Resolve("team398-app19989-admn", Overrides{}); err == nil {
			b.Fatal("a typo was resolved")
		}
	}
}

func BenchmarkCacheKey(b *testing.B) {
	p := sample()
	for b.Loop() {
		p.CacheKey()
	}
}
