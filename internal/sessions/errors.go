package sessions

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
)

// ErrNeedsUser is returned when a person is required and there is no way to ask one.
var ErrNeedsUser = errors.New("a person must sign in")

// ErrNoCode is returned when a person was asked for an MFA code and entered none.
var ErrNoCode = errors.New("no MFA code was given")

// Need is what a person would have to do.
type Need int

// The kinds of NeedsUserError.
const (
	NeedsCode     Need = iota // type an MFA code
	NeedsBrowser              // sign in to Identity Center
	NeedsAWSLogin             // run "aws login" again
)

// NeedsUserError says what a person would have to provide. It matches ErrNeedsUser.
type NeedsUserError struct {
	Profile, What string
	Need          Need
	// Which MFA device the code is of, and the profile's command that gives codes, if any.
	Device, Process string
}

func (e *NeedsUserError) Error() string { return fmt.Sprintf("%q needs %s", e.Profile, e.What) }

// Is makes it match ErrNeedsUser.
func (e *NeedsUserError) Is(target error) bool { return target == ErrNeedsUser }

// NoKeyError says that no access key is stored for Key, the profile that a chain of
// source_profile ends at.
type NoKeyError struct {
	Profile, Key string
	InFile       profiles.Place // where a file of the AWS tools has it in plain text
	ForItself    bool           // its credential_process asks vault for the profile itself
}

func (e *NoKeyError) Error() string {
	if e.ForItself {
		return fmt.Sprintf("no key is stored for %q, whose credential_process asks vault for the same profile", e.Key)
	}
	if e.InFile != (profiles.Place{}) {
		return fmt.Sprintf("the key of %q is in plain text in %s, and vault uses keys of the keyring only", e.Key, e.InFile)
	}
	return fmt.Sprintf("no key is stored for %q", e.Key)
}

// ExpiredKeyError says that a temporary key, which another program wrote to a file of the AWS
// tools, has expired, or that the program has not written one yet. It matches ErrNeedsUser.
type ExpiredKeyError struct {
	Profile string
	At      profiles.Place
	Ago     time.Duration
	None    bool   // there is no key yet
	Program string // that renews it, without its arguments; "": it is not known
}

func (e *ExpiredKeyError) Error() string {
	if e.None {
		return fmt.Sprintf("there is no temporary key for %q yet", e.Profile)
	}
	return fmt.Sprintf("the temporary key of %q in %s expired %s ago", e.Profile, e.At, display.Span(e.Ago))
}

// Is makes it match ErrNeedsUser.
func (e *ExpiredKeyError) Is(target error) bool { return target == ErrNeedsUser }

// Kind sorts failures by what helps against them.
type Kind int

// The kinds of CallError.
const (
	Other       Kind = iota
	Denied           // AWS knows the caller, who is not allowed
	WrongCode        // the MFA code was refused
	WrongDevice      // the MFA device is not one of the user's, whatever the code
	BadKey           // the access key is unknown, inactive or deleted, or the secret is not its own
	BadRequest       // a duration or name that AWS does not accept
	ClockSkew        // the time in the signature is too far from AWS's
	Expired          // the credentials that signed the call have expired
	Throttled        // too many calls
	BadToken         // the identity token is not accepted
	Unreachable      // there was no answer
	NotAWS           // something else answered: a proxy, the sign-in page of a network
	Untrusted        // the certificate of what answered is not accepted
	BadSetting       // a setting of the network names a file that cannot be used
	Gone             // the thing to change does not exist
	Full             // the limit on such things is reached
	Refused          // the credentials are not of a kind that the call takes
)

