package profiles

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
)

// This file turns everything that determines a session into the name under which it is
// cached. Each text is hashed with its length, and each list with its count, so that two
// different inputs never give the same bytes.

// CacheKey returns a hash, in hex, of everything that determines the session: the source,
// each role with its settings, the endpoints, the partition of the region. When a profile is
// edited, it changes. A temporary key in a file stands for every later one there: who caches
// the session compares the access key id. It does not depend on the name of the profile, the region within its
// partition, the MFA command, the rest of Network and the vault_* settings, but for what the Guard makes of the source. Two profiles that
// differ only in these share a session, so its user takes name and region from the Profile
// and not from the cached session.
func (p Profile) CacheKey() string {
	k := key{make([]byte, 0, 512)}
	k.add("profile 2", p.Endpoint, Partition(p.Region))
	k.number(int64(len(p.Network.Endpoints)))
	for _, service := range slices.Sorted(maps.Keys(p.Network.Endpoints)) {
		k.add(service, p.Network.Endpoints[service])
	}
	k.source(p.Source)
	return k.hex()
}

// CacheKey returns the hash for the session that GetSessionToken makes with the key, which
// all roles can use that are assumed with it. It is different from that of any Profile. The
// duration is part of it.
func (s Stored) CacheKey(partition, endpoint string) string {
	k := key{make([]byte, 0, 512)}
	k.add("stored 1", endpoint, partition)
	k.stored(&s)
	return k.hex()
}

// key is what a CacheKey is the hash of.
type key struct{ text []byte }

func (k *key) hex() string {
	sum := sha256.Sum256(k.text)
	return hex.EncodeToString(sum[:])
}

func (k *key) number(n int64) { k.text = binary.BigEndian.AppendUint64(k.text, uint64(n)) }

func (k *key) add(parts ...string) {
	for _, part := range parts {
		k.number(int64(len(part)))
		k.text = append(k.text, part...)
	}
}

func (k *key) list(items []string) {
	k.number(int64(len(items)))
	k.add(items...)
}

func (k *key) source(s Source) {
	switch {
	case s.Stored != nil:
		k.add("stored")
		k.stored(s.Stored)
	case s.Role != nil:
		k.add("role")
		k.role(s.Role)
	case s.SSO != nil:
		k.add("sso", s.SSO.Session, s.SSO.Directory(), s.SSO.Region, s.SSO.Account, s.SSO.Role)
	case s.Process != nil:
		k.add("process", s.Process.Command)
	case s.WebIdentity != nil:
		k.add("web identity")
		k.webIdentity(s.WebIdentity)
	case s.Host != nil:
		k.add("host", s.Host.Kind)
	case s.Login != nil:
		k.add("login", s.Login.Session, Partition(s.Login.Region))
	case s.Temporary != nil:
		k.add("temporary", s.Temporary.Profile, s.Temporary.At.File)
	default:
		k.add("none")
	}
}

func (k *key) stored(s *Stored) {
	k.add(s.Profile, s.MFASerial)
	k.number(int64(s.Duration))
	switch {
	case s.Federation != nil:
		k.add("federation", s.Federation.Policy)
		k.list(s.Federation.PolicyARNs)
	case s.NoSession:
		k.add("no session")
	default:
		k.add("session")
	}
}

func (k *key) webIdentity(w *WebIdentity) {
	k.add(w.ARN, w.SessionName, w.TokenFile, w.Process, w.Policy, Partition(w.Region))
	k.number(int64(w.Duration))
	k.list(w.PolicyARNs)
}

func (k *key) role(r *Role) {
	k.add(r.ARN, r.ExternalID, r.SessionName, r.MFASerial, r.SourceIdentity, r.Policy, Partition(r.Region))
	k.number(int64(r.Duration))
	k.number(int64(len(r.Tags)))
	for _, tag := range r.Tags {
		k.add(tag.Key, tag.Value)
	}
	k.list(r.TransitiveTagKeys)
	k.list(r.PolicyARNs)
	k.source(r.Source)
}
