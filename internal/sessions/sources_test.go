package sessions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/profiles"
)

const fakeSecret = "made-up-secret-that-must-not-be-told"

func (b *bench) process(out string, fail error) profiles.Profile {
	b.RunCredentials = func(context.Context, profiles.Process) (creds.Secret, error) { return creds.New(out), fail }
	return profiles.Profile{Name: "tool", Region: "eu-west-1", Source: profiles.Source{Process: &profiles.Process{Profile: "tool", Command: "tool"}}}
}

func printedKeys(extra string) string {
	return `{"Version":1,"AccessKeyId":"AKIAEXAMPLE","SecretAccessKey":"` + fakeSecret + `"` + extra + `}`
}

func TestAProcessMayGiveAKeyThatDoesNotExpire(t *testing.T) {
	b := newBench(t)
	s, err := b.Make(context.Background(), b.process(printedKeys(""), nil))
	noError(t, err)
	if !s.Expires.IsZero() || !s.Issued.IsZero() || !s.Token.IsZero() || s.SecretKey.Reveal() != fakeSecret {
		t.Errorf("%+v", s)
	}
}

func TestAProcessSaysWhenItsSessionEnds(t *testing.T) {
	b := newBench(t)
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05.000Z", time.RFC1123, "20060102T150405Z"} {
		s, err := b.Make(context.Background(), b.process(printedKeys(`,"SessionToken":"x","Expiration":"`+end.Format(form)+`"`), nil))
		noError(t, err)
		if !s.Expires.Equal(end) || s.Issued.IsZero() {
			t.Errorf("%s: %v", form, s.Expires)
		}
	}
}

func TestAnErrorOfAProcessDoesNotQuoteItsOutput(t *testing.T) {
	b := newBench(t)
	for out, want := range map[string]string{
		"Password: " + fakeSecret: "not JSON",
		"":                        "not JSON",
		`{"AccessKeyId":"A","SecretAccessKey":"` + fakeSecret + `"}`:                           "version",
		`{"Version":2,"AccessKeyId":"A","SecretAccessKey":"` + fakeSecret + `"}`:               `version "2"`,
		`{"Version":1,"SecretAccessKey":"` + fakeSecret + `"}`:                                 "no AccessKeyId",
		printedKeys(`,"Expiration":"2099-01-01T00:00:00"`):                                     "without a time zone",
		printedKeys(`,"Expiration":"yesterday"`):                                               "not a time",
		printedKeys(`,"Expiration":"` + time.Now().Add(-time.Hour).Format(time.RFC3339) + `"`): "already expired",
	} {
		_, err := b.Make(context.Background(), b.process(out, nil))
		var bad *ProcessError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) || strings.Contains(fmt.Sprintf("%v %+v", err, bad), fakeSecret) {
			t.Errorf("%q: %v", out, err)
		}
	}
	_, err := b.Make(context.Background(), b.process("", errors.New("exit status 4")))
	if fmt.Sprint(err) != `the credential_process of "tool" failed: exit status 4` {
		t.Errorf("%v", err)
	}
}

func TestAProcessThatHangsIsGivenUp(t *testing.T) {
	b := newBench(t)
	p := b.process("", nil)
	b.ProcessTimeout = 20 * time.Millisecond
	b.RunCredentials = func(ctx context.Context, _ profiles.Process) (creds.Secret, error) {
		<-ctx.Done()
		return creds.Secret{}, ctx.Err()
	}
	_, err := b.Make(context.Background(), p)
	if fmt.Sprint(err) != `the credential_process of "tool" did not end within 20 milliseconds` {
		t.Errorf("%v", err)
	}
}