// CallError is a call to AWS that failed. Error returns one plain line; Message is AWS's
// own text, or ours where AWS did not answer.
type CallError struct {
	Op, Target, Profile string // "assume role", the role's ARN, the profile it was for
	Action              string // its name in a policy, "iam:CreateAccessKey"; "" if no policy decides
	Device              string // the serial of the MFA device whose code was sent; "" for none
	Kind                Kind
	Code, Message       string
	Skew                time.Duration // how far AWS's clock is ahead of this machine's; 0 if unknown
	Settings            []string      // what decides where the call goes, or has the token, with where it is set
	Holder              string        // the profile whose stored key the call began with; "" if there is none, or Profile is
	Giver               string        // what gave the credentials that the call began with, in words; "" for a stored key
	Err                 error
}

func (e *CallError) Unwrap() error { return e.Err }

func (e *CallError) Error() string {
	what := e.Op
	if e.Target != "" {
		what += fmt.Sprintf(" %q", e.Target)
	}
	if e.Profile != "" { // "" is whatever the environment has
		what += fmt.Sprintf(" for %q", e.Profile)
	}
	return what + ": " + e.Reason()
}

// Reason returns why the call failed, without saying which call it was.
func (e *CallError) Reason() string {
	switch e.Kind {
	case WrongCode:
		return "the MFA code was not accepted" + e.said()
	case WrongDevice:
		return fmt.Sprintf("the MFA device %q is not one of this user's%s", e.Device, e.said())
	case BadKey:
		return e.badKey()
	case ClockSkew:
		if e.Skew != 0 {
			return SkewText(e.Skew)
		}
		return "the clock of this machine differs from AWS's by too much"
	case Expired:
		if e.Giver != "" {
			return "the credentials that " + e.Giver + " gave have expired"
		}
		return "the session that it is made with has expired"
	case Throttled:
		return "AWS asks for fewer calls, try again in a minute"
	case Unreachable, NotAWS, Untrusted, BadSetting:
		if e.Message == "" {
			return cannotReach + cause(e.Err)
		}
		return e.Message
	case BadToken:
		return e.badToken()
	case Denied:
		return "access denied: " + oneLine(e.Message)
	}
	if e.Message != "" {
		return oneLine(e.Message)
	}
	return cause(e.Err)
}

func (e *CallError) badKey() string {
	if e.WrongSecret() {
		return "AWS knows the access key, but the secret does not belong to it"
	}
	return "AWS does not know the access key"
}

func (e *CallError) badToken() string {
	if e.TokenExpired() {
		return "the identity token has expired" + e.where()
	}
	return "AWS does not accept the identity token: " + oneLine(e.Message)
}

// TokenExpired reports whether AWS refused an identity token because of its age.
func (e *CallError) TokenExpired() bool {
	return e.Kind == BadToken && (strings.HasPrefix(e.Code, "ExpiredToken") || strings.Contains(strings.ToLower(e.Message), "expired"))
}

// where is where Settings are set, in brackets; "" for none.
func (e *CallError) where() string {
	if len(e.Settings) == 0 {
		return ""
	}
	return " (" + strings.Join(e.Settings, ", ") + ")"
}

// WrongSecret reports whether AWS knows the access key and the signature was made with
// another secret than the key's.
func (e *CallError) WrongSecret() bool {
	return e.Kind == BadKey && e.Code == "SignatureDoesNotMatch"
}

// said is what AWS, or else the cause, says of the failure, with a colon before it; "" if neither does.
func (e *CallError) said() string {
	switch {
	case e.Message != "":
		return ": " + strings.TrimSuffix(oneLine(e.Message), ".")
	case e.Err != nil:
		return ": " + cause(e.Err)
	}
	return ""
}

// failure wraps what a call returned into a *CallError that knows of the clocks' skew. An
// error that is a *NeedsUserError or a *CallError already stays one.
func (m *Maker) failure(op, target, profile string, err error) error {
	var needs *NeedsUserError
	var call *CallError
	if errors.As(err, &needs) {
		return err
	}
	if errors.As(err, &call) {
		if call.Op == "" {
			call.Op, call.Target, call.Profile = op, target, profile
		}
		return err
	}
	err = failure(op, target, profile, err)
	if errors.As(err, &call) && call.Kind == ClockSkew {
		call.Skew = m.skew()
	}
	return err
}

