package sessions

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/display"
)

// This file is the one way to AWS: an HTTP client that gives up in the end, and an error
// that says what is wrong on the way, with the setting that may be the reason.

// Limits are how long one attempt of a call may take. The zero value is botocore's.
type Limits struct {
	Connect time.Duration // until a connection, with TLS, is there; 0: a minute
	Answer  time.Duration // from then until the whole answer is there; 0: a minute
}

// slowAnswer is when a person is told that AWS is being waited for.
const slowAnswer = 8 * time.Second

// maxBundle is the most bytes that are read of a bundle of certificates.
const maxBundle = 64 << 20

// reachError says why a call had no answer of AWS. Kind is one of Unreachable, NotAWS,
// Untrusted and BadSetting.
type reachError struct {
	Kind     Kind
	Why      string
	Settings []string // what may have to be changed, with where it is set
	Final    bool     // another attempt would fail in the same way
	Err      error    // nil where it says nothing more
}

func (e *reachError) Error() string { return e.Why }
func (e *reachError) Unwrap() error { return e.Err }

// RetryableError tells the SDK whether to try again.
func (e *reachError) RetryableError() bool { return !e.Final }

// doer is an HTTP client, as the SDK and the calls of rest.go need it.
type doer interface {
	Do(*http.Request) (*http.Response, error)
}

// client is an HTTP client for one service. Its answers are whole when Do returns.
type client struct {
	at   Endpoint
	http *http.Client
	slow func(host string) // is told that an answer takes long; nil: not told
}

// httpClient returns a client that does not follow redirects, so that what is for one host
// reaches no other. If the settings do not allow to make one, each call returns the reason.
func (e Endpoint) httpClient(slow func(host string)) doer {
	t, err := e.transport()
	if err != nil {
		return unusable{err}
	}
	return client{e, &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}, slow}
}

// unusable is an HTTP client that cannot be set up: each call returns the reason.
type unusable struct{ error }

func (u unusable) Do(*http.Request) (*http.Response, error) { return nil, u.error }

// transport returns a transport that trusts the certificates in the profile's bundle and
// no others, as the AWS tools do, or those of the system if there is no bundle. Proxies
// come from the environment.
func (e Endpoint) transport() (http.RoundTripper, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = dialEarly
	t.TLSHandshakeTimeout = 0
	if e.Proxy != nil {
		t.Proxy = e.Proxy
	}
	t.OnProxyConnectResponse = refusedByProxy
	if e.Network.CABundle == "" {
		return t, nil
	}
	pem, err := atomicfile.Read(e.Network.CABundle, maxBundle)
	if err != nil {
		return nil, e.badBundle("cannot be read: "+cause(err), err)
	}
	if !e.speaksTLS() && bytes.Contains(pem, []byte("-----BEGIN CERTIFICATE-----")) {
		return t, nil // to read a hundred certificates takes longer than the call
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, e.badBundle("contains no certificate", nil)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

// speaksTLS reports whether a call needs certificates: the address is not of an emulator, or
// is reached through a proxy.
func (e Endpoint) speaksTLS() bool {
	at, err := url.Parse(e.URL)
	if err != nil || at.Scheme != "http" {
		return true
	}
	return client{at: e}.proxyOf(&http.Request{URL: at}) != ""
}

func (e Endpoint) badBundle(why string, err error) error {
	return &reachError{
		Kind: BadSetting, Why: fmt.Sprintf("%s: the file of certificates %s %s", e.bundleSetting(), e.Network.CABundle, why),
		Final: true, Err: err,
	}
}

// bundleSetting says where the bundle is set.
func (e Endpoint) bundleSetting() string { return cmp.Or(e.Network.Origins["ca_bundle"], "ca_bundle") }

// proxyAnswer is a proxy's refusal to connect to a host.
type proxyAnswer int

func (s proxyAnswer) Error() string { return fmt.Sprintf("status %d", int(s)) }

func refusedByProxy(_ context.Context, _ *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode != http.StatusOK {
		return proxyAnswer(res.StatusCode)
	}
	return nil
}

// Do makes one attempt. An error is the context's, or a *reachError.
func (c client) Do(r *http.Request) (*http.Response, error) {
	watch := newWatch(r.Context(), c.at.Limits)
	defer watch.stop()
	defer c.tellLater(r.URL.Hostname())()
	res, err := c.http.Do(r.WithContext(watch.ctx))
	if err == nil {
		err = readWhole(res)
	}
	var whole *url.Error // its text has the whole URL, and that may hold a secret
	if errors.As(err, &whole) {
		err = whole.Err
	}
	switch {
	case err == nil:
		if err = c.checkAnswer(r, res); err != nil {
			return nil, err
		}
		return res, nil
	case r.Context().Err() != nil:
		return nil, r.Context().Err()
	}
	return nil, c.explain(r, watch, err)
}

// tellLater tells that a host is being waited for, unless the function that it returns is
// called before.
func (c client) tellLater(host string) (answered func()) {
	if c.slow == nil {
		return func() {}
	}
	told := make(chan struct{})
	later := time.AfterFunc(slowAnswer, func() { c.slow(host); close(told) })
	return func() {
		if !later.Stop() {
			<-told // the caller goes on writing where it is told
		}
	}
}

// readWhole reads the answer's body, which is short.
func readWhole(res *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	_ = res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(text))
	return err
}

// watch ends a call whose time is over: first that for connecting, then that for the
// answer.
type watch struct {
	ctx       context.Context
	stop      func()
	connected atomic.Bool
	over      atomic.Bool
	limits    Limits
}

func newWatch(parent context.Context, l Limits) *watch {
	w := &watch{limits: Limits{or(l.Connect, time.Minute), or(l.Answer, time.Minute)}}
	ctx, cancel := context.WithCancel(parent)
	timer := time.AfterFunc(w.limits.Connect, func() {
		w.over.Store(true)
		cancel()
	})
	w.stop = func() { timer.Stop(); cancel() }
	w.ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		if timer.Stop() {
			w.connected.Store(true)
			timer.Reset(w.limits.Answer)
		}
	}})
	return w
}

