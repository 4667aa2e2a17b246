package fakeaws_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
)

const (
	account = "111122223333"
	other   = "444455556666"
)

// clock is the server's; it runs with the real one, some way off.
type clock struct {
	mu  sync.Mutex
	off time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.off)
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off += d
}

// world is a server with one user, her key and her MFA device.
type world struct {
	*fakeaws.Server
	clock *clock
	user  string
	key   creds.Key
	mfa   *fakeaws.MFA
}

func newWorld(t *testing.T, o fakeaws.Options) *world {
	t.Helper()
	w := &world{clock: new(clock)}
	o.Now = w.clock.now
	var err error
	if w.Server, err = fakeaws.Start(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, w.Close()) })
	w.user, err = w.AddUser(account, "dev")
	must(t, err)
	w.key, err = w.AddKey(w.user)
	must(t, err)
	w.mfa, err = w.AddMFA(w.user, "dev")
	must(t, err)
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) role(t *testing.T, r fakeaws.Role) string {
	t.Helper()
	if r.Account == "" {
		r.Account = account
	}
	arn, err := w.AddRole(r)
	must(t, err)
	return arn
}

func (w *world) code(t *testing.T) string {
	t.Helper()
	code, err := w.mfa.Code()
	must(t, err)
	return code
}

// caller is who signs.
type caller struct{ id, secret, token string }

func (w *world) owner() caller { return caller{w.key.ID, w.key.Secret.Reveal(), ""} }

func session(c *types.Credentials) caller {
	return caller{*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken}
}

func (k caller) aws() aws.Credentials {
	return aws.Credentials{AccessKeyID: k.id, SecretAccessKey: k.secret, SessionToken: k.token}
}

// client is the SDK's, without retries.
func (w *world) client(k caller) *sts.Client {
	return sts.New(sts.Options{
		Region:       "eu-west-1",
		BaseEndpoint: aws.String(w.URL()),
		Retryer:      aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return k.aws(), nil
		}),
	})
}

// wantRefusal checks the SDK's reading of an error.
func wantRefusal(t *testing.T, err error, code, part string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Fatalf("want %s, got %v", code, err)
	}
	if api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), part) {
		t.Errorf("got %s: %s\nwant %s: …%s…", api.ErrorCode(), api.ErrorMessage(), code, part)
	}
}

// letter is a request to be signed by hand, and then perhaps changed.
type letter struct {
	from            caller
	service, region string
	method, path    string
	body            string
	header          http.Header
	at              time.Time
	spoil           func(*http.Request) // after signing
}

func form(kv ...string) string {
	v := url.Values{}
	for i := 0; i < len(kv); i += 2 {
		v.Set(kv[i], kv[i+1])
	}
	if strings.Contains(strings.Join(kv, " "), "AccessKey") || slices.Contains(kv, "GetUser") || slices.Contains(kv, "ListMFADevices") {
		v.Set("Version", "2010-05-08")
	} else {
		v.Set("Version", "2011-06-15")
	}
	return v.Encode()
}

func (w *world) letter(body string) letter {
	return letter{from: w.owner(), service: "sts", region: "us-east-1", method: http.MethodPost, path: "/", body: body, at: w.clock.now()}
}

func (w *world) iamLetter(from caller, kv ...string) letter {
	l := w.letter(form(kv...))
	l.from, l.service = from, "iam"
	return l
}

// answer is a reply, read as both protocols' error shapes.
type answer struct {
	status        int
	header        http.Header
	body          string
	code, message string
}

func (w *world) send(t *testing.T, l letter) answer {
	t.Helper()
	req, err := http.NewRequest(l.method, w.URL()+l.path, strings.NewReader(l.body))
	must(t, err)
	if l.method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range l.header {
		req.Header[k] = v
	}
	must(t, v4.NewSigner().SignHTTP(context.Background(), l.from.aws(), req, hash(l.body), l.service, l.region, l.at))
	if l.spoil != nil {
		l.spoil(req)
	}
	return do(t, req)
}

func do(t *testing.T, req *http.Request) answer {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
	var doc struct {
		Error         struct{ Code, Message string }
		Code, Message string
	}
	if xml.Unmarshal(body, &doc) == nil {
		a.code, a.message = doc.Error.Code+doc.Code, doc.Error.Message+doc.Message
	}
	return a
}

func (a answer) want(t *testing.T, status int, code, part string) {
	t.Helper()
	if a.status != status || a.code != code || !strings.Contains(a.message, part) {
		t.Errorf("got %d %s: %s\nwant %d %s: …%s…\n%s", a.status, a.code, a.message, status, code, part, a.body)
	}
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// run runs a client program in an environment of its own.
func run(t *testing.T, env []string, path string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(cleanEnv(t), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func cleanEnv(t *testing.T) []string {
	home := t.TempDir()
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "AWS_") || strings.HasPrefix(kv, "XDG_") || strings.HasPrefix(kv, "HOME=")
	})
	return append(env, "HOME="+home, "AWS_CONFIG_FILE="+home+"/config", "AWS_SHARED_CREDENTIALS_FILE="+home+"/credentials",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_DEFAULT_REGION=eu-west-1", "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent")
}

func (w *world) env(k caller) []string {
	env := []string{"AWS_ENDPOINT_URL=" + w.URL(), "AWS_ACCESS_KEY_ID=" + k.id, "AWS_SECRET_ACCESS_KEY=" + k.secret, "AWS_MAX_ATTEMPTS=1"}
	if k.token != "" {
		env = append(env, "AWS_SESSION_TOKEN="+k.token)
	}
	return env
}