func TestARoleIsAssumedWithWhatAProcessGives(t *testing.T) {
	b := newBench(t)
	key, err := b.aws.AddKey(b.user)
	noError(t, err)
	_, err = b.aws.AddRole(fakeaws.Role{Account: account, Name: "deploy", Trust: fakeaws.Trust{Principals: []string{b.user}}})
	noError(t, err)
	p := b.process(`{"Version":1,"AccessKeyId":"`+key.ID+`","SecretAccessKey":"`+key.Secret.Reveal()+`"}`, nil)
	p.Source = profiles.Source{Role: &profiles.Role{ARN: "arn:aws:iam::" + account + ":role/deploy", Source: p.Source}}
	s, err := b.Make(context.Background(), p)
	noError(t, err)
	if !strings.Contains(s.ARN, "assumed-role/deploy") || s.Expires.IsZero() {
		t.Errorf("%+v", s)
	}
}

// web is a role that trusts an issuer, and a token of it.
func (b *bench) web(t *testing.T) (*profiles.WebIdentity, string) {
	t.Helper()
	issuer, err := b.aws.AddIssuer(account, "sts.amazonaws.com")
	noError(t, err)
	b.issuer = issuer
	arn, err := b.aws.AddRole(fakeaws.Role{Account: account, Name: "pod", Trust: fakeaws.Trust{Web: &fakeaws.WebIdentity{Issuer: issuer.URL}}})
	noError(t, err)
	token, err := issuer.Mint(map[string]any{"sub": "pod"})
	noError(t, err)
	return &profiles.WebIdentity{Profile: "pod", ARN: arn, Region: "eu-west-1"}, token.Reveal()
}

func TestAWebIdentityComesFromAFileOrACommand(t *testing.T) {
	b := newBench(t)
	w, token := b.web(t)
	p := profiles.Profile{Name: "pod", Region: "eu-west-1", Source: profiles.Source{WebIdentity: w}}
	w.TokenFile = filepath.Join(t.TempDir(), "token")
	noError(t, os.WriteFile(w.TokenFile, []byte(token+"\n"), 0o600))
	s, err := b.Make(context.Background(), p)
	noError(t, err)
	if !strings.HasSuffix(s.ARN, ":assumed-role/pod/alice@laptop") || s.Issued.IsZero() {
		t.Errorf("%+v", s)
	}
	w.TokenFile, w.Process, w.SessionName, w.Duration = "", "mint", "job-7", 15*time.Minute
	b.RunProcess = func(_ context.Context, command string) (creds.Secret, error) { return creds.New(token), nil }
	s, err = b.Make(context.Background(), p)
	noError(t, err)
	if !strings.HasSuffix(s.ARN, "/job-7") || time.Until(s.Expires) > 15*time.Minute {
		t.Errorf("%+v", s)
	}
}

func TestAnExpiredIdentityTokenIsToldAsThat(t *testing.T) {
	b := newBench(t)
	w, token := b.web(t)
	w.TokenFile, w.TokenFileAt = filepath.Join(t.TempDir(), "token"), "web_identity_token_file in /c:3"
	noError(t, os.WriteFile(w.TokenFile, []byte(token), 0o600))
	b.aws.Inject("AssumeRoleWithWebIdentity", fakeaws.Fault{Status: 400, Code: "ExpiredTokenException", Message: "Token expired: current date/time must be before the expiration date/time"})
	p := profiles.Profile{Name: "pod", Region: "eu-west-1", Source: profiles.Source{WebIdentity: w}}
	for range 2 { // as AWS says it, and as fakeaws does of a token that is too old
		_, err := b.Make(t.Context(), p)
		var call *CallError
		if !errors.As(err, &call) || call.Kind != BadToken || !strings.HasSuffix(err.Error(), "the identity token has expired (web_identity_token_file in /c:3)") {
			t.Errorf("%v", err)
		}
		old, err := b.issuer.Mint(map[string]any{"sub": "pod", "exp": time.Now().Add(-time.Hour).Unix()})
		noError(t, err)
		noError(t, os.WriteFile(w.TokenFile, []byte(old.Reveal()), 0o600))
	}
}

