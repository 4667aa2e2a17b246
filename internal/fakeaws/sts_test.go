package fakeaws_test

import (
	"context"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/d44b7504/vault/internal/fakeaws"
)

var bg = context.Background()

func TestCallerIdentityIsWhoHoldsTheKey(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	id, err := w.client(w.owner()).GetCallerIdentity(bg, nil)
	must(t, err)
	if *id.Arn != w.user || *id.Account != account || !strings.HasPrefix(*id.UserId, "AIDA") {
		t.Errorf("got %s %s %s", *id.Arn, *id.Account, *id.UserId)
	}
}

func TestSessionTokenLastsAsLongAsAskedAndNoLonger(t *testing.T) {
	w := newWorld(t, fakeaws.Options{MinDuration: time.Minute})
	out, err := w.client(w.owner()).GetSessionToken(bg, &sts.GetSessionTokenInput{DurationSeconds: aws.Int32(300)})
	must(t, err)
	if left := out.Credentials.Expiration.Sub(w.clock.now()); left > 5*time.Minute || left < 4*time.Minute+55*time.Second {
		t.Errorf("expires in %s", left)
	}
	c := w.client(session(out.Credentials))
	if id, err := c.GetCallerIdentity(bg, nil); err != nil || *id.Arn != w.user {
		t.Fatalf("fresh session: %v", err)
	}
	w.clock.forward(5 * time.Minute)
	_, err = c.GetCallerIdentity(bg, nil)
	wantRefusal(t, err, "ExpiredToken", "The security token included in the request is expired")
}

func TestEverySessionIsItsOwnAndItsKeyNamesTheAccount(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	seen := map[string]bool{w.key.ID: true}
	for range 3 {
		out, err := w.client(w.owner()).GetSessionToken(bg, nil)
		must(t, err)
		k := out.Credentials
		if seen[*k.AccessKeyId] || seen[*k.SecretAccessKey] || seen[*k.SessionToken] || len(*k.SecretAccessKey) != 40 {
			t.Fatal("a session repeats another")
		}
		seen[*k.AccessKeyId], seen[*k.SecretAccessKey], seen[*k.SessionToken] = true, true, true
	}
	for id := range seen {
		if len(id) == 20 && accountOf(t, id) != account {
			t.Errorf("%s decodes to account %s", id, accountOf(t, id))
		}
	}
}

// accountOf is the decoding people publish: base32, six bytes, one bit masked on
// each side, seven to the right.
func accountOf(t *testing.T, keyID string) string {
	t.Helper()
	b, err := base32.StdEncoding.DecodeString(keyID[4:])
	must(t, err)
	n := binary.BigEndian.Uint64(append([]byte{0, 0}, b[:6]...))
	return strconv.FormatUint(n&0x7fffffffff80>>7, 10)
}

func TestSessionTokenDurationHasLimits(t *testing.T) {
	for name, tc := range map[string]struct {
		least   time.Duration
		seconds int32
		part    string
	}{
		"too short":          {0, 899, "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
		"too long":           {0, 129601, "Member must have value less than or equal to 129600"},
		"shortest":           {0, 900, ""},
		"longest":            {0, 129600, ""},
		"shorter for a demo": {time.Minute, 60, ""},
		"too short for that": {time.Minute, 59, "greater than or equal to 60"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakeaws.Options{MinDuration: tc.least})
			_, err := w.client(w.owner()).GetSessionToken(bg, &sts.GetSessionTokenInput{DurationSeconds: aws.Int32(tc.seconds)})
			if tc.part == "" {
				must(t, err)
				return
			}
			wantRefusal(t, err, "ValidationError", tc.part)
		})
	}
}

func TestSessionTokenIsNotForSessions(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	out, err := w.client(w.owner()).GetSessionToken(bg, nil)
	must(t, err)
	_, err = w.client(session(out.Credentials)).GetSessionToken(bg, nil)
	wantRefusal(t, err, "AccessDenied", "Cannot call GetSessionToken with session credentials")
}