// failure wraps what the SDK returned into a *CallError; nil stays nil. A cancelled
// context is returned as it is.
func failure(op, target, profile string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	var unreached *reachError
	if !errors.As(err, &unreached) {
		err = readable(err)
	}
	e := &CallError{Op: op, Target: target, Profile: profile, Err: err, Kind: Unreachable}
	var api smithy.APIError
	var cred *aws.MissingRegionError
	if unreached != nil {
		e.Kind, e.Message, e.Settings = unreached.Kind, unreached.Why, unreached.Settings
	} else if errors.As(err, &api) {
		e.Code, e.Message = api.ErrorCode(), api.ErrorMessage()
		if e.Kind = kindOf(e.Code, e.Message); statusOf(err) == http.StatusTooManyRequests {
			e.Kind = Throttled
		}
	} else if errors.As(err, &cred) {
		e.Kind = BadRequest
	}
	return e
}

// readable gives an answer that the SDK could not read the form of one that it could: a
// proxy's page, say. The SDK's own error keeps a copy of the answer, which may hold a
// secret, so it is dropped.
func readable(err error) error {
	status := statusOf(err)
	var api smithy.APIError
	switch {
	case status == 0, errors.As(err, &api) && api.ErrorCode() != "UnknownError":
		return err
	case status/100 == 2:
		return malformed("the answer cannot be read; is it AWS that answers there?")
	}
	return statusError(status)
}

// statusError is the error of an answer that says nothing but its HTTP status.
func statusError(status int) *smithy.GenericAPIError {
	code := strconv.Itoa(status)
	if status == http.StatusTooManyRequests {
		code = "TooManyRequestsException"
	}
	return &smithy.GenericAPIError{Code: code, Message: "AWS answered with status " + strconv.Itoa(status)}
}

// statusOf is the HTTP status of the answer that an SDK's error is about, 0 for none.
func statusOf(err error) int {
	var answered *smithyhttp.ResponseError
	if errors.As(err, &answered) {
		return answered.HTTPStatusCode()
	}
	return 0
}

func kindOf(code, message string) Kind {
	switch code {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "ForbiddenException":
		switch {
		case strings.Contains(message, "verify your MFA serial number"):
			return WrongDevice
		case strings.Contains(message, "MultiFactorAuthentication failed"):
			return WrongCode
		}
		return Denied
	case "InvalidClientTokenId", "UnrecognizedClientException", "MissingAuthenticationToken":
		return BadKey
	case "SignatureDoesNotMatch":
		if strings.Contains(message, "Signature expired") || strings.Contains(message, "Signature not yet current") {
			return ClockSkew
		}
		return BadKey
	case "RequestExpired", "RequestTimeTooSkewed":
		return ClockSkew
	case "ExpiredToken", "ExpiredTokenException", "UnauthorizedException":
		return Expired
	case "InvalidIdentityToken", "IDPRejectedClaim":
		return BadToken
	case "SlowDownException":
		return Throttled
	case "NoSuchEntity":
		return Gone
	case "LimitExceeded":
		return Full
	case "ValidationError", "MalformedPolicyDocument", "PackedPolicyTooLarge", "RegionDisabledException":
		return BadRequest
	}
	if _, busy := retry.DefaultThrottleErrorCodes[code]; busy {
		return Throttled
	}
	return Other
}

const cannotReach = "AWS cannot be reached: "

// cause returns the innermost reason as one line: the SDK wraps a refused connection six
// times.
func cause(err error) string {
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s cannot be looked up", dns.Name)
	case errors.As(err, &op):
		return oneLine(op.Err.Error())
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return oneLine(err.Error())
}

// oneLine replaces white space, line breaks included, by single spaces.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
