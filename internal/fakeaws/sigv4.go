package fakeaws

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/d44b7504/vault/internal/creds"
)

// This file checks signatures. It builds the request again from the parts that its
// signature covers, signs that with the secret that is known here, and compares the two
// signatures: they differ if a part is not covered or was changed on the way.

const (
	algorithm  = "AWS4-HMAC-SHA256"
	amzTime    = "20060102T150405Z"
	maxSkew    = 15 * time.Minute
	maxPresign = 7 * 24 * time.Hour
	unsigned   = "UNSIGNED-PAYLOAD"
)

// proof is the signature of a request with its parameters.
type proof struct {
	keyID, date, region, service, terminator string

	headers   []string // lower case, as listed
	signature string
	stamp     string // X-Amz-Date as sent
	when      time.Time
	token     string
	presigned bool          // in the query, not in a header
	lifetime  time.Duration // how long it is valid
}

// readProof finds the signature in the Authorization header or in the query.
func readProof(r *http.Request) (*proof, *apiError) {
	if h := r.Header.Get("Authorization"); h != "" {
		return proofFromHeader(r, h)
	}
	if q := r.URL.Query(); q.Has("X-Amz-Signature") {
		return proofFromQuery(q)
	}
	return nil, refuse(http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token")
}

func proofFromHeader(r *http.Request, header string) (*proof, *apiError) {
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return nil, incomplete("Authorization header requires '%s' algorithm.", algorithm)
	}
	fields := authorizationFields(rest)
	for _, k := range []string{"Credential", "Signature", "SignedHeaders"} {
		if fields[k] == "" {
			return nil, incomplete("Authorization header requires '%s' parameter.", k)
		}
	}
	p := &proof{
		signature: fields["Signature"],
		stamp:     r.Header.Get("X-Amz-Date"),
		token:     r.Header.Get("X-Amz-Security-Token"),
		lifetime:  maxSkew,
	}
	return p, p.read(fields["Credential"], fields["SignedHeaders"])
}

// authorizationFields reads "Credential=…, SignedHeaders=…, Signature=…".
func authorizationFields(list string) map[string]string {
	fields := map[string]string{}
	for part := range strings.SplitSeq(list, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[k] = v
	}
	return fields
}

