package fakeaws_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/d44b7504/vault/internal/fakeaws"
)

const everything = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`

func (w *world) federate(from caller, name, policy string) (*sts.GetFederationTokenOutput, error) {
	in := &sts.GetFederationTokenInput{Name: &name}
	if policy != "" {
		in.Policy = &policy
	}
	return w.client(from).GetFederationToken(bg, in)
}

func TestAFederatedUserHasANameAndALimit(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	out, err := w.federate(w.owner(), "ada", everything)
	must(t, err)
	k := session(out.Credentials)
	me, err := w.client(k).GetCallerIdentity(bg, nil)
	must(t, err)
	if *me.Arn != "arn:aws:sts::"+account+":federated-user/ada" || *out.FederatedUser.Arn != *me.Arn || *me.UserId != account+":ada" {
		t.Errorf("I am %s", *me.Arn)
	}
	w.send(t, w.buckets(k)).want(t, 200, "", "")
	w.send(t, w.iamLetter(k, "Action", "ListAccessKeys")).want(t, 403, "InvalidClientTokenId", "")
	_, err = w.client(k).GetSessionToken(bg, nil)
	wantRefusal(t, err, "AccessDenied", "")
	role := w.role(t, fakeaws.Role{Name: "any", Trust: fakeaws.Trust{Principals: []string{"*"}}})
	_, err = w.client(k).AssumeRole(bg, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("x1")})
	wantRefusal(t, err, "AccessDenied", "")
}

func TestFederationIsRefused(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	out, err := w.federate(w.owner(), "ada", "")
	must(t, err)
	w.send(t, w.buckets(session(out.Credentials))).want(t, 403, "AccessDenied", "") // no policy, no rights
	mine, err := w.client(w.owner()).GetSessionToken(bg, nil)
	must(t, err)
	for name, tc := range map[string]struct {
		from               caller
		name, policy, code string
	}{
		"from a session": {session(mine.Credentials), "ada", everything, "AccessDenied"},
		"bad name":       {w.owner(), "a b", everything, "ValidationError"},
		"bad policy":     {w.owner(), "ada", "{", "MalformedPolicyDocument"},
		"bad secret":     {caller{w.key.ID, "x", ""}, "ada", everything, "SignatureDoesNotMatch"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.federate(tc.from, tc.name, tc.policy)
			wantRefusal(t, err, tc.code, "")
		})
	}
	_, err = w.client(w.owner()).GetFederationToken(bg, &sts.GetFederationTokenInput{Name: aws.String("ada"), DurationSeconds: aws.Int32(129601)})
	wantRefusal(t, err, "ValidationError", "")
}