// explain says why a call of r failed.
func (c client) explain(r *http.Request, w *watch, err error) error {
	host, proxy := r.URL.Hostname(), c.proxyOf(r)
	e := &reachError{Kind: Unreachable, Settings: c.settings(proxy), Err: err}
	var op *net.OpError
	var dns *net.DNSError
	var refused proxyAnswer
	var cert *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	switch {
	case w.over.Load() && w.connected.Load():
		e.Why, e.Final, e.Err = fmt.Sprintf("%s took the connection and did not answer within %s", host, display.Span(w.limits.Answer)), true, nil
	case w.over.Load():
		e.Why, e.Final, e.Err = fmt.Sprintf("%s could not be connected to within %s", host, display.Span(w.limits.Connect)), true, nil
	case errors.As(err, &cert):
		c.distrust(e, host, cert)
	case errors.As(err, &refused):
		e.Kind, e.Why, e.Final = NotAWS, fmt.Sprintf("the proxy %s refused to connect to %s (%s)", proxy, host, status(int(refused))), refused/100 == 4
	case proxy == notProxy:
		e.Kind, e.Why, e.Final = BadSetting, "the address of the proxy in the environment is not valid", true
	case proxy != "" && errors.As(err, &op) && op.Op == "proxyconnect":
		e.Why = fmt.Sprintf("the proxy %s cannot be reached: %s", proxy, cause(op.Err))
	case errors.As(err, &dns):
		e.Why, e.Final = cannotReach+cause(err), dns.IsNotFound
	case errors.As(err, &noTLS), strings.Contains(err.Error(), "HTTP response to HTTPS client"): // an error without a type
		e.Why, e.Final = fmt.Sprintf("what answers at %s does not speak HTTPS", r.URL.Host), true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), isReset(err), errors.Is(err, net.ErrClosed):
		e.Why = fmt.Sprintf("the connection to %s was cut before the answer was there", host)
	default:
		e.Why = fmt.Sprintf("%s%s: %s", cannotReach, r.URL.Host, cause(err))
	}
	return e
}

