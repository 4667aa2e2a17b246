package profiles

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// sample has every field set, so that changing one is never changing nothing.
func sample() Profile {
	return Profile{
		Name: "prod", Region: "eu-west-1", Endpoint: "https://sts.example.com",
		Network: Network{Endpoints: map[string]string{ServiceIAM: "https://iam.example.com"}, RetryMode: "standard"},
		Extra:   map[string]string{"vault_mode": "env"}, Warnings: []Warning{{Key: "x"}},
		Source: Source{Role: &Role{
			Profile: "prod", ARN: roleARN + "a", ExternalID: "e", SessionName: "s", MFASerial: "m",
			MFAProcess: "p", Duration: time.Hour, Tags: []Tag{{"k", "v"}, {"l", "w"}},
			TransitiveTagKeys: []string{"k"}, SourceIdentity: "i", Policy: "{}", PolicyARNs: []string{"arn:p"},
			Region: "eu-west-1",
			Source: Source{Stored: &Stored{Profile: "base", MFASerial: "n", MFAProcess: "q", Duration: time.Minute}},
		}},
	}
}

// free are the fields that do not determine a session.
var free = []string{
	"Name", "Regionless", "Extra", "Warnings", "Guard.Protected", "Guard.ReadOnly", "Guard.Max", "Guard.Lapses", "Guard.Agents", "Guard.AgentsAt", "Source.Role.Profile",
	"Source.Role.MFAProcess", "Source.Role.Source.Stored.MFAProcess", "Source.Role.Source.Stored.SharedDuration",
	"Network.FIPS", "Network.DualStack", "Network.CABundle", "Network.LegacySTS", "Network.MaxAttempts", "Network.RetryMode", "Network.Origins", "Network.Variables",
	"Source.Role.Source.SSO.Scopes", "Source.Role.Source.Process.Profile", "Source.Role.Source.WebIdentity.Profile", "Source.Role.Source.WebIdentity.TokenFileAt",
	"Source.Role.Source.Stored.InFile.File", "Source.Role.Source.Stored.InFile.Line", "Source.Role.Source.Stored.ForItself", "Source.Role.Source.Temporary.At.Line",
	"Source.Role.Source.Temporary.Renewer.Command", "Source.Role.Source.Temporary.Renewer.Silent",
}

// ends are the places a chain can end at, each with every field set.
func ends() []Source {
	return []Source{
		sample().Source.Role.Source,
		{SSO: &SSO{Session: "corp", StartURL: "https://x.awsapps.com/start", Region: "eu-west-1", Account: "111122223333", Role: "r", Scopes: []string{"a"}}},
		{Process: &Process{Profile: "base", Command: "c"}},
		{WebIdentity: &WebIdentity{
			Profile: "base", ARN: roleARN + "w", SessionName: "s", TokenFile: "f", Process: "p", Duration: time.Hour,
			Policy: "{}", PolicyARNs: []string{"arn:p"}, Region: "eu-west-1",
		}},
		{Host: &Host{Kind: HostInstance}},
		{Login: &Login{Session: "arn:aws:iam::111122223333:user/me", Region: "eu-west-1"}},
		{Temporary: &Temporary{Profile: "base", At: Place{"credentials", 3}}},
	}
}

func TestEveryFieldThatDeterminesASessionChangesItsKey(t *testing.T) {
	seen, fields := map[string]string{}, 0
	for i, end := range ends() {
		made := func() Profile {
			p := sample()
			p.Source.Role.Source = ends()[i]
			return p
		}
		changes := map[string]func(*Profile){}
		collect(t, made(), reflect.TypeFor[Profile](), "", nil, changes)
		if kinds(end) != 1 || len(changes) < 20 {
			t.Fatalf("end %d: %d fields", i, len(changes))
		}
		seen[made().CacheKey()] = itoa(i) + " unchanged"
		for name, change := range changes {
			p := made()
			change(&p)
			other, same := seen[p.CacheKey()]
			if isFree := contains(free, name); isFree != same {
				t.Errorf("end %d, changing %s: key is that of changing %s", i, name, other)
			}
			seen[p.CacheKey()] = itoa(i) + " " + name
		}
		fields += len(changes)
	}
	if n := reflect.TypeFor[Source]().NumField() - 1; len(ends()) != n {
		t.Errorf("%d ends of %d are tried", len(ends()), n)
	}
}

