package fakeaws

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// This file holds virtual MFA devices: codes of RFC 6238, accepted one step early
// or late, and each of them once. The code is computed here because the library for it
// brings an encoder of QR codes into the program; a test compares the two.

const mfaStep = 30 * time.Second

var seedEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// codeAt returns the six digits that a device with this seed shows at a moment.
func codeAt(seed string, at time.Time) (string, error) {
	key, err := seedEncoding.DecodeString(seed)
	if err != nil {
		return "", err
	}
	h := hmac.New(sha1.New, key)
	_ = binary.Write(h, binary.BigEndian, stepOf(at))
	sum := h.Sum(nil)
	n := binary.BigEndian.Uint32(sum[sum[len(sum)-1]&15:]) & (1<<31 - 1)
	return fmt.Sprintf("%06d", n%1e6), nil
}

// device is guarded by Server.mu.
type device struct {
	serial  string
	seed    string // base32, the form for authenticator apps
	enabled time.Time
	spent   map[int64]bool // steps whose code was used
}

// MFA is a virtual device as its user has it.
type MFA struct {
	Serial string       // arn:aws:iam::ACCOUNT:mfa/NAME
	Seed   creds.Secret // base32, without padding

	server *Server
	device *device
}

// AddMFA gives the user a virtual device, already enabled. Names are unique in
// an account.
func (s *Server) AddMFA(userARN, name string) (*MFA, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.state.users[userARN]
	if u == nil {
		return nil, fmt.Errorf("no user %s", userARN)
	}
	serial, err := s.newARN(u.account, "mfa", name)
	if err != nil {
		return nil, err
	}
	for _, other := range s.state.users {
		if other.device(serial) != nil {
			return nil, fmt.Errorf("device %s exists", serial)
		}
	}
	d := &device{
		serial:  serial,
		seed:    seedEncoding.EncodeToString(random(40)),
		enabled: s.opts.Now().UTC(),
		spent:   map[int64]bool{},
	}
	u.devices = append(u.devices, d)
	return &MFA{Serial: serial, Seed: creds.New(d.seed), server: s, device: d}, nil
}

func (u *user) device(serial string) *device {
	for _, d := range u.devices {
		if d.serial == serial {
			return d
		}
	}
	return nil
}

// ErrCodesSpent is returned by Code if all codes that are valid now have been used.
var ErrCodesSpent = errors.New("every one-time code that is valid now was used")

// Code returns a code that the server accepts now: the current one or, if that was used
// already, the next or the previous, as a device whose clock is half a minute off would
// show. After these three it returns ErrCodesSpent, until the next half minute begins.
func (m *MFA) Code() (string, error) {
	m.server.mu.Lock()
	defer m.server.mu.Unlock()
	now := m.server.opts.Now()
	for _, off := range []time.Duration{0, mfaStep, -mfaStep} {
		if at := now.Add(off); !m.device.spent[stepOf(at)] {
			return codeAt(m.device.seed, at)
		}
	}
	return "", ErrCodesSpent
}

// Refill makes every code valid again that was used, for a test that needs more than three in
// half a minute.
func (m *MFA) Refill() {
	m.server.mu.Lock()
	defer m.server.mu.Unlock()
	clear(m.device.spent)
}

func stepOf(t time.Time) int64 { return t.Unix() / int64(mfaStep.Seconds()) }

// spend reports whether a code is right and was not used before, and marks it as used.
func (d *device) spend(code string, now time.Time) bool {
	for _, off := range []time.Duration{0, -mfaStep, mfaStep} {
		at := now.Add(off)
		want, err := codeAt(d.seed, at)
		if err != nil || subtle.ConstantTimeCompare([]byte(want), []byte(code)) != 1 || d.spent[stepOf(at)] {
			continue
		}
		d.spent[stepOf(at)] = true
		return true
	}
	return false
}

// checkMFA reports whether the call was made with MFA: with a code of its own, or by a
// session that was made with one.
func (c *call) checkMFA() (bool, *apiError) {
	serial, code := c.params.Get("SerialNumber"), c.params.Get("TokenCode")
	if serial == "" && code == "" {
		return c.who.mfa, nil
	}
	if serial == "" || code == "" {
		return false, mfaFailed(", must provide both MFA serial number and one time pass code.")
	}
	if c.who.user == nil || c.who.user.device(serial) == nil {
		return false, mfaFailed(", unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.")
	}
	if !c.who.user.device(serial).spend(code, c.now) {
		return false, mfaFailed(" with invalid MFA one time pass code.")
	}
	return true, nil
}

func mfaFailed(how string) *apiError {
	return refuse(http.StatusForbidden, "AccessDenied", "%s", "MultiFactorAuthentication failed"+how)
}
