package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

func handoff(t *testing.T) *Handoff {
	t.Helper()
	h, err := NewHandoff(creds.New("https://example.com/secret"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// ask returns the status and the location that an address of the port answers with.
func ask(t *testing.T, method, address string, change func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	change(r)
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode, res.Header.Get("Location")
}

func TestOnlyTheBrowserIsSentOnAndOnlyOnce(t *testing.T) {
	h := handoff(t)
	same := func(*http.Request) {}
	for name, tc := range map[string]struct {
		method, address string
		change          func(*http.Request)
	}{
		"another path":     {"GET", h.Address() + "x", same},
		"another host":     {"GET", h.Address(), func(r *http.Request) { r.Host = "evil.example.com" }},
		"a form":           {"POST", h.Address(), same},
		"a look at it":     {"HEAD", h.Address(), same},
		"a look ahead":     {"GET", h.Address(), func(r *http.Request) { r.Header.Set("Sec-Purpose", "prefetch;prerender") }},
		"the first page":   {"GET", strings.TrimSuffix(h.Address(), h.path) + "/", same},
		"the browser icon": {"GET", strings.TrimSuffix(h.Address(), h.path) + "/favicon.ico", same},
	} {
		if status, to := ask(t, tc.method, tc.address, tc.change); status < 400 || to != "" {
			t.Errorf("%s: %d %s", name, status, to)
		}
	}
	if err := h.Wait(context.Background(), time.Millisecond); !errors.Is(err, errNoBrowser) {
		t.Errorf("before the browser: %v", err)
	}
	if status, to := ask(t, "GET", h.Address(), same); status != http.StatusSeeOther || to != "https://example.com/secret" {
		t.Errorf("the browser: %d %s", status, to)
	}
	if status, to := ask(t, "GET", h.Address(), same); status != http.StatusGone || to != "" {
		t.Errorf("a second time: %d %s", status, to)
	}
	if err := h.Wait(context.Background(), time.Minute); err != nil {
		t.Error(err)
	}
}

func TestAContainerGetsTheAddressAndTheNameWhole(t *testing.T) {
	l := Launch{Profile: "team & co/prod", Account: "111122223333", Container: GrantedContainers, Color: "red"}
	want := "ext+granted-containers:name=team%20%26%20co%2Fprod&url=http%3A%2F%2F127.0.0.1%3A1%2Fx&color=red&icon=fingerprint"
	if got := l.URL("http://127.0.0.1:1/x"); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	l.Color = "no such color"
	if got := l.URL("x"); got != l.URL("x") || strings.Contains(got, "no such") {
		t.Error(got)
	}
}

func TestABrowserIsGivenAProfileAsItsKindTakesOne(t *testing.T) {
	l := Launch{Profile: "prod", Account: "111122223333", Role: "../../etc"}
	for _, tc := range []struct{ profile, argv, want string }{
		{"", "/opt/any {url}", "/opt/any {url}"},
		{"{account}", "google-chrome", "google-chrome --profile-directory=111122223333 --no-first-run --no-default-browser-check"},
		{"/b/{account}/{role}", "/usr/bin/chromium --app={url}", "/usr/bin/chromium --user-data-dir=/b/111122223333/etc --no-first-run --no-default-browser-check --app={url}"},
		{"{profile}", "firefox", "firefox -P prod --new-instance"},
		{"/b/x", "firefox", "firefox --profile /b/x --new-instance"},
		{"x", "lynx", ""},
	} {
		l.BrowserProfile = tc.profile
		got, err := l.WithProfile(strings.Fields(tc.argv))
		if tc.want == "" {
			if err == nil {
				t.Errorf("%s: %v", tc.argv, got)
			}
			continue
		}
		if got := strings.Join(got, " "); got != tc.want || err != nil {
			t.Errorf("%s with %q: %s, %v", tc.argv, tc.profile, got, err)
		}
	}
}

func TestTheNamesOfServicesLeadToTheirPages(t *testing.T) {
	for name, want := range map[string]string{"ec2": "ec2/home", "cw": "cloudwatch/home", "ddb": "dynamodbv2/home", "s3": "s3/home", "lambda": "lambda/home"} {
		if got, known := ServicePath(name); got != want || !known {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got, known := ServicePath("braket"); got != "braket/home" || known {
		t.Error(got)
	}
	if names := ServiceNames(); !slices.IsSorted(names) || len(names) < 100 {
		t.Error(names)
	}
}

func TestTheClipboardIsThatOfThePersonsMachine(t *testing.T) {
	for _, tc := range []struct{ system, env, want string }{
		{"darwin", "", "pbcopy"}, {"windows", "", "clip.exe"}, {"linux", "WSL_INTEROP=1", "clip.exe"},
		{"linux", "DISPLAY=:0", "xclip"}, {"linux", "WAYLAND_DISPLAY=w", "wl-copy"}, {"linux", "", ""},
		{"linux", "DISPLAY=:0 SSH_CONNECTION=1", ""}, {"darwin", "SSH_TTY=/dev/x", ""}, {"linux", "SSH_CONNECTION=1 TMUX=x", "tmux"},
	} {
		got := ""
		for _, argv := range Clipboards(tc.system, func(name string) string {
			for _, e := range strings.Fields(tc.env) {
				if n, v, _ := strings.Cut(e, "="); n == name {
					return v
				}
			}
			return ""
		}) {
			got = argv[0]
			break
		}
		if got != tc.want {
			t.Errorf("%s %s: %q, want %q", tc.system, tc.env, got, tc.want)
		}
	}
}

// The names of Granted's map, which its users type.
const grantedServices = `acm aos amplify apigateway apigw appsync athena backup bedrock billing c9 ce cf cfn cloudformation cloudmap
	cloudwatch codeartifact codecommit codedeploy codepipeline codesuite config controltower ct cw ddb dms dx dynamodb eb ebs ec2 ecr
	ecs eks eventbridge events gd grafana iam kms l lambda mwaa orgs organizations param r53 ram rds redshift route53 s3 sagemaker
	scrh scrm secretsmanager securityhub ses sfn sm sns ssm sso states stepfn tra trustedadvisor vpc waf wafv2`

func TestEveryServiceNameOfGrantedIsKnown(t *testing.T) {
	for _, name := range strings.Fields(grantedServices) {
		if _, known := ServicePath(name); !known {
			t.Errorf("%s is not known", name)
		}
	}
}
