package sessions

import (
	"bytes"
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

// ask is one call.
type ask struct {
	method, path string
	query        url.Values
	header       http.Header
	bearer       creds.Secret // Identity Center's token, "" for none
	body         any          // sent as JSON, nil for none
	once         bool         // not to be tried again: what it spends works once
}

const (
	tries      = 5
	firstPause = 200 * time.Millisecond
	longest    = 10 * time.Second // between two tries
	maxAnswer  = 4 << 20
)

func (m *Maker) rest(p profiles.Profile, service, region string) rest {
	e := m.Endpoint(p, service, region)
	return rest{strings.TrimSuffix(e.address(service), "/"), listening{e.plain(), m.hear}}
}

// call makes a call and reads the answer into out, which may be nil. When AWS is busy
// or stumbles it is tried again, for as long as ctx allows and five times at most.
func (r rest) call(ctx context.Context, a ask, out any) error {
	for n, pause := 1, firstPause; ; n, pause = n+1, min(2*pause, longest) {
		again, wait, err := r.attempt(ctx, a, out)
		if err == nil || !again || a.once || n == tries {
			return err
		}
		if wait == 0 {
			wait = pause/2 + rand.N(pause/2) // so that many terminals do not come back at once
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(min(wait, longest)):
		}
	}
}

func (r rest) attempt(ctx context.Context, a ask, out any) (again bool, wait time.Duration, err error) {
	req, err := r.request(ctx, a)
	if err != nil {
		return false, 0, err
	}
	res, err := r.http.Do(req)
	if err != nil {
		var bad *url.Error // its text has the whole address, and that may hold a secret
		if errors.As(err, &bad) {
			err = bad.Err
		}
		return ctx.Err() == nil, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return ctx.Err() == nil, 0, err
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

func (r rest) request(ctx context.Context, a ask) (*http.Request, error) {
	var body io.Reader
	if a.body != nil {
		text, err := json.Marshal(a.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	to := r.base + a.path
	if len(a.query) > 0 {
		to += "?" + a.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, a.method, to, body)
	if err != nil {
		return nil, fmt.Errorf("%q is no address", r.base)
	}
	for name, values := range a.header {
		req.Header[name] = values
	}
	if a.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if !a.bearer.IsZero() {
		req.Header.Set("X-Amz-Sso_bearer_token", a.bearer.Reveal())
	}
	req.Header.Set("User-Agent", "vault")
	return req, nil
}

// refusal is the error in an answer: its type is in a header, or in the body in one of
// two spellings.
func refusal(res *http.Response, text []byte) error {
	var said struct {
		Type    string `json:"__type"`
		Error   string `json:"error"`
		Message string `json:"message"`
		Long    string `json:"error_description"`
	}
	_ = json.Unmarshal(text, &said) // a proxy's page, say: then the status has to do
	code := res.Header.Get("X-Amzn-Errortype")
	if code == "" {
		code = said.Type
	}
	code, _, _ = strings.Cut(code, ":")
	code = code[strings.LastIndexByte(code, '#')+1:]
	switch {
	case code != "":
	case res.StatusCode == http.StatusTooManyRequests:
		code = "TooManyRequestsException"
	default:
		code = strconv.Itoa(res.StatusCode)
	}
	message := said.Message
	if message == "" {
		message = said.Long
	}
	if message == "" {
		message = "AWS answered with status " + strconv.Itoa(res.StatusCode)
	}
	return &refused{smithy.GenericAPIError{Code: code, Message: message}, said.Error}
}

// refused is an error AWS answered with. word is the reason in the vocabulary of the
// sign-in services, where there is one.
type refused struct {
	smithy.GenericAPIError
	word string
}

// malformed is an answer that is not what AWS answers.
func malformed(why string) error { return &smithy.GenericAPIError{Code: "Malformed", Message: why} }

// codeOf is AWS's name for an error, "" for one that is not AWS's.
func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
