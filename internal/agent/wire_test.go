package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// fill gives every field of a value something that is not its zero value.
func fill(v reflect.Value, n *int64) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		if v.Type() == reflect.TypeFor[*profiles.Role]() {
			return // a chain has an end
		}
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		switch v.Interface().(type) {
		case creds.Secret:
			v.Set(reflect.ValueOf(creds.New(fmt.Sprint("secret ", *n))))
		case time.Time:
			v.Set(reflect.ValueOf(time.Unix(*n, 5).UTC()))
		default:
			for i := range v.NumField() {
				fill(v.Field(i), n)
			}
		}
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Int, reflect.Int64:
		v.SetInt(*n)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	}
}

// plain makes secrets visible, so that two values can be compared.
func plain(t *testing.T, v any) string {
	t.Helper()
	var walk func(v reflect.Value) any
	walk = func(v reflect.Value) any {
		switch v.Kind() {
		case reflect.Pointer:
			if v.IsNil() {
				return nil
			}
			return walk(v.Elem())
		case reflect.Struct:
			switch x := v.Interface().(type) {
			case creds.Secret:
				return x.Reveal()
			case time.Time:
				return x.UnixNano()
			}
			all := map[string]any{}
			for i := range v.NumField() {
				all[v.Type().Field(i).Name] = walk(v.Field(i))
			}
			return all
		}
		return v.Interface()
	}
	text, err := json.Marshal(walk(reflect.ValueOf(v)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryFieldOfARequestAndAReplyArrives(t *testing.T) {
	var n int64
	var r app.SessionRequest
	fill(reflect.ValueOf(&r).Elem(), &n)
	r.Profile.Warnings, r.Profile.Extra = nil, nil
	r.CanOpen, r.First.Settings = false, nil                       // are not sent
	for i := range reflect.TypeFor[profiles.Source]().NumField() { // of each kind, under a role
		var origin profiles.Source
		if fill(reflect.ValueOf(&origin).Elem().Field(i), &n); origin == (profiles.Source{}) || origin.Role != nil {
			continue // a chain has an end
		}
		r.Profile.Source = profiles.Source{Role: &profiles.Role{ARN: "arn", Source: origin}}
		body, err := encodeRequest(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeRequest(body)
		if origin.Temporary != nil { // its secret stays here
			v := origin.Temporary.Session
			origin.Temporary.Session = creds.Session{AccessKeyID: v.AccessKeyID, Expires: v.Expires}
		}
		if err != nil || plain(t, back) != plain(t, r) {
			t.Errorf("%v:\n%s\n%s", err, plain(t, r), plain(t, back))
		}
		if back.Profile.CacheKey() != r.Profile.CacheKey() {
			t.Error("the session would have another name")
		}
	}

	var s app.SessionReply
	fill(reflect.ValueOf(&s).Elem(), &n)
	s.Lease.Warning, s.Lease.Session.Settings = nil, nil // the client knows the settings
	body, err := encodeReply(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeReply(body); err != nil || plain(t, got) != plain(t, s) {
		t.Errorf("%v:\n%s\n%s", err, plain(t, s), plain(t, got))
	}
}

// What a client says and does about an error is the same as if it had happened there.
func TestAnErrorOfTheAgentMeansTheSameInAClient(t *testing.T) {
	for _, err := range []error{
		fmt.Errorf("open: %w", store.ErrLocked), store.ErrNotFound, store.ErrUnavailable, refresh.ErrNoSession,
		&sessions.NeedsUserError{Profile: "prod", What: "an MFA code", Need: sessions.NeedsCode, Device: "d"},
		&sessions.NeedsUserError{Profile: "prod", What: "a sign-in", Need: sessions.NeedsBrowser},
		&sessions.NoKeyError{Profile: "prod", Key: "base"}, &refresh.NoteError{Note: refresh.Offline},
		&sessions.CallError{Op: "assume role", Target: "arn", Profile: "prod", Kind: sessions.Denied, Message: "no"},
		&sessions.CallError{Op: "assume role", Profile: "prod", Kind: sessions.Unreachable, Err: errors.New("refused")},
		&sessions.CallError{Op: "assume role", Profile: "prod", Kind: sessions.ClockSkew, Skew: time.Hour},
		&os.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}, context.DeadlineExceeded, context.Canceled,
		&app.OutsideError{Profile: "p"}, app.ErrNotHeld, &app.KeyRefusedError{Profile: "p"},
	} {
		body, encodeErr := encodeReply(app.SessionReply{Lease: refresh.Lease{Warning: err}}, err)
		if encodeErr != nil {
			t.Fatal(encodeErr)
		}
		reply, got := decodeReply(body)
		for _, e := range []error{got, reply.Lease.Warning} {
			if e == nil || e.Error() != err.Error() || app.NoteFor(e) != app.NoteFor(err) || app.Hint(e) != app.Hint(err) {
				t.Errorf("%v became %v, noted %q and not %q, hint %q and not %q", err, e, app.NoteFor(e), app.NoteFor(err), app.Hint(e), app.Hint(err))
			}
			for name, sentinel := range sentinels {
				if errors.Is(e, sentinel) != errors.Is(err, sentinel) {
					t.Errorf("%v: %s is %v", err, name, errors.Is(e, sentinel))
				}
			}
		}
	}
}

func TestARequestThatNoClientSendsIsRefused(t *testing.T) {
	for _, body := range []string{
		"", "null", "[]", "{}", "GET / HTTP/1.1", `{"Op":"fresh","Profile":{"Name":"p"},"Store":{"Backend":"file"}}`,
		`{"Profile":{"Name":"p","Origin":{"Stored":{},"SSO":{}}},"Store":{"Backend":"file"}}`,
		`{"Profile":{"Name":"p","Origin":{"Role":{}}},"Store":{"Backend":"file"}}`,
		`{"Profile":{"Name":"p","Origin":{"Other":{}}},"Store":{"Backend":"file"}}`,
		`{"Profile":{"Name":"p","Origin":{"Stored":null}},"Store":{"Backend":"file"}}`,
		`{"Profile":{"Name":"p","Origin":{"Temporary":7}},"Store":{"Backend":"file"}}`,
		`{"Profile":{"Name":"","Origin":{"Stored":{}}},"Store":{"Backend":"file"}}`,
		`{"Profile":{"Name":"p","Origin":{"Stored":{}}}}`,
		`{"Profile":{"Name":"p","Origin":{"Stored":{}},"Roles":[` + strings.Repeat("{},", 64) + `{}]},"Store":{"Backend":"file"}}`,
	} {
		if r, err := decodeRequest([]byte(body)); err == nil {
			t.Errorf("%s is %+v", body, r)
		}
	}
}

// Whatever is sent, what is decoded can be used, and means the same when it is sent again.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"Op":"fresh","Profile":{"Name":"p","Roles":[{"ARN":"a"}],"Origin":{"Stored":{"Profile":"b"}}},"Store":{"Backend":"file","Settings":{"file-dir":"/x"}}}`))
	f.Add([]byte(`{"Profile":{"Name":"p","Origin":{"SSO":{"StartURL":"https://x"}}},"Store":{"Backend":"age"},"First":{"AccessKeyID":"x"},"SignIn":{}}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := decodeRequest(body)
		if err != nil {
			return
		}
		_, _ = r.Store.Options()
		_, _ = r.Store.Key(), r.Store.String()
		_ = sessions.NewPlan(r.Profile)
		again, err := encodeRequest(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeRequest(again)
		if err != nil || back.Profile.CacheKey() != r.Profile.CacheKey() || back.Store.Key() != r.Store.Key() {
			t.Errorf("%v: %q became %q", err, body, again)
		}
	})
}

// Whatever an agent answers, a session or an error that can be shown is read, and means the same when it is sent again.
func FuzzReply(f *testing.F) {
	f.Add([]byte(`{"Lease":{"Session":{"Profile":"p","AccessKeyID":"ASIA1","Skew":5,"Expires":"2100-01-01T00:00:00Z"},"File":"/x","Note":"mfa"},"CodeUsed":true}`))
	f.Add([]byte(`{"Error":{"Text":"x","Is":["needs user","y"],"Errno":28,"Needs":{},"NoKey":{},"Call":{},"Note":{},"Outside":{}}}`))
	for _, err := range []error{&sessions.CallError{Kind: sessions.ClockSkew, Skew: time.Hour}, sessions.ErrNeedsUser, errors.New("x")} {
		text, failed := encodeReply(app.SessionReply{Lease: refresh.Lease{Warning: err}}, err)
		if failed != nil {
			f.Fatal(failed)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		reply, err := decodeReply(body)
		if err != nil {
			_, _, _ = err.Error(), app.Text(err), app.Hint(err)
		}
		again, failed := encodeReply(reply, err)
		if failed != nil { // a time beyond the year 9999
			return
		}
		back, err2 := decodeReply(again)
		if back.Lease.Session.AccessKeyID != reply.Lease.Session.AccessKeyID || (err == nil) != (err2 == nil) || err != nil && err.Error() != err2.Error() {
			t.Errorf("%q became %q: %v, %v", body, again, err, err2)
		}
	})
}
