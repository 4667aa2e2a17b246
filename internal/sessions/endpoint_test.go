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
	"github.com/aws/aws-sdk-go-v2/service/sso"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
)

func TestOurOwnCallsGoWhereTheSDKWouldSendThem(t *testing.T) {
	regions := []string{"us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1", "us-iso-east-1", "us-isob-east-1"}
	ctx := context.Background()
	for _, region := range regions {
		for n := range 4 {
			net := profiles.Network{FIPS: n&1 != 0, DualStack: n&2 != 0}
			portal, err := sso.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sso.EndpointParameters{
				Region: aws.String(region), UseFIPS: aws.Bool(net.FIPS), UseDualStack: aws.Bool(net.DualStack),
			})
			if err != nil {
				continue // the SDK knows none there
			}
			if got := home(SSO, region, net); got != portal.URI.String() {
				t.Errorf("portal %s %+v: %s, want %s", region, net, got, portal.URI.String())
			}
			oidc, err := ssooidc.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, ssooidc.EndpointParameters{
				Region: aws.String(region), UseFIPS: aws.Bool(net.FIPS), UseDualStack: aws.Bool(net.DualStack),
			})
			if err == nil && home(OIDC, region, net) != oidc.URI.String() {
				t.Errorf("oidc %s %+v: %s, want %s", region, net, home(OIDC, region, net), oidc.URI.String())
			}
		}
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
	if err := ask(); err == nil || !strings.Contains(err.Error(), "has no certificate") {
		t.Errorf("with an empty bundle: %v", err)
	}
	if err := os.Remove(bundle); err != nil {
		t.Fatal(err)
	}
	if err := ask(); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("without the file: %v", err)
	}
}
