package sessions

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
)

// This file makes the calls that are not signed: those of Identity Center and of the
// sign-in service, JSON over HTTPS. With the SDK's clients of these three services a
// start of the program took 1.2 times as long (and 0.9 MB more), because each brings its
// own table of endpoints, compiled at every start. An answer may hold a secret, so no
// error quotes one.

// rest is one of these services at one place.
type rest struct {
	base string
	http doer
}

// restCall is one call.
type restCall struct {
	method, path string
	query        url.Values
	header       http.Header
	bearer       creds.Secret // Identity Center's token, "" for none
	body         any          // sent as JSON, nil for none
	form         url.Values   // sent as a form, nil for none
	once         bool         // do not try again: it uses up something that works once
}

const (
	maxTries   = 5
	firstPause = 200 * time.Millisecond
	maxPause   = 10 * time.Second // between two attempts
	maxAnswer  = 4 << 20          // bytes
)

func (m *Maker) rest(p profiles.Profile, service, region string) rest {
	e := m.Endpoint(p, service, region)
	return rest{strings.TrimSuffix(e.address(service), "/"), timed{e.httpClient(m.slow), m.timing}}
}

// call makes a call and decodes the answer into out, which may be nil. If AWS is busy or
// fails, or the network does, it makes up to maxTries attempts, while ctx allows.
func (r rest) call(ctx context.Context, a restCall, out any) error {
	for n, pause := 1, firstPause; ; n, pause = n+1, min(2*pause, maxPause) {
		again, wait, err := r.attempt(ctx, a, out)
		if err == nil || !again || a.once || n == maxTries {
			return err
		}
		if wait == 0 {
			wait = pause/2 + rand.N(pause/2) // so that many terminals do not call at the same time
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(min(wait, maxPause)):
		}
	}
}

func (r rest) attempt(ctx context.Context, a restCall, out any) (again bool, wait time.Duration, err error) {
	req, err := r.request(ctx, a)
	if err != nil {
		return false, 0, err
	}
	res, err := r.http.Do(req)
	if err != nil {
		var unreached *reachError
		final := errors.As(err, &unreached) && unreached.Final
		return ctx.Err() == nil && !final, 0, err
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return false, 0, err
	}
	if res.StatusCode/100 != 2 {
		seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
		again = res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500
		return again, time.Duration(seconds) * time.Second, refusal(res, text)
	}
	if out != nil && json.Unmarshal(text, out) != nil {
		return false, 0, malformed("the answer cannot be read; is it AWS that answers there?")
	}
	return false, 0, nil
}

func (r rest) request(ctx context.Context, a restCall) (*http.Request, error) {
	var body io.Reader
	if a.body != nil {
		text, err := json.Marshal(a.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	if a.form != nil {
		body = strings.NewReader(a.form.Encode())
	}
	to := r.base + a.path
	if len(a.query) > 0 {
		to += "?" + a.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, a.method, to, body)
	if err != nil {
		return nil, fmt.Errorf("%q is not an address", r.base)
	}
	for name, values := range a.header {
		req.Header[name] = values
	}
	if a.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if !a.bearer.IsZero() {
		req.Header.Set("X-Amz-Sso_bearer_token", a.bearer.Reveal())
	}
	req.Header.Set("User-Agent", "vault")
	return req, nil
}

// refusal returns the error in an answer. Its code is in a header, or in the body in one
// of two spellings.
func refusal(res *http.Response, text []byte) error {
	var said struct {
		Type    string `json:"__type"`
		Error   string `json:"error"`
		Message string `json:"message"`
		Long    string `json:"error_description"`
	}
	_ = json.Unmarshal(text, &said) // fails for the page of a proxy: then the status is all there is
	code := res.Header.Get("X-Amzn-Errortype")
	if code == "" {
		code = said.Type
	}
	code, _, _ = strings.Cut(code, ":")
	code = code[strings.LastIndexByte(code, '#')+1:]
	other := statusError(res.StatusCode)
	if res.StatusCode == http.StatusTooManyRequests {
		code = other.Code
	}
	return &refused{smithy.GenericAPIError{
		Code: cmp.Or(code, other.Code), Message: cmp.Or(said.Message, said.Long, other.Message),
	}, said.Error}
}

// refused is an error that AWS answered with. word is the reason as the sign-in services
// name it, "" where they do not.
type refused struct {
	smithy.GenericAPIError
	word string
}

// malformed returns the error for an answer that AWS would not give.
func malformed(why string) error { return &smithy.GenericAPIError{Code: "Malformed", Message: why} }

// codeOf returns AWS's code for an error, "" if the error is not AWS's.
func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
