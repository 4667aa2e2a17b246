package fakeaws_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/d44b7504/vault/internal/fakeaws"
)

const (
	whoami = "Action=GetCallerIdentity&Version=2011-06-15"
	differ = "The request signature we calculated does not match the signature you provided."
)

func TestAnUnchangedRequestVerifies(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	a := w.send(t, w.letter(whoami))
	if a.status != 200 || !strings.Contains(a.body, "<Arn>"+w.user+"</Arn>") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a.header.Get("X-Amzn-Requestid") == "" || !strings.Contains(a.body, "<RequestId>"+a.header.Get("X-Amzn-Requestid")) {
		t.Errorf("request id in the header %q, body %s", a.header.Get("X-Amzn-Requestid"), a.body)
	}
	get := w.letter("")
	get.method, get.path = http.MethodGet, "/?"+whoami
	if a := w.send(t, get); a.status != 200 || !strings.Contains(a.body, w.user) {
		t.Errorf("GET: %d %s", a.status, a.body)
	}
}

func TestAChangedRequestDoesNotVerify(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	for name, spoil := range map[string]func(*http.Request){
		"body": func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(whoami + "&X=1"))
			r.ContentLength += 4
		},
		"query":        func(r *http.Request) { r.URL.RawQuery = "X=1" },
		"path":         func(r *http.Request) { r.URL.Path = "/x" },
		"host":         func(r *http.Request) { r.Host = "sts.amazonaws.com" },
		"content type": func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
		"date":         func(r *http.Request) { r.Header.Set("X-Amz-Date", stampOf(w.clock.now().Add(-5*time.Second))) },
		"signature":    edit("Signature=", "Signature=0"),
		"region":       edit("/us-east-1/", "/us-east-2/"),
		"fewer headers": func(r *http.Request) {
			edit("content-type;", "")(r)
		},
		"host not signed": edit("host;", ""),
	} {
		t.Run(name, func(t *testing.T) {
			l := w.letter(whoami)
			l.spoil = spoil
			w.send(t, l).want(t, 403, "SignatureDoesNotMatch", differ)
		})
	}
}

func stampOf(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// edit replaces text in the Authorization header.
func edit(from, to string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
	}
}

func TestTheRightSecretAndTokenAreNeeded(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	out, err := w.client(w.owner()).GetSessionToken(bg, nil)
	must(t, err)
	again, err := w.client(w.owner()).GetSessionToken(bg, nil)
	must(t, err)
	mine, key := session(out.Credentials), w.owner()
	const invalid = "The security token included in the request is invalid."
	for name, tc := range map[string]struct {
		from       caller
		code, part string
	}{
		"unknown key":           {caller{"AKIA" + "NOTHERE0NOTHERE0", "x", ""}, "InvalidClientTokenId", invalid},
		"wrong secret":          {caller{key.id, key.secret + "x", ""}, "SignatureDoesNotMatch", differ},
		"key with a token":      {caller{key.id, key.secret, mine.token}, "InvalidClientTokenId", invalid},
		"session, no token":     {caller{mine.id, mine.secret, ""}, "InvalidClientTokenId", invalid},
		"session, other token":  {caller{mine.id, mine.secret, session(again.Credentials).token}, "InvalidClientTokenId", invalid},
		"session, cut token":    {caller{mine.id, mine.secret, mine.token[:len(mine.token)-1]}, "InvalidClientTokenId", invalid},
		"session, wrong secret": {caller{mine.id, key.secret, mine.token}, "SignatureDoesNotMatch", differ},
	} {
		t.Run(name, func(t *testing.T) {
			l := w.letter(whoami)
			l.from = tc.from
			w.send(t, l).want(t, 403, tc.code, tc.part)
		})
	}
}

func TestARequestWithoutAWholeSignatureIsRefused(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	for name, tc := range map[string]struct {
		spoil      func(*http.Request)
		status     int
		code, part string
	}{
		"none":            {func(r *http.Request) { r.Header.Del("Authorization") }, 403, "MissingAuthenticationToken", "Request is missing Authentication Token"},
		"other algorithm": {edit("AWS4-HMAC-SHA256", "AWS4-HMAC-MD5"), 400, "IncompleteSignature", "Authorization header requires"},
		"no signature":    {edit("Signature=", "Sig="), 400, "IncompleteSignature", "'Signature' parameter"},
		"no date":         {func(r *http.Request) { r.Header.Del("X-Amz-Date") }, 400, "IncompleteSignature", "Date must be in ISO-8601 'basic format'. Got ''."},
		"short scope":     {edit("/us-east-1", ""), 400, "IncompleteSignature", "Credential must have exactly 5 slash-delimited elements"},
	} {
		t.Run(name, func(t *testing.T) {
			l := w.letter(whoami)
			l.spoil = tc.spoil
			w.send(t, l).want(t, tc.status, tc.code, tc.part)
		})
	}
}