func TestMFAWantsSerialAndCodeOfTheCallersOwnDevice(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	elsewhere, err := w.AddUser(account, "ops")
	must(t, err)
	theirs, err := w.AddMFA(elsewhere, "ops")
	must(t, err)
	theirCode, err := theirs.Code()
	must(t, err)
	code := w.code(t)
	for name, tc := range map[string]struct{ serial, code, part string }{
		"no code":         {w.mfa.Serial, "", "must provide both MFA serial number and one time pass code."},
		"no serial":       {"", code, "must provide both MFA serial number and one time pass code."},
		"unknown device":  {w.mfa.Serial + "2", code, "unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user."},
		"another's":       {theirs.Serial, theirCode, "unable to validate MFA code."},
		"wrong code":      {w.mfa.Serial, different(code), "MultiFactorAuthentication failed with invalid MFA one time pass code."},
		"another's code":  {w.mfa.Serial, theirCode, "with invalid MFA one time pass code."},
		"letters as code": {w.mfa.Serial, "abcdef", `Value 'abcdef' at 'tokenCode' failed to satisfy constraint: Member must satisfy regular expression pattern: [\d]*`},
	} {
		t.Run(name, func(t *testing.T) {
			in := &sts.GetSessionTokenInput{}
			if tc.serial != "" {
				in.SerialNumber = &tc.serial
			}
			if tc.code != "" {
				in.TokenCode = &tc.code
			}
			_, err := w.client(w.owner()).GetSessionToken(bg, in)
			want := "AccessDenied"
			if name == "letters as code" {
				want = "ValidationError"
			}
			wantRefusal(t, err, want, tc.part)
		})
	}
	_, err = w.client(w.owner()).GetSessionToken(bg, &sts.GetSessionTokenInput{SerialNumber: &w.mfa.Serial, TokenCode: &code})
	must(t, err) // none of the failures above used it up
}

// different is a code that is none of the three in the window, except by a
// chance of one in 300,000.
func different(code string) string {
	n, _ := strconv.Atoi(code)
	d := strconv.Itoa((n + 1 + rand.IntN(999_998)) % 1_000_000)
	return strings.Repeat("0", 6-len(d)) + d
}

func TestAOneTimeCodeWorksOnceAndOnlyAStepEarlyOrLate(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	try := func(code string) error {
		_, err := w.client(w.owner()).GetSessionToken(bg, &sts.GetSessionTokenInput{SerialNumber: &w.mfa.Serial, TokenCode: &code})
		return err
	}
	const wrong = "with invalid MFA one time pass code."
	first := w.code(t)
	must(t, try(first))
	wantRefusal(t, try(first), "AccessDenied", wrong)
	must(t, try(w.code(t))) // the step after
	must(t, try(w.code(t))) // the step before
	if _, err := w.mfa.Code(); err != fakeaws.ErrCodesSpent {
		t.Fatalf("a fourth code: %v", err)
	}
	w.clock.forward(90 * time.Second)
	late := w.code(t)
	w.clock.forward(90 * time.Second)
	wantRefusal(t, try(late), "AccessDenied", wrong)
	must(t, try(w.code(t)))
}

func TestTrustAdmitsThePrincipalsItNames(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	viaRole := w.role(t, fakeaws.Role{Name: "hop", Trust: fakeaws.Trust{Principals: []string{w.user}}})
	root := func(a string) string { return "arn:aws:iam::" + a + ":root" }
	for name, tc := range map[string]struct {
		principal    string
		user, hopped bool
	}{
		"the user":            {w.user, true, false},
		"the account's root":  {root(account), true, true},
		"the account's id":    {account, true, true},
		"everybody":           {"*", true, true},
		"the role":            {viaRole, false, true},
		"the role's session":  {"arn:aws:sts::" + account + ":assumed-role/hop/me", false, true},
		"another account":     {root(other), false, false},
		"another user":        {w.user + "2", false, false},
		"a session elsewhere": {"arn:aws:sts::" + account + ":assumed-role/hop/you", false, false},
		"nobody":              {"", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			target := w.role(t, fakeaws.Role{Account: other, Name: "to/" + strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), "'", ""), Trust: fakeaws.Trust{Principals: []string{tc.principal}}})
			hop, err := w.client(w.owner()).AssumeRole(bg, assume(viaRole))
			must(t, err)
			w.wantAssume(t, w.owner(), target, tc.user, w.user)
			w.wantAssume(t, session(hop.Credentials), target, tc.hopped, *hop.AssumedRoleUser.Arn)
		})
	}
}

func assume(role string) *sts.AssumeRoleInput {
	return &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("me")}
}

