package sessions

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
)

// This file opens the console: temporary credentials are exchanged for a token, and an address
// with the token signs a browser in. AWS documents the first call as one with the credentials
// in its address; it takes them in the body too, and AWS's own toolkits send them there. The
// second is a GET.

// maxFederatedName is how many characters the name of a federated user has at most.
const maxFederatedName = 32

// everything is a policy that takes nothing away: a federated user has what both it and the
// user's own policies allow.
const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// federated returns a session of a user's key for the console.
func (m *Maker) federated(ctx context.Context, p profiles.Profile, long creds.Session, f *FederationCall) (creds.Session, error) {
	name := m.SessionName()
	in := &sts.GetFederationTokenInput{
		Name: aws.String(name[:min(len(name), maxFederatedName)]), DurationSeconds: seconds(f.Duration), Policy: optional(f.Policy),
	}
	for _, arn := range f.PolicyARNs {
		in.PolicyArns = append(in.PolicyArns, types.PolicyDescriptorType{Arn: aws.String(arn)})
	}
	if f.Policy == "" && len(f.PolicyARNs) == 0 {
		in.Policy = aws.String(everything)
	}
	out, err := m.client(p, p.Region, long).GetFederationToken(ctx, in)
	if err != nil {
		err = m.failure("get a session for the console", "", p.Name, err)
		var call *CallError
		if errors.As(err, &call) {
			call.Action = "sts:GetFederationToken"
		}
		return creds.Session{}, err
	}
	s, err := m.session(out.Credentials, "", f.Duration)
	if out.FederatedUser != nil {
		s.ARN = aws.ToString(out.FederatedUser.Arn)
	}
	s.Key = long.Key
	return s, err
}

// Federate is Make for a long-lived key that no store has.
func (m *Maker) Federate(ctx context.Context, p profiles.Profile, long creds.Session, f FederationCall) (creds.Session, error) {
	f.Duration = or(f.Duration, federationDefault)
	return m.federated(ctx, p, long, &f)
}

// ConsoleCall says how the console is opened.
type ConsoleCall struct {
	Region      string        // whose sign-in service is asked
	Duration    time.Duration // of the console; 0: as long as the credentials are valid
	Destination string        // the page of the console to open
	SignOut     bool          // leave what the browser is signed in to now
}

// ConsoleLife is how long the address of ConsoleURL works.
const ConsoleLife = 15 * time.Minute

// ConsoleURL returns the address that signs a browser in to the console with the session s of
// p. Who has the address has the session, so it is a secret until it was used or ConsoleLife is
// over. The error is a *CallError whose Kind is Refused if AWS does not take these credentials.
func (m *Maker) ConsoleURL(ctx context.Context, p profiles.Profile, s creds.Session, c ConsoleCall) (creds.Secret, error) {
	to := m.consoleSignin(p, c)
	text, err := json.Marshal(map[string]string{
		"sessionId": s.AccessKeyID, "sessionKey": s.SecretKey.Reveal(), "sessionToken": s.Token.Reveal(),
	})
	if err != nil {
		return creds.Secret{}, err
	}
	form := url.Values{"Action": {"getSigninToken"}, "Session": {string(text)}}
	if c.Duration > 0 {
		form.Set("SessionDuration", strconv.Itoa(int(c.Duration/time.Second)))
	}
	var out struct{ SigninToken string }
	err = to.call(ctx, restCall{method: http.MethodPost, path: "/federation", form: form}, &out)
	if err == nil && out.SigninToken == "" {
		err = malformed("the answer has no sign-in token in it")
	}
	if err != nil {
		return creds.Secret{}, notForConsole(m.failure("sign in to the console", "", p.Name, err))
	}
	address := to.base + "/federation?" + url.Values{
		"Action": {"login"}, "Issuer": {"vault"}, "Destination": {c.Destination}, "SigninToken": {out.SigninToken},
	}.Encode()
	if c.SignOut {
		address = to.base + "/oauth?" + url.Values{"Action": {"logout"}, "redirect_uri": {address}}.Encode()
	}
	return creds.New(address), nil
}

// notForConsole says in words that AWS does not take the credentials: it answers with nothing
// but a status.
func notForConsole(err error) error {
	var call *CallError
	if errors.As(err, &call) && call.Code == strconv.Itoa(http.StatusBadRequest) {
		call.Kind, call.Message = Refused, "AWS does not accept these credentials for the console"
	}
	return err
}

// consoleSignin is the sign-in service that is asked for the token, and that takes it. AWS
// keeps it at another address than the other sign-in services in some regions.
func (m *Maker) consoleSignin(p profiles.Profile, c ConsoleCall) rest {
	e := m.Endpoint(p, signinService, c.Region)
	if e.pages = true; e.URL == "" {
		e.URL = consoleHome(c.Region, p.Network, c.SignOut)
	}
	return rest{strings.TrimSuffix(e.URL, "/"), timed{e.httpClient(m.slow), m.timing}}
}

// consoleHome is AWS's own address of that service. signOut asks for one that can sign out and
// in at once.
func consoleHome(region string, n profiles.Network, signOut bool) string {
	partition := profiles.Partition(region)
	general := profiles.DefaultRegion(partition)
	known := slices.ContainsFunc(profiles.Regions(), func(r profiles.Region) bool { return r.Name == region })
	switch {
	case partition == "aws-us-gov" && n.FIPS:
		return home(signinService, region, n)
	case partition == "aws-cn", partition == "aws-us-gov" && (region == general || !known):
		return "https://signin." + profiles.PartitionDomains(partition).Console
	case !known, signOut:
		region = general
	}
	return home(signinService, region, profiles.Network{})
}

// ConsoleAddress returns the address of a page of the console. path is what follows the host,
// "" for the first page; it may have a query and a fragment, and the region is added to the query
// unless it names one.
func ConsoleAddress(region, path string) (string, error) {
	domain := "console." + profiles.PartitionDomains(profiles.Partition(region)).Console
	if !strings.Contains(path, "://") {
		path = "https://" + region + "." + domain + "/" + cmp.Or(strings.TrimLeft(path, `/\`), "console/home")
	}
	u, err := url.Parse(path)
	if err != nil {
		return "", errors.New("this is not a path of the console")
	}
	switch host := u.Hostname(); {
	case u.Scheme != "https" || u.Port() != "" || u.User != nil || host != domain && !strings.HasSuffix(host, "."+domain):
		return "", errors.New("this is not an address at " + domain)
	}
	if q := u.Query(); !q.Has("region") {
		q.Set("region", region)
		u.RawQuery = q.Encode()
	}
	return u.String(), nil
}