func TestAKeyThatAWSDoesNotKnowNamesTheProfileThatHoldsIt(t *testing.T) {
	b := newBench(t)
	refused := func(from profiles.Source) *CallError {
		b.aws.Inject("*", fakeaws.Fault{Status: 403, Code: "InvalidClientTokenId", Message: "The security token included in the request is invalid."})
		role := &profiles.Role{Profile: "top", ARN: "arn:aws:iam::" + account + ":role/top", Region: "eu-west-1", Source: from}
		_, err := b.Make(t.Context(), profiles.Profile{Name: "top", Region: "eu-west-1", Source: profiles.Source{Role: role}})
		var call *CallError
		if !errors.As(err, &call) || call.Kind != BadKey {
			t.Fatalf("%v", err)
		}
		return call
	}
	if call := refused(key("")); call.Holder != "base" || call.Giver != "" || call.Profile != "top" {
		t.Errorf("%+v", call)
	}
	if call := refused(b.process(printedKeys(""), nil).Source); call.Holder != "" || call.Giver != `the credential_process of "tool"` {
		t.Errorf("%+v", call)
	}
}

func TestABadIdentityTokenIsNotQuoted(t *testing.T) {
	b := newBench(t)
	w, _ := b.web(t)
	p := profiles.Profile{Name: "pod", Region: "eu-west-1", Source: profiles.Source{WebIdentity: w}}
	w.TokenFile = filepath.Join(t.TempDir(), "token")
	if _, err := b.Make(context.Background(), p); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	noError(t, os.WriteFile(w.TokenFile, []byte(" \n"), 0o600))
	if _, err := b.Make(context.Background(), p); err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("an empty file: %v", err)
	}
	noError(t, os.WriteFile(w.TokenFile, []byte(fakeSecret), 0o600))
	_, err := b.Make(context.Background(), p)
	var call *CallError
	if !errors.As(err, &call) || call.Kind != BadToken || strings.Contains(err.Error(), fakeSecret) {
		t.Errorf("a bad token: %v", err)
	}
}

func (b *bench) hosted(kind string, environ map[string]string) (creds.Session, error) {
	b.Env = environ
	return b.Make(context.Background(), profiles.Profile{Name: "box", Region: "eu-west-1", Source: profiles.Source{Host: &profiles.Host{Kind: kind}}})
}

func TestTheEnvironmentIsTheUsersOwn(t *testing.T) {
	b := newBench(t)
	s, err := b.hosted(profiles.HostEnvironment, map[string]string{"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": fakeSecret})
	noError(t, err)
	if s.AccessKeyID != "AKIAEXAMPLE" || !s.Expires.IsZero() {
		t.Errorf("%+v", s)
	}
	for _, environ := range []map[string]string{
		nil, {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE"},
		{"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": fakeSecret, "AWS_SESSION_TOKEN": "x", "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"},
	} {
		var host *HostError
		if _, err := b.hosted(profiles.HostEnvironment, environ); !errors.As(err, &host) || strings.Contains(err.Error(), fakeSecret) {
			t.Errorf("%v: %v", len(environ), err)
		}
	}
}

func hostAnswer() string {
	b, _ := json.Marshal(map[string]string{
		"Code": "Success", "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": fakeSecret, "Token": "token",
		"Expiration": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
	})
	return string(b)
}

func TestAContainerIsAskedWithItsToken(t *testing.T) {
	b := newBench(t)
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Header.Get("Authorization") != "Bearer abc" || r.URL.Path != "/creds" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if asked == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, hostAnswer())
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "token")
	noError(t, os.WriteFile(file, []byte("Bearer abc"), 0o600))
	for name, environ := range map[string]map[string]string{
		"token": {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "Bearer abc"},
		"file":  {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "old"},
	} {
		environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = server.URL + "/creds"
		s, err := b.hosted(profiles.HostContainer, environ)
		if err != nil || s.AccessKeyID != "ASIAEXAMPLE" || s.Issued.IsZero() {
			t.Errorf("%s: %+v %v", name, s, err)
		}
	}
	before := asked
	if _, err := b.hosted(profiles.HostContainer, map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.URL + "/creds"}); err == nil || asked != before+1 {
		t.Errorf("a refusal was asked for again, or taken: %v", err)
	}
}