func (w *world) wantAssume(t *testing.T, k caller, role string, ok bool, caller string) {
	t.Helper()
	_, err := w.client(k).AssumeRole(bg, assume(role))
	if ok {
		must(t, err)
		return
	}
	wantRefusal(t, err, "AccessDenied", "User: "+caller+" is not authorized to perform: sts:AssumeRole on resource: "+role)
}

func TestAnAssumedRoleIsTheCallerFromThenOn(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	role := w.role(t, fakeaws.Role{Account: other, Name: "team/admin", Trust: fakeaws.Trust{Principals: []string{account}}})
	out, err := w.client(w.owner()).AssumeRole(bg, assume(role))
	must(t, err)
	id, err := w.client(session(out.Credentials)).GetCallerIdentity(bg, nil)
	must(t, err)
	if want := "arn:aws:sts::" + other + ":assumed-role/admin/me"; *id.Arn != want || *out.AssumedRoleUser.Arn != want {
		t.Errorf("got %s and %s, want %s", *id.Arn, *out.AssumedRoleUser.Arn, want)
	}
	if *id.UserId != *out.AssumedRoleUser.AssumedRoleId || !strings.HasPrefix(*id.UserId, "AROA") || !strings.HasSuffix(*id.UserId, ":me") {
		t.Errorf("user id %s", *id.UserId)
	}
	if *id.Account != other || accountOf(t, *out.Credentials.AccessKeyId) != other {
		t.Errorf("account %s, key %s", *id.Account, *out.Credentials.AccessKeyId)
	}
	if left := out.Credentials.Expiration.Sub(w.clock.now()); left > time.Hour || left < 59*time.Minute {
		t.Errorf("lasts %s, want an hour", left)
	}
}

func TestARoleThatDoesNotExistLooksLikeOneThatIsClosed(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	w.wantAssume(t, w.owner(), "arn:aws:iam::"+account+":role/nowhere", false, w.user)
}

func TestTrustMayAskForAnExternalID(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	role := w.role(t, fakeaws.Role{Name: "ext", Trust: fakeaws.Trust{Principals: []string{account}, ExternalID: "tenant:7"}})
	for id, ok := range map[string]bool{"tenant:7": true, "tenant:8": false, "": false} {
		in := assume(role)
		if id != "" {
			in.ExternalId = &id
		}
		_, err := w.client(w.owner()).AssumeRole(bg, in)
		if ok {
			must(t, err)
		} else {
			wantRefusal(t, err, "AccessDenied", "is not authorized to perform: sts:AssumeRole")
		}
	}
}

func TestTrustMayAskForMFA(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	role := w.role(t, fakeaws.Role{Name: "mfa", Trust: fakeaws.Trust{Principals: []string{account}, MFA: true}})
	w.wantAssume(t, w.owner(), role, false, w.user)

	plain, err := w.client(w.owner()).GetSessionToken(bg, nil)
	must(t, err)
	w.wantAssume(t, session(plain.Credentials), role, false, w.user)

	withMFA, err := w.client(w.owner()).GetSessionToken(bg, &sts.GetSessionTokenInput{SerialNumber: &w.mfa.Serial, TokenCode: aws.String(w.code(t))})
	must(t, err)
	w.wantAssume(t, session(withMFA.Credentials), role, true, w.user)

	in := assume(role)
	in.SerialNumber, in.TokenCode = &w.mfa.Serial, aws.String(w.code(t))
	out, err := w.client(w.owner()).AssumeRole(bg, in)
	must(t, err)
	if q, _ := w.LastAssumeRole(); !q.MFA || q.SerialNumber != w.mfa.Serial {
		t.Errorf("recorded %+v", q)
	}
	_, err = w.client(w.owner()).AssumeRole(bg, in)
	wantRefusal(t, err, "AccessDenied", "with invalid MFA one time pass code.")

	// MFA does not go down a chain.
	w.wantAssume(t, session(out.Credentials), role, false, *out.AssumedRoleUser.Arn)
}

