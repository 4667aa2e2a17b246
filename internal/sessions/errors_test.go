package sessions

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
)

func TestAFailureIsSortedByItsCure(t *testing.T) {
	api := func(code, message string) error {
		return fmt.Errorf("operation error STS: AssumeRole, https response error: %w", &smithy.GenericAPIError{Code: code, Message: message})
	}
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("connect: %w", syscall.ECONNREFUSED)}
	for _, c := range []struct {
		err  error
		kind Kind
		says string
	}{
		{api("AccessDenied", "User: arn is not\n  authorized to perform: sts:AssumeRole"), Denied, "access denied: User: arn is not authorized to perform: sts:AssumeRole"},
		{api("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. "), WrongCode, "the MFA code was not accepted"},
		{api("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. "), WrongCode, "accepted: MultiFactorAuthentication failed with invalid MFA one time pass code"},
		{api("AccessDenied", "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user."), WrongDevice, "is not one of this user's: MultiFactorAuthentication failed, unable to validate MFA code. Please verify your MFA serial number is valid and associated with this user"},
		{api("UnauthorizedOperation", "no"), Denied, "access denied: no"},
		{api("InvalidClientTokenId", "The security token included in the request is invalid."), BadKey, "AWS does not know the access key"},
		{api("SignatureDoesNotMatch", "The request signature we calculated does not match"), BadKey, "AWS knows the access key, but the secret does not belong to it"},
		{api("SignatureDoesNotMatch", "Signature expired: 1 is now earlier than 2"), ClockSkew, "the clock of this machine differs from AWS's by too much"},
		{api("SignatureDoesNotMatch", "Signature not yet current: 3 is still later than 2"), ClockSkew, "the clock of this machine differs from AWS's by too much"},
		{api("RequestExpired", ""), ClockSkew, "the clock of this machine differs from AWS's by too much"},
		{api("ExpiredToken", "The security token included in the request is expired"), Expired, "the session that it is made with has expired"},
		{api("Throttling", "Rate exceeded"), Throttled, "AWS asks for fewer calls, try again in a minute"},
		{api("ValidationError", "DurationSeconds exceeds the MaxSessionDuration"), BadRequest, "DurationSeconds exceeds the MaxSessionDuration"},
		{api("RegionDisabledException", "STS is not activated in this region"), BadRequest, "STS is not activated in this region"},
		{api("InternalFailure", "We hit a snag"), Other, "We hit a snag"},
		{api("InternalFailure", ""), Other, "InternalFailure"},
		{&aws.MissingRegionError{}, BadRequest, "region"},
		{fmt.Errorf("dial: %w", refused), Unreachable, "AWS cannot be reached: connect: connection refused"},
		{&net.DNSError{Name: "sts.invalid", IsNotFound: true}, Unreachable, "AWS cannot be reached: the name sts.invalid cannot be looked up"},
		{fmt.Errorf("get: %w", context.DeadlineExceeded), Unreachable, "AWS cannot be reached: no answer in time"},
		{fmt.Errorf("outer: %w", errors.New("tls: the\ncertificate")), Unreachable, "AWS cannot be reached: tls: the certificate"},
	} {
		err := failure("assume role", "admin", "prod", c.err)
		var call *CallError
		if !errors.As(err, &call) || call.Kind != c.kind || !errors.Is(err, c.err) {
			t.Errorf("%v: kind %v, want %v", c.err, call.Kind, c.kind)
			continue
		}
		text := err.Error()
		if !strings.HasPrefix(text, `assume role "admin" for "prod": `) || !strings.Contains(text, c.says) || strings.Contains(text, "\n") {
			t.Errorf("%v: %s", c.err, text)
		}
	}
	if failure("x", "", "p", nil) != nil {
		t.Error("no failure became one")
	}
	if err := failure("x", "", "p", fmt.Errorf("send: %w", context.Canceled)); !errors.Is(err, context.Canceled) || errors.As(err, new(*CallError)) {
		t.Errorf("a person's Ctrl-C is %v", err)
	}
}

func TestNeedingAPersonIsItsOwnError(t *testing.T) {
	err := fmt.Errorf("renew: %w", &NeedsUserError{Profile: "prod", What: "an MFA code"})
	if !errors.Is(err, ErrNeedsUser) || !strings.Contains(err.Error(), `"prod" needs an MFA code`) {
		t.Error(err)
	}
	if errors.Is(&NoKeyError{Profile: "prod", Key: "base"}, ErrNeedsUser) {
		t.Error("a missing key is not a matter of signing in")
	}
}

func TestASessionNameIsWhatAWSAllows(t *testing.T) {
	for _, c := range []struct{ user, host, want string }{
		{"alice", "laptop", "alice@laptop"},
		{"alice", "", "alice"},
		{"", "", "vault-"},
		{"a", "", "vault-a"},
		{"Zoë Müller", "büro 1", "Zo--M-ller@b-ro-1"},
		{`CORP\alice`, "pc.corp.example", "CORP-alice@pc.corp.example"},
		{"a\nb;$(id)", "h", "a-b---id-@h"},
		{strings.Repeat("long", 30), "host", strings.Repeat("long", 16)},
	} {
		got := DefaultSessionName(c.user, c.host)
		if got != c.want || len(got) < 2 || len(got) > 64 {
			t.Errorf("%q at %q: %q, want %q", c.user, c.host, got, c.want)
		}
	}
}

func TestADeviceIsNamedAsAPersonKnowsIt(t *testing.T) {
	for serial, want := range map[string]string{
		"arn:aws:iam::111122223333:mfa/phone":     "phone (111122223333)",
		"arn:aws-cn:iam::111122223333:mfa/team/a": "team/a (111122223333)",
		"GAHT12345678": "GAHT12345678",
		"a:b":          "a:b",
	} {
		if got := device(serial); got != want {
			t.Errorf("%s: %q", serial, got)
		}
	}
}
