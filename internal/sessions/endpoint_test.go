package sessions

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/signin"
	"github.com/aws/aws-sdk-go-v2/service/sso"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyendpoints "github.com/aws/smithy-go/endpoints"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
)

func TestOurOwnCallsGoWhereTheSDKWouldSendThem(t *testing.T) {
	ctx := context.Background()
	compared := map[string]int{}
	for _, region := range profiles.Regions() {
		for n := range 4 {
			net := profiles.Network{FIPS: n&1 != 0, DualStack: n&2 != 0}
			place := func(service string, resolved smithyendpoints.Endpoint, err error) {
				if err != nil {
					return // the SDK knows none there
				}
				compared[service]++
				if got := home(service, region.Name, net); got != resolved.URI.String() {
					t.Errorf("%s of %s %+v: %s, want %s", service, region.Name, net, got, resolved.URI.String())
				}
			}
			portal, err := sso.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sso.EndpointParameters{
				Region: &region.Name, UseFIPS: &net.FIPS, UseDualStack: &net.DualStack,
			})
			place(ssoService, portal, err)
			oidc, err := ssooidc.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, ssooidc.EndpointParameters{
				Region: &region.Name, UseFIPS: &net.FIPS, UseDualStack: &net.DualStack,
			})
			place(oidcService, oidc, err)
			if net.DualStack || net.FIPS && region.Partition != "aws-us-gov" {
				continue // the sign-in service has none; its usual one is asked
			}
			login, err := signin.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, signin.EndpointParameters{
				Region: &region.Name, UseFIPS: &net.FIPS, UseDualStack: &net.DualStack,
			})
			place(signinService, login, err)
		}
	}
	if compared[ssoService] < 100 || compared[oidcService] < 100 || compared[signinService] < 30 {
		t.Errorf("only %v places were compared", compared)
	}
}

func TestNetworkSettingsReachSTS(t *testing.T) {
	var o sts.Options
	Endpoint{Region: "eu-west-1", Network: profiles.Network{FIPS: true, DualStack: true, MaxAttempts: 7, RetryMode: "adaptive"}}.apply(&o)
	if o.EndpointOptions.UseFIPSEndpoint != aws.FIPSEndpointStateEnabled || o.RetryMaxAttempts != 7 || o.RetryMode != aws.RetryModeAdaptive ||
		o.EndpointOptions.UseDualStackEndpoint != aws.DualStackEndpointStateEnabled {
		t.Errorf("%+v", o.EndpointOptions)
	}
	var legacy sts.Options
	Endpoint{Region: "eu-west-1", Network: profiles.Network{LegacySTS: true}}.apply(&legacy)
	if aws.ToString(legacy.BaseEndpoint) != "https://sts.amazonaws.com" || legacy.Region != "us-east-1" {
		t.Errorf("the global STS is %q in %s", aws.ToString(legacy.BaseEndpoint), legacy.Region)
	}
}

func TestOnlyTheCABundleIsTrusted(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:x</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`))
	}))
	defer server.Close()
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	write := func(text []byte) {
		if err := os.WriteFile(bundle, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ask := func() error {
		s := creds.Session{Profile: "p", AccessKeyID: "AKIAX", SecretKey: creds.New("x")}
		_, err := WhoAmI(context.Background(), Endpoint{URL: server.URL, Network: profiles.Network{CABundle: bundle, MaxAttempts: 1}}, s)
		return err
	}
	write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	if err := ask(); err != nil {
		t.Errorf("with the server's own certificate: %v", err)
	}
	write([]byte("nothing"))
	if err := ask(); err == nil || !strings.Contains(err.Error(), "contains no certificate") {
		t.Errorf("with an empty bundle: %v", err)
	}
	if err := os.Remove(bundle); err != nil {
		t.Fatal(err)
	}
	if err := ask(); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("without the file: %v", err)
	}
}
