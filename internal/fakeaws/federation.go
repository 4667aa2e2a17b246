package fakeaws

import (
	"net/http"
	"time"
)

// This file is GetFederationToken: a user gives a part of their permissions to a federated
// user with a name of its own. The console can be opened with it.

func getFederationToken(s *Server, c *call) (any, *apiError) {
	if c.who.temporary() {
		return nil, refuse(http.StatusForbidden, "AccessDenied", "Cannot call GetFederationToken with session credentials")
	}
	seconds, fail := c.number("DurationSeconds", int((12 * time.Hour).Seconds()))
	if fail != nil {
		return nil, fail
	}
	name, policies := c.params.Get("Name"), members(c.params, "PolicyArns", "arn")
	var v checks
	v.required("name", name)
	v.text("name", name, 2, 32, `[\w+=,.@-]*`)
	v.between("durationSeconds", seconds, int(s.opts.MinDuration.Seconds()), int(maxUserSession.Seconds()))
	v.count("policyArns", len(policies), 10)
	if fail := v.fail(); fail != nil {
		return nil, fail
	}
	if fail := checkPolicy(c.params.Get("Policy")); fail != nil {
		return nil, fail
	}
	q := AssumeRoleCall{Policy: c.params.Get("Policy"), PolicyARNs: policies}
	packed, fail := q.packedSize()
	if fail != nil {
		return nil, fail
	}
	k, fail := s.session(c, c.who.account, seconds)
	if fail != nil {
		return nil, fail
	}
	k.arn = "arn:" + s.opts.Partition + ":sts::" + k.account + ":federated-user/" + name
	k.userID = k.account + ":" + name
	k.federated, k.powerless = true, q.Policy == "" && len(policies) == 0
	type federated struct{ FederatedUserId, Arn string }
	return struct {
		Credentials      sessionXML
		FederatedUser    federated
		PackedPolicySize int `xml:",omitempty"`
	}{k.sessionXML(), federated{k.userID, k.arn}, packed}, nil
}

// checkFederated refuses what a federated user may never do, and everything if it was
// given no policy.
func (c *call) checkFederated() *apiError {
	switch {
	case !c.who.federated || c.action == "GetCallerIdentity":
		return nil
	case c.service == iamService:
		return invalidToken()
	case c.service == stsService || c.who.powerless:
		return c.accessDenied(c.resource())
	}
	return nil
}
