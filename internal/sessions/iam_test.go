package sessions

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	smithy "github.com/aws/smithy-go"
	smithyauth "github.com/aws/smithy-go/auth"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/store"
)

func TestIAMIsAskedWhereTheSDKWouldAskAndSignedAsThere(t *testing.T) {
	places := 0
	for _, r := range append(profiles.Regions(), profiles.Region{Name: "us-isof-south-1"}, profiles.Region{Name: "eu-isoe-west-1"}) {
		for n := range 4 {
			network := profiles.Network{FIPS: n&1 != 0, DualStack: n&2 != 0}
			sdk, err := iam.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(), iam.EndpointParameters{
				Region: aws.String(r.Name), UseFIPS: aws.Bool(network.FIPS), UseDualStack: aws.Bool(network.DualStack),
			})
			if err != nil {
				continue // the SDK knows none there
			}
			places++
			options, _ := smithyauth.GetAuthOptions(&sdk.Properties)
			region := ""
			for _, o := range options {
				region, _ = smithyhttp.GetSigV4SigningRegion(&o.SignerProperties)
			}
			for custom, host := range map[string]string{"": sdk.URI.String(), "https://proxy.example": "https://proxy.example"} {
				c := IAM{Endpoint: Endpoint{Region: r.Name, Network: network, URL: custom}, User: "alice", Session: creds.Session{AccessKeyID: "AKIAFAKE", SecretKey: creds.New("x")}}
				sent := askedOf(t, c)
				if got := strings.TrimSuffix(sent.URL.String(), "/"); got != host || !strings.Contains(sent.Header.Get("Authorization"), "/"+region+"/iam/aws4_request") {
					t.Errorf("%s %+v %s: %s with %s, want %s signed for %s", r.Name, network, custom, got, sent.Header.Get("Authorization"), host, region)
				}
			}
		}
	}
	if places < 100 {
		t.Errorf("only %d places were compared", places)
	}
}

// askedOf returns the request that IAM would have got.
func askedOf(t *testing.T, c IAM) (sent *http.Request) {
	t.Helper()
	_, err := c.client(nil).ListAccessKeys(context.Background(), &iam.ListAccessKeysInput{}, func(o *iam.Options) {
		o.Retryer = aws.NopRetryer{}
		o.HTTPClient = doFunc(func(r *http.Request) (*http.Response, error) {
			sent = r
			return nil, context.Canceled
		})
	})
	if sent == nil {
		t.Fatalf("nothing was sent: %v", err)
	}
	return sent
}

type doFunc func(*http.Request) (*http.Response, error)