func TestRoleDurationHasLimits(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	short := w.role(t, fakeaws.Role{Name: "hour", Trust: fakeaws.Trust{Principals: []string{account}}})
	long := w.role(t, fakeaws.Role{Name: "day", Trust: fakeaws.Trust{Principals: []string{account}}, MaxSession: 12 * time.Hour})
	hop, err := w.client(w.owner()).AssumeRole(bg, assume(short))
	must(t, err)
	chained := session(hop.Credentials)
	const chain = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
	for name, tc := range map[string]struct {
		from    caller
		role    string
		seconds int32
		part    string
	}{
		"shortest":            {w.owner(), short, 900, ""},
		"too short":           {w.owner(), short, 899, "Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
		"the role's":          {w.owner(), short, 3600, ""},
		"over the role's":     {w.owner(), short, 3601, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		"twelve hours":        {w.owner(), long, 43200, ""},
		"over twelve hours":   {w.owner(), long, 43201, "Member must have value less than or equal to 43200"},
		"an hour in a chain":  {chained, long, 3600, ""},
		"more in a chain":     {chained, long, 3601, chain},
		"both limits crossed": {chained, short, 3601, chain},
	} {
		t.Run(name, func(t *testing.T) {
			in := assume(tc.role)
			in.DurationSeconds = &tc.seconds
			out, err := w.client(tc.from).AssumeRole(bg, in)
			if tc.part != "" {
				wantRefusal(t, err, "ValidationError", tc.part)
				return
			}
			must(t, err)
			want := time.Duration(tc.seconds) * time.Second
			if left := out.Credentials.Expiration.Sub(w.clock.now()); left > want || left < want-10*time.Second {
				t.Errorf("lasts %s, want %s", left, want)
			}
		})
	}
}

func TestAssumeRoleChecksTheShapeOfWhatItIsGiven(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	role := w.role(t, fakeaws.Role{Name: "r", Trust: fakeaws.Trust{Principals: []string{account}}})
	tag := func(k, v string) types.Tag { return types.Tag{Key: &k, Value: &v} }
	for name, tc := range map[string]struct {
		change     func(*sts.AssumeRoleInput)
		code, part string
	}{
		"name with a space":  {func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("a b") }, "ValidationError", `Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`},
		"name of one letter": {func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("a") }, "ValidationError", "Member must have length greater than or equal to 2"},
		"name of 65":         {func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String(strings.Repeat("a", 65)) }, "ValidationError", "Member must have length less than or equal to 64"},
		"two faults":         {func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("!") }, "ValidationError", "2 validation errors detected: "},
		"not a role":         {func(in *sts.AssumeRoleInput) { in.RoleArn = &w.user }, "ValidationError", "Request ARN is invalid"},
		"short ARN":          {func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("arn:x") }, "ValidationError", "at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20"},
		"bad external id":    {func(in *sts.AssumeRoleInput) { in.ExternalId = aws.String("a b") }, "ValidationError", "at 'externalId'"},
		"bad identity":       {func(in *sts.AssumeRoleInput) { in.SourceIdentity = aws.String("a b") }, "ValidationError", "at 'sourceIdentity'"},
		"policy no JSON":     {func(in *sts.AssumeRoleInput) { in.Policy = aws.String(`{"Version":`) }, "MalformedPolicyDocument", "not in the valid JSON format"},
		"policy no policy":   {func(in *sts.AssumeRoleInput) { in.Policy = aws.String(`{"Version":"2012-10-17","Statement":[{}]}`) }, "MalformedPolicyDocument", "Syntax errors in policy."},
		"policy of a list":   {func(in *sts.AssumeRoleInput) { in.Policy = aws.String(`[1]`) }, "MalformedPolicyDocument", "Syntax errors in policy."},
		"policy too large":   {func(in *sts.AssumeRoleInput) { in.Policy = aws.String(bigPolicy()) }, "PackedPolicyTooLarge", "Packed policy consumes "},
		"tags too large":     {func(in *sts.AssumeRoleInput) { in.Tags = manyTags(50) }, "PackedPolicyTooLarge", "Packed size of session tags consumes "},
		"too many tags":      {func(in *sts.AssumeRoleInput) { in.Tags = manyTags(51) }, "ValidationError", "at 'tags'"},
		"tag twice":          {func(in *sts.AssumeRoleInput) { in.Tags = []types.Tag{tag("Team", "a"), tag("team", "b")} }, "InvalidParameterValue", "Duplicate tag keys found."},
		"tag with a control": {func(in *sts.AssumeRoleInput) { in.Tags = []types.Tag{tag("a\tb", "v")} }, "ValidationError", "at 'tags.member.key'"},
	} {
		t.Run(name, func(t *testing.T) {
			in := assume(role)
			tc.change(in)
			_, err := w.client(w.owner()).AssumeRole(bg, in)
			wantRefusal(t, err, tc.code, tc.part)
		})
	}
	a := w.send(t, w.letter(form("Action", "AssumeRole")))
	a.want(t, 400, "ValidationError", "2 validation errors detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null")
}

