package fakeaws

import (
	"cmp"
	"net/http"
	"strings"
	"time"
)

// This file is STS.

const (
	maxUserSession = 36 * time.Hour
	maxRoleSession = 12 * time.Hour
	maxChained     = time.Hour
)

var stsService = &service{
	name:      "sts",
	version:   "2011-06-15",
	namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
	write:     writeQuery,
	actions: map[string]func(*Server, *call) (any, *apiError){
		"GetCallerIdentity":  getCallerIdentity,
		"GetSessionToken":    getSessionToken,
		"GetFederationToken": getFederationToken,
		"AssumeRole":         assumeRole,
	},
	unsigned: map[string]func(*Server, *call) (any, *apiError){
		"AssumeRoleWithWebIdentity": assumeRoleWithWebIdentity,
	},
}

// sessionXML is the type Credentials of the API.
type sessionXML struct {
	AccessKeyId, SecretAccessKey, SessionToken, Expiration string
}

func (k *credential) sessionXML() sessionXML {
	return sessionXML{
		AccessKeyId:     k.id,
		SecretAccessKey: k.secret.Reveal(),
		SessionToken:    k.token.Reveal(),
		Expiration:      k.expires.Format(time.RFC3339),
	}
}

func getCallerIdentity(_ *Server, c *call) (any, *apiError) {
	return struct{ Arn, UserId, Account string }{c.who.arn, c.who.userID, c.who.account}, nil
}