func (f doFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

// iam is IAM as the user of a bench, signed with her key.
func (b *bench) iam() IAM {
	k, err := store.GetKey(context.Background(), b.Store, "base")
	noError(b.t, err)
	return IAM{
		Endpoint: Endpoint{Region: "eu-west-1", URL: b.aws.URL()}, User: "alice",
		Session: creds.Session{Profile: "base", AccessKeyID: k.ID, SecretKey: k.Secret},
	}
}

func TestAKeyIsMadeUsedDeactivatedAndDeleted(t *testing.T) {
	b := newBench(t)
	arn, err := b.aws.AddUser(account, "team/carol")
	noError(t, err)
	key, err := b.aws.AddKey(arn)
	noError(t, err)
	noError(t, store.PutKey(context.Background(), b.Store, "base", key))
	c := b.iam()
	c.User = "carol"
	keyLife(t, c, func(k creds.Key) error {
		_, err := WhoAmI(context.Background(), Endpoint{Region: "eu-west-1", URL: b.aws.URL()}, creds.Session{AccessKeyID: k.ID, SecretKey: k.Secret})
		return err
	})
}

// keyLife makes a second key and follows it to its end; works says whether AWS takes it.
func keyLife(t *testing.T, c IAM, works func(creds.Key) error) {
	t.Helper()
	ctx := context.Background()
	k, err := c.CreateAccessKey(ctx)
	noError(t, err)
	_, err = c.CreateAccessKey(ctx)
	wantKind(t, err, Full, "iam:CreateAccessKey")
	list, err := c.ListAccessKeys(ctx)
	noError(t, err)
	at := slices.IndexFunc(list, func(l AccessKey) bool { return l.ID == k.ID })
	if len(list) != 2 || at < 0 || !list[at].Active || time.Since(list[at].Created).Abs() > time.Hour {
		t.Fatalf("listed %+v", list)
	}
	if use, err := c.AccessKeyLastUsed(ctx, k.ID); err != nil || !use.At.IsZero() {
		t.Errorf("a key that was never used: %+v, %v", use, err)
	}
	noError(t, works(k))
	if use, err := c.AccessKeyLastUsed(ctx, k.ID); err != nil || use.At.IsZero() && use.Service != "sts" {
		t.Errorf("a key that was used: %+v, %v", use, err)
	}
	noError(t, c.DeactivateAccessKey(ctx, k.ID))
	list, err = c.ListAccessKeys(ctx)
	noError(t, err)
	if list[at].Active {
		t.Error("it is still active")
	}
	noError(t, c.DeleteAccessKey(ctx, k.ID))
	wantKind(t, c.DeleteAccessKey(ctx, k.ID), Gone, "iam:DeleteAccessKey")
}

func wantKind(t *testing.T, err error, kind Kind, action string) {
	t.Helper()
	var failed *CallError
	if !errors.As(err, &failed) || failed.Kind != kind || failed.Action != action {
		t.Errorf("%v (%+v), want kind %d of %s", err, failed, kind, action)
	}
}

func TestADeniedCallNamesItsAction(t *testing.T) {
	b := newBench(t)
	c := b.iam()
	b.aws.Deny(b.user, "iam:ListAccessKeys")
	_, err := c.ListAccessKeys(context.Background())
	wantKind(t, err, Denied, "iam:ListAccessKeys")
	var unsure *UnsureError
	b.aws.Deny(b.user, "iam:CreateAccessKey")
	if _, err := c.CreateAccessKey(context.Background()); errors.As(err, &unsure) {
		t.Error("a refusal leaves nothing open")
	}
}

func TestCallsAreTriedAgainAndCreateAccessKeyIsNot(t *testing.T) {
	b := newBench(t)
	c := b.iam()
	ctx := context.Background()
	for _, f := range []fakeaws.Fault{{Code: "Throttling"}, {Status: 503, Code: "ServiceUnavailable"}, {Status: 429, Body: "<html>"}, {Drop: true}} {
		f.Times = 1
		b.aws.Inject("ListAccessKeys", f)
		if _, err := c.ListAccessKeys(ctx); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
	}
	if n := b.aws.Calls("ListAccessKeys"); n != 8 {
		t.Errorf("%d calls for 4", n)
	}
	for _, f := range []struct {
		fakeaws.Fault
		unsure bool
	}{
		{fakeaws.Fault{Drop: true}, true}, {fakeaws.Fault{Status: 500, Code: "ServiceFailure"}, true}, {fakeaws.Fault{Body: "<half"}, true},
		{fakeaws.Fault{Body: "<CreateAccessKeyResponse/>"}, true}, {fakeaws.Fault{Code: "Throttling"}, false}, {fakeaws.Fault{Status: 403, Code: "AccessDenied"}, false},
	} {
		before := b.aws.Calls("CreateAccessKey")
		b.aws.Inject("CreateAccessKey", f.Fault)
		_, err := c.CreateAccessKey(ctx)
		var unsure *UnsureError
		if err == nil || errors.As(err, &unsure) != f.unsure || b.aws.Calls("CreateAccessKey") != before+1 {
			t.Errorf("%+v: %v after %d calls", f, err, b.aws.Calls("CreateAccessKey")-before)
		}
	}
	c.Endpoint.URL = "http://127.0.0.1:1"
	var unsure *UnsureError
	if _, err := c.CreateAccessKey(ctx); err == nil || errors.As(err, &unsure) {
		t.Errorf("what was never sent: %v", err)
	}
}

func TestAWrongClockIsCorrectedInTheSignature(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		b := newBenchAt(t, func() time.Time { return time.Now().Add(off) })
		c := b.iam()
		if _, err := c.CreateAccessKey(context.Background()); err != nil {
			t.Errorf("%v: %v", off, err)
		}
		if n := b.aws.Calls("CreateAccessKey"); n != 2 {
			t.Errorf("%v: %d calls", off, n)
		}
	}
}