func TestAContainersCredentialsDoNotCrossTheNetwork(t *testing.T) {
	b := newBench(t)
	for at, ok := range map[string]bool{
		"http://127.0.0.1:1/x": true, "http://[::1]:1/x": true, "http://localhost:1/x": true, "http://169.254.170.2/x": true,
		"http://169.254.170.23/v1": true, "http://[fd00:ec2::23]/v1": true, "https://creds.example/x": true,
		"http://creds.example/x": false, "http://10.0.0.1/x": false, "http://127.0.0.1.example/x": false, "ftp://127.0.0.1/": false, "": false, "::": false,
	} {
		if err := askable(at); (err == nil) != ok {
			t.Errorf("%q: %v", at, err)
		}
	}
	for _, environ := range []map[string]string{
		nil, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://creds.example/x"},
		{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "a\r\nb"},
	} {
		var host *HostError
		if _, err := b.hosted(profiles.HostContainer, environ); !errors.As(err, &host) {
			t.Errorf("%v: %v", environ, err)
		}
	}
}

const rolePath = "/latest/meta-data/iam/security-credentials/"

func TestAnInstanceIsAskedForATokenFirst(t *testing.T) {
	b := newBench(t)
	role := "web server"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" && r.Header.Get("X-aws-ec2-metadata-token-ttl-seconds") != "":
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "300")
			fmt.Fprint(w, "session")
		case r.Header.Get("X-aws-ec2-metadata-token") != "session":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == rolePath:
			fmt.Fprint(w, role)
		case r.URL.Path == rolePath+role:
			fmt.Fprint(w, hostAnswer())
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	environ := map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": server.URL + "/"}
	s, err := b.hosted(profiles.HostInstance, environ)
	if err != nil || s.AccessKeyID != "ASIAEXAMPLE" {
		t.Errorf("%+v %v", s, err)
	}
	role = ""
	if _, err := b.hosted(profiles.HostInstance, environ); err == nil || !strings.Contains(err.Error(), "has no role") {
		t.Errorf("%v", err)
	}
	environ["AWS_EC2_METADATA_DISABLED"] = "TRUE"
	if _, err := b.hosted(profiles.HostInstance, environ); err == nil || !strings.Contains(err.Error(), "DISABLED") {
		t.Errorf("%v", err)
	}
}

func TestAMachineThatDoesNotAnswerIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stuck }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(stuck) })
	for kind, environ := range map[string]map[string]string{
		profiles.HostInstance:  {"AWS_EC2_METADATA_SERVICE_ENDPOINT": server.URL},
		profiles.HostContainer: {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.URL},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b, began := newBench(t), time.Now()
			_, err := b.hosted(kind, environ)
			var host *HostError
			if took := time.Since(began); !errors.As(err, &host) || host.Why != "no answer in time" || took > localAll+3*time.Second {
				t.Errorf("after %v: %v", took, err)
			}
		})
	}
}