func getSessionToken(s *Server, c *call) (any, *apiError) {
	if c.who.temporary() {
		return nil, refuse(http.StatusForbidden, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	}
	seconds, fail := c.number("DurationSeconds", int(max(maxRoleSession, s.opts.MinDuration).Seconds()))
	if fail != nil {
		return nil, fail
	}
	var v checks
	v.between("durationSeconds", seconds, int(s.opts.MinDuration.Seconds()), int(maxUserSession.Seconds()))
	c.checkMFAShape(&v)
	if fail := v.fail(); fail != nil {
		return nil, fail
	}
	mfa, fail := c.checkMFA()
	if fail != nil {
		return nil, fail
	}
	k, fail := s.session(c, c.who.account, seconds)
	if fail != nil {
		return nil, fail
	}
	k.arn, k.userID, k.user, k.mfa = c.who.arn, c.who.userID, c.who.user, mfa
	return struct{ Credentials sessionXML }{k.sessionXML()}, nil
}

func (c *call) checkMFAShape(v *checks) {
	v.text("serialNumber", c.params.Get("SerialNumber"), 9, 256, `[\w+=/:,.@-]*`)
	v.text("tokenCode", c.params.Get("TokenCode"), 6, 6, `[\d]*`)
}

// session makes temporary credentials without an owner.
func (s *Server) session(c *call, account string, seconds int) (*credential, *apiError) {
	k, err := s.issue(temporaryKey, account)
	if err != nil {
		return nil, refuse(http.StatusInternalServerError, "InternalFailure", "%v", err)
	}
	k.token, k.madeWith = newSessionToken(), c.who
	// Whole seconds, because the answer has no more; rounded down, so that no session is
	// accepted for longer than the answer says.
	k.expires = c.now.Add(time.Duration(seconds) * time.Second).Truncate(time.Second)
	return k, nil
}

// AssumeRoleCall has the parameters of an AssumeRole request.
type AssumeRoleCall struct {
	Caller            string // ARN
	RoleARN           string
	SessionName       string
	Duration          time.Duration // 0: not given
	ExternalID        string
	SourceIdentity    string
	Policy            string
	PolicyARNs        []string
	Tags              map[string]string
	TransitiveTagKeys []string
	SerialNumber      string
	MFA               bool // present, by the call's own code or by its session

	mfaAge time.Duration // how long ago the code was given
}

// LastAssumeRole returns the last AssumeRole request whose signature and MFA
// code, if any, were right, whether or not it then succeeded. Its map and slices
// are the caller's to read, not to change.
func (s *Server) LastAssumeRole() (AssumeRoleCall, bool) { return s.last(&s.state.lastAssume) }

// last returns a call that the state keeps, false if there was none.
func (s *Server) last(kept **AssumeRoleCall) (AssumeRoleCall, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *kept == nil {
		return AssumeRoleCall{}, false
	}
	return **kept, true
}

func assumeRole(s *Server, c *call) (any, *apiError) {
	seconds, fail := c.number("DurationSeconds", 0)
	if fail != nil {
		return nil, fail
	}
	if fail := s.checkAssumeRole(c, seconds); fail != nil {
		return nil, fail
	}
	mfa, fail := c.checkMFA()
	if fail != nil {
		return nil, fail
	}
	q := c.assumeRoleCall(seconds, mfa)
	s.state.lastAssume = q
	r := s.state.roles[q.RoleARN]
	if r == nil || !r.trusts(c.who, q) {
		return nil, c.accessDenied(q.RoleARN)
	}
	length, fail := r.duration(c.who, q.Duration)
	if fail != nil {
		return nil, fail
	}
	packed, fail := q.packedSize()
	if fail != nil {
		return nil, fail
	}
	k, fail := s.session(c, r.Account, int(length.Seconds()))
	if fail != nil {
		return nil, fail
	}
	k.become(r, q.SessionName)
	k.sourceIdentity = cmp.Or(q.SourceIdentity, c.who.sourceIdentity)
	return assumeRoleResult(k, packed), nil
}

// checkAssumeRole checks the form of the request, not its sender.
func (s *Server) checkAssumeRole(c *call, seconds int) *apiError {
	const name = `[\w+=,.@-]*`
	var v checks
	p := c.params
	v.required("roleArn", p.Get("RoleArn"))
	v.text("roleArn", p.Get("RoleArn"), 20, 2048, `[\x09\x0A\x0D\x20-\x7E\x{85}\x{A0}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]+`)
	v.required("roleSessionName", p.Get("RoleSessionName"))
	v.text("roleSessionName", p.Get("RoleSessionName"), 2, 64, name)
	v.text("externalId", p.Get("ExternalId"), 2, 1224, `[\w+=,.@:\/-]*`)
	v.text("sourceIdentity", p.Get("SourceIdentity"), 2, 64, name)
	if p.Has("DurationSeconds") {
		v.between("durationSeconds", seconds, int(s.opts.MinDuration.Seconds()), int(maxRoleSession.Seconds()))
	}
	c.checkMFAShape(&v)
	checkTags(&v, p)
	policies := members(p, "PolicyArns", "arn")
	v.count("policyArns", len(policies), 10)
	for _, arn := range policies {
		v.text("policyArns.member.arn", arn, 20, 2048, `\P{Cc}+`)
	}
	if fail := v.fail(); fail != nil {
		return fail
	}
	if !s.isRoleARN(p.Get("RoleArn")) {
		return invalid("Request ARN is invalid")
	}
	if fail := duplicateTags(p); fail != nil {
		return fail
	}
	return checkPolicy(p.Get("Policy"))
}

func (s *Server) isRoleARN(arn string) bool {
	rest, ok := strings.CutPrefix(arn, "arn:"+s.opts.Partition+":iam::")
	account, name, found := strings.Cut(rest, ":role/")
	return ok && found && accountID().MatchString(account) && entityName().MatchString(name)
}

func (c *call) assumeRoleCall(seconds int, mfa bool) *AssumeRoleCall {
	p := c.params
	q := &AssumeRoleCall{
		Caller:            c.who.arn,
		RoleARN:           p.Get("RoleArn"),
		SessionName:       p.Get("RoleSessionName"),
		Duration:          time.Duration(seconds) * time.Second,
		ExternalID:        p.Get("ExternalId"),
		SourceIdentity:    p.Get("SourceIdentity"),
		Policy:            p.Get("Policy"),
		PolicyARNs:        members(p, "PolicyArns", "arn"),
		Tags:              map[string]string{},
		TransitiveTagKeys: members(p, "TransitiveTagKeys", ""),
		SerialNumber:      p.Get("SerialNumber"),
		MFA:               mfa,
	}
	if mfa && q.SerialNumber == "" {
		q.mfaAge = c.now.Sub(c.who.created)
	}
	values := members(p, "Tags", "Value")
	for i, k := range members(p, "Tags", "Key") {
		if i < len(values) {
			q.Tags[k] = values[i]
		}
	}
	return q
}

// duration returns how long a session of the role lasts, or an error if the caller may not
// have it for as long as it asks.
func (r *role) duration(who *credential, asked time.Duration) (time.Duration, *apiError) {
	if asked == 0 {
		return min(maxChained, r.MaxSession), nil
	}
	if who.role != nil && asked > maxChained {
		return 0, invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	if asked > r.MaxSession {
		return 0, invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return asked, nil
}

// become makes the credential a session of the role. It is not a session with MFA: only
// those of GetSessionToken are.
func (k *credential) become(r *role, session string) {
	k.role = r
	k.arn = sessionARN(r, session)
	k.userID = r.id + ":" + session
}

// sessionARN returns the ARN of a session, without the role's path, as AWS does.
func sessionARN(r *role, session string) string {
	name := r.Name[strings.LastIndex(r.Name, "/")+1:]
	prefix, _, _ := strings.Cut(r.arn, ":iam::")
	return prefix + ":sts::" + r.Account + ":assumed-role/" + name + "/" + session
}

func assumeRoleResult(k *credential, packed int) any {
	type assumed struct{ AssumedRoleId, Arn string }
	return struct {
		Credentials      sessionXML
		AssumedRoleUser  assumed
		PackedPolicySize int    `xml:",omitempty"`
		SourceIdentity   string `xml:",omitempty"`
	}{k.sessionXML(), assumed{k.userID, k.arn}, packed, k.sourceIdentity}
}