// noise does not compress.
func noise(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return string(b)
}

func bigPolicy() string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"` + noise(1900) + `"}}`
}

func manyTags(n int) (tags []types.Tag) {
	values := noise(60 * n)
	for i := range n {
		tags = append(tags, types.Tag{Key: aws.String("k" + strconv.Itoa(i)), Value: aws.String(values[i*60 : i*60+60])})
	}
	return tags
}

func TestPoliciesTagsAndIdentityArriveAsSent(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	role := w.role(t, fakeaws.Role{Name: "r", Trust: fakeaws.Trust{Principals: []string{account}}})
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*"],"Resource":"*"}]}`
	readOnly := "arn:aws:iam::aws:policy/ReadOnlyAccess"
	in := assume(role)
	in.Policy, in.SourceIdentity, in.ExternalId = &policy, aws.String("dev@example"), aws.String("x:1")
	in.PolicyArns = []types.PolicyDescriptorType{{Arn: &readOnly}}
	in.Tags = []types.Tag{{Key: aws.String("Team"), Value: aws.String("a b/c")}, {Key: aws.String("Empty"), Value: aws.String("")}}
	in.TransitiveTagKeys = []string{"Team"}
	out, err := w.client(w.owner()).AssumeRole(bg, in)
	must(t, err)
	//lint:ignore SA1019 a client of today may still read it
	if *out.SourceIdentity != "dev@example" || *out.PackedPolicySize < 1 || *out.PackedPolicySize > 100 {
		//lint:ignore SA1019 as above
		t.Errorf("reply has %v and %v", out.SourceIdentity, out.PackedPolicySize)
	}
	q, ok := w.LastAssumeRole()
	if !ok || q.Policy != policy || !slices.Equal(q.PolicyARNs, []string{readOnly}) || q.Tags["Team"] != "a b/c" || len(q.Tags) != 2 ||
		!slices.Equal(q.TransitiveTagKeys, []string{"Team"}) || q.Caller != w.user || q.RoleARN != role || q.SessionName != "me" || q.Duration != 0 || q.ExternalID != "x:1" {
		got, _ := json.Marshal(q)
		t.Errorf("recorded %s", got)
	}
	// The source identity goes down the chain and cannot be changed there.
	next := assume(role)
	again, err := w.client(session(out.Credentials)).AssumeRole(bg, next)
	must(t, err)
	if again.SourceIdentity == nil || *again.SourceIdentity != "dev@example" {
		t.Error("source identity lost in the chain")
	}
	next.SourceIdentity = aws.String("someone-else")
	_, err = w.client(session(out.Credentials)).AssumeRole(bg, next)
	wantRefusal(t, err, "AccessDenied", "sts:AssumeRole")
}

func TestDenyTakesActionsAwayFromUsersAndRoles(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	role := w.role(t, fakeaws.Role{Name: "r", Trust: fakeaws.Trust{Principals: []string{account}}})
	hop, err := w.client(w.owner()).AssumeRole(bg, assume(role))
	must(t, err)
	w.Deny(w.user, "sts:AssumeRole", "sts:GetCallerIdentity")
	w.wantAssume(t, w.owner(), role, false, w.user)
	_, err = w.client(w.owner()).GetCallerIdentity(bg, nil)
	must(t, err)
	w.wantAssume(t, session(hop.Credentials), role, true, "")
	w.Deny(role, "sts:AssumeRole")
	w.wantAssume(t, session(hop.Credentials), role, false, *hop.AssumedRoleUser.Arn)
}

func TestOtherPartitionsHaveTheirOwnARNs(t *testing.T) {
	w := newWorld(t, fakeaws.Options{Partition: "aws-cn", Regions: []string{"eu-west-1"}})
	role := w.role(t, fakeaws.Role{Name: "r", Trust: fakeaws.Trust{Principals: []string{"arn:aws-cn:iam::" + account + ":root"}}})
	out, err := w.client(w.owner()).AssumeRole(bg, assume(role))
	must(t, err)
	if want := "arn:aws-cn:sts::" + account + ":assumed-role/r/me"; *out.AssumedRoleUser.Arn != want {
		t.Errorf("got %s, want %s", *out.AssumedRoleUser.Arn, want)
	}
}
