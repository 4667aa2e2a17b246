package sessions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
)

// webIdentity assumes a role with an identity token, as pods and CI jobs have one. The
// token is read each time, because its issuer renews it.
func (m *Maker) webIdentity(ctx context.Context, p profiles.Profile, w *profiles.WebIdentity) (creds.Session, error) {
	token, err := m.identityToken(ctx, w)
	if err != nil {
		return creds.Session{}, err
	}
	name := w.SessionName
	if name == "" {
		name = m.SessionName()
	}
	in := &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(w.ARN), RoleSessionName: aws.String(name), WebIdentityToken: aws.String(token.Reveal()),
		DurationSeconds: seconds(or(w.Duration, RoleDefault)), Policy: optional(w.Policy),
	}
	for _, arn := range w.PolicyARNs {
		in.PolicyArns = append(in.PolicyArns, types.PolicyDescriptorType{Arn: aws.String(arn)})
	}
	region := w.Region
	if region == "" {
		region = p.Region
	}
	out, err := m.client(p, region, creds.Session{}).AssumeRoleWithWebIdentity(ctx, in)
	if err != nil {
		return creds.Session{}, tokenFailure(m.failure("assume role", w.ARN, p.Name, err), w)
	}
	arn := ""
	if out.AssumedRoleUser != nil {
		arn = aws.ToString(out.AssumedRoleUser.Arn)
	}
	return m.session(out.Credentials, arn, or(w.Duration, RoleDefault))
}

// tokenFailure makes the failure of a call with an identity token one of the token, where no
// session could have expired.
func tokenFailure(err error, w *profiles.WebIdentity) error {
	var failed *CallError
	if errors.As(err, &failed) && (failed.Kind == Expired || failed.Kind == BadToken) {
		failed.Kind, failed.Settings = BadToken, []string{cmp.Or(w.TokenFileAt, "web_identity_token_process")}
	}
	return err
}

// maxToken is the most bytes that are read of a token; AWS accepts less.
const maxToken = 1 << 20

// identityToken reads the token from the file or the command. White space around it is
// removed: an editor or echo puts it there.
func (m *Maker) identityToken(ctx context.Context, w *profiles.WebIdentity) (creds.Secret, error) {
	var text string
	if w.TokenFile != "" {
		b, err := atomicfile.Read(w.TokenFile, maxToken)
		if err != nil {
			return creds.Secret{}, fmt.Errorf("read the identity token of %q: %s: %w", w.Profile, cmp.Or(w.TokenFileAt, "web_identity_token_file"), err)
		}
		text = string(b)
	} else {
		limited, cancel := context.WithTimeout(ctx, or(m.ProcessTimeout, time.Minute))
		defer cancel()
		out, err := m.RunProcess(limited, w.Process)
		if err != nil {
			return creds.Secret{}, fmt.Errorf("the web_identity_token_process of %q failed: %w", w.Profile, err)
		}
		text = out.Reveal()
	}
	token := creds.New(strings.TrimSpace(text))
	if token.IsZero() {
		return token, fmt.Errorf("the identity token of %q is empty: see %s", w.Profile, cmp.Or(w.TokenFileAt, "web_identity_token_process"))
	}
	return token, nil
}