func TestTheSpellingOfAStartURLIsNotPartOfTheKey(t *testing.T) {
	key := func(url string) string {
		return Profile{Source: Source{SSO: &SSO{StartURL: url}}}.CacheKey()
	}
	for _, url := range []string{"https://x.awsapps.com/start/", "https://x.awsapps.com/start#/", "https://x.awsapps.com/start/#/", "https://x.awsapps.com/start#"} {
		want(t, url, key(url), key("https://x.awsapps.com/start"))
	}
	if key("https://x.awsapps.com/start2") == key("https://x.awsapps.com/start") {
		t.Error("two directories share a key")
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// collect makes one change per field, however deep, by reflection, so that a field
// added later is tested without anyone thinking of it.
func collect(t *testing.T, p Profile, typ reflect.Type, prefix string, index []int, out map[string]func(*Profile)) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, at := prefix+f.Name, append(append([]int(nil), index...), i)
		if f.Type == reflect.TypeFor[creds.Session]() {
			continue // the cache compares its access key id
		}
		if f.Type.Kind() == reflect.Struct {
			collect(t, p, f.Type, name+".", at, out)
			continue
		}
		if f.Type.Kind() == reflect.Pointer {
			if strings.Count(name, ".") < 4 && reached(p, at) {
				collect(t, p, f.Type.Elem(), name+".", at, out)
			}
			continue
		}
		out[name] = func(p *Profile) { alter(t, name, reach(reflect.ValueOf(p).Elem(), at)) }
	}
}

func reach(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

func reached(p Profile, index []int) bool {
	return !reach(reflect.ValueOf(&p).Elem(), index).IsNil()
}

func alter(t *testing.T, name string, v reflect.Value) {
	switch x := v.Addr().Interface().(type) {
	case *string:
		if *x = *x + "x"; strings.HasSuffix(name, "Region") {
			*x = "cn-north-1"
		}
	case *bool:
		*x = !*x
	case *int:
		*x++
	case *time.Duration:
		*x++
	case *[]string:
		*x = append(*x, "")
	case *[]Tag:
		*x = append(*x, Tag{})
	case *[]Warning:
		*x = nil
	case *map[string]string:
		*x = nil
	default:
		t.Fatalf("%s has a type this test does not know: %T", name, x)
	}
}

func TestARegionWithinAPartitionKeepsTheKey(t *testing.T) {
	p := sample()
	p.Region, p.Source.Role.Region = "us-east-2", "ap-south-1"
	want(t, "key", p.CacheKey(), sample().CacheKey())
	p.Region = ""
	want(t, "key without a region", p.CacheKey(), sample().CacheKey())
}

func TestKeysAreNotFooledByWhereOnePartEnds(t *testing.T) {
	variants := []func(*Role){
		func(r *Role) { r.ExternalID, r.SessionName = "ab", "c" },
		func(r *Role) { r.ExternalID, r.SessionName = "a", "bc" },
		func(r *Role) { r.ExternalID, r.SessionName = "abc", "" },
		func(r *Role) { r.Tags = []Tag{{"a", "b"}} },
		func(r *Role) { r.Tags = []Tag{{"ab", ""}} },
		func(r *Role) { r.TransitiveTagKeys, r.PolicyARNs = []string{"a", "b"}, nil },
		func(r *Role) { r.TransitiveTagKeys, r.PolicyARNs = []string{"a"}, []string{"b"} },
		func(r *Role) { r.TransitiveTagKeys = []string{"a,b"} },
		func(r *Role) { r.Tags, r.TransitiveTagKeys = nil, []string{"a", "b"} },
	}
	seen := map[string]int{}
	for i, vary := range variants {
		p := sample()
		vary(p.Source.Role)
		if j, same := seen[p.CacheKey()]; same {
			t.Errorf("variants %d and %d have the same key", i, j)
		}
		seen[p.CacheKey()] = i
	}
}

func TestTheSharedSessionHasAKeyOfItsOwn(t *testing.T) {
	s := Stored{Profile: "base"}
	keys := map[string]bool{
		s.CacheKey("aws", ""):                                        true,
		s.CacheKey("aws-cn", ""):                                     true,
		s.CacheKey("aws", "http://x"):                                true,
		Stored{Profile: "b"}.CacheKey("aws", ""):                     true,
		Profile{Source: Source{Stored: &s}}.CacheKey():               true,
		Stored{Profile: "base", MFAProcess: "p"}.CacheKey("aws", ""): true,
	}
	want(t, "different keys", len(keys), 5)
}