func TestAnErrorOfTheMachineDoesNotQuoteItsAnswer(t *testing.T) {
	b := newBench(t)
	for body, want := range map[string]string{
		`{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"` + fakeSecret: "cannot be read",
		fakeSecret: "cannot be read",
		`{"Code":"AssumeRoleUnauthorizedAccess","Message":"no"}`:                    "",
		`{"AccessKeyId":"ASIAEXAMPLE"}`:                                             "no credentials in it",
		strings.Replace(hostAnswer(), time.Now().UTC().Format("2006-"), "2020-", 1): "expired",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
		_, err := b.hosted(profiles.HostContainer, map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.URL})
		server.Close()
		var host *HostError
		if !errors.As(err, &host) || !strings.Contains(err.Error(), want) || strings.Contains(fmt.Sprintf("%v %+v", err, host), fakeSecret) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// signedIn puts what aws login leaves behind where the maker looks for it.
func (b *bench) signedIn(t testing.TB, left time.Duration) (*fakeaws.Login, profiles.Profile, string) {
	t.Helper()
	l, err := b.aws.Login(b.user, left)
	noError(t, err)
	b.LoginDir = t.TempDir()
	file := filepath.Join(b.LoginDir, l.FileName)
	noError(t, os.WriteFile(file, []byte(l.Content.Reveal()), 0o600))
	return l, profiles.Profile{
		Name: "console", Region: "eu-west-1", Source: profiles.Source{Login: &profiles.Login{Session: l.Session, Region: "eu-west-1"}},
	}, file
}

func TestALoginIsUsedAndRenewedAsTheSDKDoes(t *testing.T) {
	b := newBench(t)
	_, p, _ := b.signedIn(t, 15*time.Minute)
	_, err := b.Make(context.Background(), p)
	noError(t, err)
	if n := b.aws.Calls("CreateOAuth2Token"); n != 0 {
		t.Errorf("renewed %d times while it was good", n)
	}

	_, p, file := b.signedIn(t, 0)
	before, _, err := openLogin(file)
	noError(t, err)
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	s, err := b.Make(context.Background(), p)
	noError(t, err)
	who, err := WhoAmI(context.Background(), Endpoint{Region: "eu-west-1", URL: b.aws.URL()}, s)
	noError(t, err)
	if who.ARN != b.user {
		t.Errorf("we are %s", who.ARN)
	}
	after, all, err := openLogin(file)
	noError(t, err)
	if after.RefreshToken == before.RefreshToken || after.AccessToken.AccountID != account || all["idToken"] == nil || after.DPoPKey != before.DPoPKey {
		t.Errorf("the file was not kept as it should be: %v", len(all))
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the file's mode: %v %v", info.Mode(), err)
	}
	_, err = b.Make(context.Background(), p)
	noError(t, err)
	if n := b.aws.Calls("CreateOAuth2Token"); n != 1 {
		t.Errorf("renewed %d times", n)
	}
}

func TestALoginThatIsOverNeedsAWSLogin(t *testing.T) {
	for name, end := range map[string]func(*fakeaws.Login, string){
		"ended":    func(l *fakeaws.Login, _ string) { l.End() },
		"password": func(l *fakeaws.Login, _ string) { l.ChangePassword() },
		"no file":  func(_ *fakeaws.Login, file string) { _ = os.Remove(file) },
		"half":     func(_ *fakeaws.Login, file string) { _ = os.WriteFile(file, []byte(`{"clientId":"x"}`), 0o600) },
	} {
		b := newBench(t)
		l, p, file := b.signedIn(t, 0)
		end(l, file)
		_, err := b.Make(context.Background(), p)
		var needs *NeedsUserError
		if !errors.As(err, &needs) || needs.Need != NeedsAWSLogin {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := newBench(t)
	_, p, file := b.signedIn(t, 0)
	noError(t, os.WriteFile(file, []byte(fakeSecret), 0o600))
	if _, err := b.Make(context.Background(), p); err == nil || errors.Is(err, ErrNeedsUser) || strings.Contains(err.Error(), fakeSecret) {
		t.Errorf("damaged: %v", err)
	}
}

func TestAWrongClockIsReportedAndCorrectedFor(t *testing.T) {
	for _, off := range []time.Duration{-10 * time.Minute, 4 * time.Minute} {
		c := newCenter(t, fakeaws.DirectoryOptions{})
		var said []string
		c.Say = func(line string) { said = append(said, line) }
		c.Now = func() time.Time { return time.Now().Add(off) }
		s, err := c.Make(context.Background(), c.profile())
		noError(t, err)
		if left := s.Expires.Sub(c.Now()); left < 59*time.Minute-5*time.Second || left > time.Hour+5*time.Second {
			t.Errorf("%v off: %v left by our clock", off, left)
		}
		if len(said) != 1 || !strings.Contains(said[0], fmt.Sprintf("is %d minutes ", int(off.Abs().Minutes()))) {
			t.Errorf("%v off: said %q", off, said)
		}
	}
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.Say = func(line string) { t.Errorf("said %q of a clock that is right", line) }
	c.made()
}

func TestARefusedSignatureSaysHowWrongTheClockIs(t *testing.T) {
	b := newBench(t)
	b.readTime(http.Header{"Date": {time.Now().Add(10 * time.Minute).UTC().Format(http.TimeFormat)}}, 0)
	var call *CallError
	err := b.failure("assume role", "", "dev", &smithy.GenericAPIError{Code: "RequestTimeTooSkewed"})
	if !errors.As(err, &call) || call.Kind != ClockSkew {
		t.Fatalf("%v", err)
	}
	if left := call.Skew - 10*time.Minute; left.Abs() > 3*time.Second || !strings.Contains(err.Error(), "minutes behind AWS's") {
		t.Errorf("%v: %v", call.Skew, err)
	}
}

// A clock that is an hour off is no failure, even if the attempt in which AWS refuses the signature, and tells its
// time, is the last one of those that are allowed.
func TestTheLastAttemptThatLearnsAWSsTimeIsMadeAgain(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		b := newBenchAt(t, func() time.Time { return time.Now().Add(off) })
		attempts := 1
		b.Endpoint = func(_ profiles.Profile, _, region string) Endpoint {
			return Endpoint{Region: region, URL: b.aws.URL(), Network: profiles.Network{MaxAttempts: attempts}}
		}
		for attempts = 1; attempts <= 2; attempts++ {
			if attempts == 2 {
				b.aws.Inject("GetSessionToken", fakeaws.Fault{Drop: true})
			}
			s, err := b.Make(context.Background(), profiles.Profile{Name: "base", Region: "eu-west-1", Source: profiles.Source{Stored: &profiles.Stored{Profile: "base"}}})
			if err != nil {
				t.Fatalf("%d attempts, %v off: %v", attempts, off, err)
			}
			if left := time.Until(s.Expires); left > time.Hour+10*time.Second || left < 59*time.Minute {
				t.Errorf("%d attempts, %v off: %v left by our clock", attempts, off, left)
			}
		}
		c := b.iam()
		c.Endpoint.Network.MaxAttempts = 1
		_, err := c.ListAccessKeys(context.Background())
		noError(t, err)
	}
}

// The proof with which a sign-in of "aws login" is renewed has a time in it too, and the token is used once.
func TestASignInIsRenewedWhenTheClockIsWrong(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, 20 * time.Minute} {
		b := newBenchAt(t, func() time.Time { return time.Now().Add(off) })
		_, p, _ := b.signedIn(t, 0)
		b.Now = func() time.Time { return time.Now().Add(2 * time.Hour) } // after the keys in the file, by both clocks
		s, err := b.Make(context.Background(), p)
		if err != nil {
			t.Fatalf("%v off: %v", off, err)
		}
		if n := b.aws.Calls("CreateOAuth2Token"); n != 2 || s.Expires.Before(b.Now()) {
			t.Errorf("%v off: %d calls, until %v", off, n, s.Expires)
		}
	}
}

// The SDK would look into what is not there.
func TestAContainerThatAnswersNullGivesNoCredentials(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusBadRequest} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprint(w, strings.Repeat(" \n", 5000)+"null")
		}))
		_, err := newBench(t).hosted(profiles.HostContainer, map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.URL})
		server.Close()
		if err == nil || strings.Contains(err.Error(), "null") {
			t.Errorf("%d: %v", status, err)
		}
	}
}