func TestAnAnswerWithASecretIsNeverQuoted(t *testing.T) {
	const secret = "wJalrXUtnFEMIFAKEFAKEFAKEFAKEFAKEFAKEKEY"
	for _, body := range []string{
		"<CreateAccessKeyResponse><CreateAccessKeyResult><AccessKey><SecretAccessKey>" + secret + "</SecretAccessKey></AccessKey></CreateAccessKeyResult></CreateAccessKeyResponse>",
		"<CreateAccessKeyResponse><SecretAccessKey>" + secret + "</Secret", secret,
	} {
		for _, status := range []int{200, 500, 302} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			}))
			c := IAM{Endpoint: Endpoint{URL: server.URL}, User: "alice", Session: creds.Session{AccessKeyID: "AKIAFAKE", SecretKey: creds.New("x")}}
			_, err := c.CreateAccessKey(context.Background())
			server.Close()
			var unsure *UnsureError
			if err == nil || strings.Contains(fmt.Sprintf("%+v %#v", err, err), secret) || status == 200 && !errors.As(err, &unsure) {
				t.Errorf("%d %.40s: %v", status, body, err)
			}
		}
	}
}

func TestALongListIsReadToItsEnd(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noError(t, r.ParseForm())
		page := `<member><AccessKeyId>AKIAONE</AccessKeyId><Status>Active</Status><CreateDate>2024-05-06T07:08:09Z</CreateDate></member></AccessKeyMetadata><IsTruncated>true</IsTruncated><Marker>m&amp;1</Marker>`
		if r.Form.Get("Marker") == "m&1" {
			page = `<member><AccessKeyId>AKIATWO</AccessKeyId><Status>Inactive</Status><CreateDate>2024-05-06T07:08:09Z</CreateDate></member></AccessKeyMetadata><IsTruncated>false</IsTruncated>`
		}
		_, _ = fmt.Fprint(w, `<ListAccessKeysResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListAccessKeysResult><AccessKeyMetadata>`+page+`</ListAccessKeysResult></ListAccessKeysResponse>`)
	}))
	defer server.Close()
	c := IAM{Endpoint: Endpoint{URL: server.URL}, User: "alice", Session: creds.Session{AccessKeyID: "AKIAFAKE", SecretKey: creds.New("x")}}
	list, err := c.ListAccessKeys(context.Background())
	if err != nil || len(list) != 2 || list[1].ID != "AKIATWO" || list[1].Active || !list[0].Active || list[0].Created.Year() != 2024 {
		t.Errorf("%+v, %v", list, err)
	}
}

// moto is another IAM than ours: what we send and how we read the answer must suit it.
func TestMotoUnderstandsOurCallsOfIAM(t *testing.T) {
	path := testenv.Require(t, "moto", "moto_server")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	noError(t, err)
	host, port, _ := net.SplitHostPort(l.Addr().String())
	noError(t, l.Close())
	cmd := exec.Command(path, "-H", host, "-p", port)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	noError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	base := "http://" + net.JoinHostPort(host, port)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		if res, err := http.Get(base + "/moto-api/"); err == nil {
			_ = res.Body.Close()
			break
		}
		if ctx.Err() != nil {
			t.Fatal("moto_server did not start")
		}
		time.Sleep(50 * time.Millisecond) // it says nowhere that it is ready
	}
	sdk := iam.New(iam.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(base),
		Credentials: given(creds.Session{AccessKeyID: "setup", SecretKey: creds.New("setup")}),
	})
	_, err = sdk.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("alice")})
	noError(t, err)
	_, err = sdk.PutUserPolicy(ctx, &iam.PutUserPolicyInput{
		UserName: aws.String("alice"), PolicyName: aws.String("all"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`),
	})
	noError(t, err)
	made, err := sdk.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("alice")})
	noError(t, err)
	res, err := http.Post(base+"/moto-api/reset-auth", "text/plain", strings.NewReader("0")) // from here on it checks
	noError(t, err)
	_ = res.Body.Close()

	end := Endpoint{Region: "eu-west-1", URL: base}
	c := IAM{Endpoint: end, User: "alice", Session: creds.Session{
		AccessKeyID: *made.AccessKey.AccessKeyId, SecretKey: creds.New(*made.AccessKey.SecretAccessKey),
	}}
	keyLife(t, c, func(k creds.Key) error {
		_, err := WhoAmI(ctx, end, creds.Session{AccessKeyID: k.ID, SecretKey: k.Secret})
		return err
	})
	c.Session.SecretKey = creds.New("wrong")
	var api smithy.APIError
	if _, err := c.ListAccessKeys(ctx); !errors.As(err, &api) || api.ErrorCode() != "SignatureDoesNotMatch" {
		t.Errorf("a wrong secret: %v", err)
	}
}