func proofFromQuery(q url.Values) (*proof, *apiError) {
	if q.Get("X-Amz-Algorithm") != algorithm {
		return nil, incomplete("AWS query-string parameters must include 'X-Amz-Algorithm' of %s.", algorithm)
	}
	p := &proof{
		signature: q.Get("X-Amz-Signature"),
		stamp:     q.Get("X-Amz-Date"),
		token:     q.Get("X-Amz-Security-Token"),
		presigned: true,
		lifetime:  maxSkew,
	}
	if q.Has("X-Amz-Expires") {
		n, err := strconv.Atoi(q.Get("X-Amz-Expires"))
		p.lifetime = time.Duration(n) * time.Second
		if err != nil || n < 1 || p.lifetime > maxPresign {
			return nil, incomplete("X-Amz-Expires must be between 1 and %d seconds", int(maxPresign.Seconds()))
		}
	}
	return p, p.read(q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders"))
}

// read parses the credential (key/date/region/service/aws4_request) and the other
// parameters.
func (p *proof) read(credential, headers string) *apiError {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 {
		return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", credential)
	}
	p.keyID, p.date, p.region, p.service, p.terminator = parts[0], parts[1], parts[2], parts[3], parts[4]
	p.headers = strings.Split(headers, ";")
	when, err := time.Parse(amzTime, p.stamp)
	if err != nil {
		return incomplete("Date must be in ISO-8601 'basic format'. Got '%s'.", p.stamp)
	}
	p.when = when
	return nil
}

func incomplete(format string, args ...any) *apiError {
	return refuse(http.StatusBadRequest, "IncompleteSignature", format, args...)
}

func mismatch(format string, args ...any) *apiError {
	return refuse(http.StatusForbidden, "SignatureDoesNotMatch", format, args...)
}

var regionName = pattern(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)

// checkScope refuses a signature made for another day, region or service.
func (s *Server) checkScope(p *proof, service string) *apiError {
	if p.terminator != "aws4_request" {
		return mismatch("Credential should be scoped with a valid terminator: 'aws4_request', not '%s'.", p.terminator)
	}
	if day, _, _ := strings.Cut(p.stamp, "T"); p.date != day {
		return mismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.", p.date, day, p.stamp)
	}
	known := len(s.opts.Regions) == 0 && regionName().MatchString(p.region) || slices.Contains(s.opts.Regions, p.region)
	if !known {
		return mismatch("Credential should be scoped to a valid region, not '%s'. ", p.region)
	}
	if p.service != service {
		return mismatch("Credential should be scoped to correct service: '%s'. ", service)
	}
	return nil
}

// checkTime refuses a signature from too long ago, or from the future.
func (p *proof) checkTime(now time.Time) *apiError {
	stamp := now.Format(amzTime)
	if oldest := now.Add(-p.lifetime); p.when.Before(oldest.Truncate(time.Second)) {
		return mismatch("Signature expired: %s is now earlier than %s (%s - %s)", p.stamp, oldest.Format(amzTime), stamp, span(p.lifetime))
	}
	if newest := now.Add(maxSkew); p.when.After(newest) {
		return mismatch("Signature not yet current: %s is still later than %s (%s + %s)", p.stamp, newest.Format(amzTime), stamp, span(maxSkew))
	}
	return nil
}

func span(d time.Duration) string {
	if d%time.Minute != 0 {
		return strconv.Itoa(int(d.Seconds())) + " sec."
	}
	return strconv.Itoa(int(d.Minutes())) + " min."
}

// matches signs the request again with secret and compares in constant time. The list of
// signed headers is compared too: the signer here always covers host and date, so that a
// signature which leaves them out is refused.
func (p *proof) matches(r *http.Request, payloadHash string, secret creds.Secret) bool {
	headers, signature, err := p.sign(p.rebuild(r), payloadHash, secret)
	return err == nil && headers == strings.Join(p.headers, ";") &&
		subtle.ConstantTimeCompare([]byte(signature), []byte(p.signature)) == 1
}

// sign returns the list of headers and the signature that r should have.
func (p *proof) sign(r *http.Request, payloadHash string, secret creds.Secret) (headers, signature string, err error) {
	key := aws.Credentials{AccessKeyID: p.keyID, SecretAccessKey: secret.Reveal()}
	// S3 signs the path as sent, the others escape it once more. A presigned request has
	// all its parameters in the query already, so no header is moved there.
	signer := v4.NewSigner(func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = p.service == s3Service.name
		o.DisableHeaderHoisting = true
	})
	if !p.presigned {
		err = signer.SignHTTP(context.Background(), key, r, payloadHash, p.service, p.region, p.when)
		fields := authorizationFields(strings.TrimPrefix(r.Header.Get("Authorization"), algorithm))
		return fields["SignedHeaders"], fields["Signature"], err
	}
	signed, _, err := signer.PresignHTTP(context.Background(), key, r, payloadHash, p.service, p.region, p.when)
	if err != nil {
		return "", "", err
	}
	u, err := url.Parse(signed)
	if err != nil {
		return "", "", err
	}
	return u.Query().Get("X-Amz-SignedHeaders"), u.Query().Get("X-Amz-Signature"), nil
}

// rebuild makes a request of the parts that the signature covers. The signer adds host and
// date itself.
func (p *proof) rebuild(r *http.Request) *http.Request {
	u := *r.URL
	u.Host = r.Host
	if p.presigned {
		q := u.Query()
		q.Del("X-Amz-Signature")
		u.RawQuery = q.Encode()
	}
	again := &http.Request{Method: r.Method, URL: &u, Host: r.Host, Header: http.Header{}}
	for _, name := range p.headers {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = r.ContentLength
		default:
			name = textproto.CanonicalMIMEHeaderKey(name)
			again.Header[name] = slices.Clone(r.Header.Values(name))
		}
	}
	return again
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