func TestTheScopeMustFitTheRequest(t *testing.T) {
	w := newWorld(t, fakeaws.Options{Regions: []string{"us-east-1"}})
	for name, tc := range map[string]struct {
		change func(*letter)
		part   string
	}{
		"region":  {func(l *letter) { l.region = "us-east-2" }, "Credential should be scoped to a valid region, not 'us-east-2'."},
		"service": {func(l *letter) { l.service = "iam" }, "Credential should be scoped to correct service: 'sts'."},
		"day":     {func(l *letter) { l.spoil = edit("/"+stampOf(l.at)[:8]+"/", "/20010101/") }, "Date in Credential scope does not match YYYYMMDD"},
		"end":     {func(l *letter) { l.spoil = edit("aws4_request", "aws3_request") }, "valid terminator: 'aws4_request', not 'aws3_request'."},
	} {
		t.Run(name, func(t *testing.T) {
			l := w.letter(whoami)
			tc.change(&l)
			w.send(t, l).want(t, 403, "SignatureDoesNotMatch", tc.part)
		})
	}
	any := newWorld(t, fakeaws.Options{})
	l := any.letter(whoami)
	l.region = "ap-southeast-4"
	any.send(t, l).want(t, 200, "", "")
	l.region = "no region"
	any.send(t, l).want(t, 403, "SignatureDoesNotMatch", "valid region, not 'no region'.")
}

func TestASignatureIsGoodForAQuarterOfAnHourEachWay(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	now := w.clock.now()
	for off, part := range map[time.Duration]string{
		-14 * time.Minute: "",
		+14 * time.Minute: "",
		-16 * time.Minute: "Signature expired: " + stampOf(now.Add(-16*time.Minute)) + " is now earlier than ",
		+16 * time.Minute: "Signature not yet current: " + stampOf(now.Add(16*time.Minute)) + " is still later than ",
	} {
		l := w.letter(whoami)
		l.at = now.Add(off)
		if part == "" {
			w.send(t, l).want(t, 200, "", "")
			continue
		}
		a := w.send(t, l)
		a.want(t, 403, "SignatureDoesNotMatch", part)
		a.want(t, 403, "SignatureDoesNotMatch", " 15 min.)")
	}
}

func TestTheReplyIsDatedByTheInjectedClock(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	w.clock.forward(48 * time.Hour)
	at, err := http.ParseTime(w.send(t, w.letter(whoami)).header.Get("Date"))
	must(t, err)
	if d := w.clock.now().Sub(at); d < 0 || d > 10*time.Second {
		t.Errorf("the reply is %s old", d)
	}
}

func TestAPresignedURLVerifiesUntilItExpires(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	p, err := sts.NewPresignClient(w.client(w.owner())).PresignGetCallerIdentity(bg, nil)
	must(t, err)
	open := func(u string) answer {
		req, err := http.NewRequest(p.Method, u, nil)
		must(t, err)
		return do(t, req)
	}
	if a := open(p.URL); a.status != 200 || !strings.Contains(a.body, w.user) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	open(p.URL+"&X=1").want(t, 403, "SignatureDoesNotMatch", differ)
	open(strings.Replace(p.URL, "GetCallerIdentity", "GetSessionToken", 1)).want(t, 403, "SignatureDoesNotMatch", differ)
	w.clock.forward(16 * time.Minute)
	open(p.URL).want(t, 403, "SignatureDoesNotMatch", "Signature expired: ")
}

func TestAPresignedURLSaysHowLongItIsGoodFor(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	sign := func(expires string) string {
		q := url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}, "X-Amz-Expires": {expires}}
		req, err := http.NewRequest(http.MethodGet, w.URL()+"/?"+q.Encode(), nil)
		must(t, err)
		req.Header.Set("X-K8s-Aws-Id", "cluster")
		u, _, err := v4.NewSigner().PresignHTTP(context.Background(), w.owner().aws(), req, hash(""), "sts", "us-east-1", w.clock.now())
		must(t, err)
		return u
	}
	open := func(u, cluster string) answer {
		req, err := http.NewRequest(http.MethodGet, u, nil)
		must(t, err)
		req.Header.Set("X-K8s-Aws-Id", cluster)
		return do(t, req)
	}
	minute := sign("60")
	open(minute, "cluster").want(t, 200, "", "")
	open(minute, "another").want(t, 403, "SignatureDoesNotMatch", differ)
	open(sign("0"), "cluster").want(t, 400, "IncompleteSignature", "X-Amz-Expires must be between 1 and 604800 seconds")
	w.clock.forward(62 * time.Second)
	open(minute, "cluster").want(t, 403, "SignatureDoesNotMatch", "1 min.)")
}

func TestAnUnknownActionOrVersionIsInvalid(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	w.send(t, w.letter("Action=DecodeAuthorizationMessage&Version=2011-06-15")).want(t, 400, "InvalidAction", "Could not find operation DecodeAuthorizationMessage for version 2011-06-15")
	w.send(t, w.letter("Action=GetCallerIdentity")).want(t, 400, "InvalidAction", "for version NO_VERSION_SPECIFIED")
	w.send(t, w.letter("Action=GetCallerIdentity&Version=2010-05-08")).want(t, 403, "SignatureDoesNotMatch", "correct service: 'iam'")
}