// isReset reports whether the other side, or something on the way, closed the connection.
func isReset(err error) bool {
	const windows = syscall.Errno(10054) // WSAECONNRESET, which is not in the package everywhere
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, windows)
}

// distrust says what is wrong with the certificate that a host shows.
func (c client) distrust(e *reachError, host string, cert *tls.CertificateVerificationError) {
	e.Kind, e.Final = Untrusted, true
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	issuer := "an authority"
	if len(cert.UnverifiedCertificates) > 0 {
		last := cert.UnverifiedCertificates[len(cert.UnverifiedCertificates)-1]
		issuer = fmt.Sprintf("%q", short(cmp.Or(last.Issuer.CommonName, strings.Join(last.Issuer.Organization, ", "), "a nameless authority")))
	}
	switch bundle := c.at.Network.CABundle; {
	case errors.As(cert, &name):
		e.Why = fmt.Sprintf("%s shows the certificate of another host", host)
	case errors.As(cert, &invalid) && invalid.Reason == x509.Expired:
		e.Why = fmt.Sprintf("the certificate of %s is not valid at the time of this machine's clock", host)
	case errors.As(cert, &unknown) && bundle != "":
		e.Why = fmt.Sprintf("the certificate of %s is issued by %s, which is not in %s", host, issuer, bundle)
		e.Settings = []string{c.at.bundleSetting()}
	case errors.As(cert, &unknown):
		e.Why = fmt.Sprintf("the certificate of %s is issued by %s, which this machine does not trust", host, issuer)
		e.Settings = nil
	default:
		e.Why = fmt.Sprintf("the certificate of %s is not accepted: %s", host, cause(cert.Err))
	}
}

// checkAnswer returns an error for a web page: AWS's services answer with none, and whoever
// did may have put anything into it.
func (c client) checkAnswer(r *http.Request, res *http.Response) error {
	if r.Method == http.MethodHead || res.StatusCode == http.StatusTooManyRequests || !isPage(res) {
		return nil
	}
	if c.at.pages && res.StatusCode == http.StatusBadRequest {
		return nil
	}
	from := r.URL.Host
	proxy := c.proxyOf(r)
	if proxy != "" && r.URL.Scheme == "http" {
		from = "the proxy " + proxy
	}
	why := fmt.Sprintf("%s answered with a web page (%s) and not as AWS does", from, status(res.StatusCode))
	return &reachError{Kind: NotAWS, Why: why, Settings: c.settings(proxy), Final: res.StatusCode < 500}
}

// isPage reports whether an answer is a web page, and leaves its body as it is. The header
// does not tell: emulators send their XML as text/html.
func isPage(res *http.Response) bool {
	text, _ := io.ReadAll(res.Body) // from memory
	res.Body = io.NopCloser(bytes.NewReader(text))
	start := strings.ToLower(string(bytes.TrimSpace(text[:min(len(text), 256)])))
	return strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html")
}

// proxyOf is the proxy that a request goes through, without a password; "" for none.
func (c client) proxyOf(r *http.Request) string {
	find := http.ProxyFromEnvironment
	if c.at.Proxy != nil {
		find = c.at.Proxy
	}
	switch at, err := find(r); {
	case err != nil, at != nil && (at.Hostname() == "" || strings.HasSuffix(at.Host, ":")):
		return notProxy
	case at == nil:
		return ""
	default:
		return at.Scheme + "://" + at.Host
	}
}

// notProxy stands for the address of a proxy that cannot be one. It is not shown.
const notProxy = "?"

// settings names what decides where a call goes, for a person who looks for the reason.
func (c client) settings(proxy string) []string {
	var list []string
	if c.at.Origin != "" {
		list = append(list, c.at.Origin)
	}
	if proxy != "" {
		list = append(list, "HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the environment")
	}
	return list
}

// status is an HTTP status in words.
func status(code int) string {
	text := fmt.Sprintf("status %d", code)
	if code == http.StatusProxyAuthRequired {
		text += ": it wants a user name and a password"
	}
	return text
}

// short cuts a text that comes from outside.
func short(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
