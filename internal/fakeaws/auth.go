package fakeaws

import (
	"net/http"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// This file decides who is calling and whether they may.

// authenticate sets c.who, or returns why the caller is not known. It checks in AWS's
// order: whether the signature is for this service and for now, whose key it names,
// whether that key is still valid, and only then whether the signature is right.
func (s *Server) authenticate(c *call) *apiError {
	p, fail := readProof(c.request)
	if fail != nil {
		return fail
	}
	if fail := s.checkScope(p, c.service.name); fail != nil {
		return fail
	}
	if fail := p.checkTime(c.now); fail != nil {
		return fail
	}
	if s.elsewhere(p.region) {
		return invalidToken()
	}
	who := s.state.credentials[p.keyID]
	if who == nil || !who.active || !who.token.Equal(creds.New(p.token)) {
		return invalidToken()
	}
	if who.settles > 0 {
		who.settles--
		return invalidToken()
	}
	if s.opts.SessionsEndWithKeys && who.ended(s.state.credentials) {
		return invalidToken()
	}
	if who.expired(c.now) {
		return refuse(http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired")
	}
	hash, fail := c.payloadHash(p)
	if fail != nil {
		return fail
	}
	if !p.matches(c.request, hash, who.secret) {
		return mismatch("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	who.use(c.now, p)
	c.who = who
	return nil
}

// elsewhere reports whether a region belongs to another partition, where a key of this one is
// not known.
func (s *Server) elsewhere(region string) bool {
	if !s.opts.onePartition || len(s.opts.Regions) > 0 {
		return false
	}
	of := "aws"
	for prefix, partition := range map[string]string{"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"} {
		if strings.HasPrefix(region, prefix) {
			of = partition
		}
	}
	return of != s.opts.Partition
}

// payloadHash returns the hash that the signature should cover. STS and IAM hash the body
// that arrived; S3 accepts the declared hash if it is that of the body.
func (c *call) payloadHash(p *proof) (string, *apiError) {
	if c.service == s3Service {
		return c.s3PayloadHash(p)
	}
	return sha256Hex(c.body), nil
}

// authorize refuses what was denied with Deny or RevokeSessions, and what a session from
// GetSessionToken may not do unless it was made with MFA.
func (s *Server) authorize(c *call) *apiError {
	if c.service == iamService && c.who.isUserSession() && !c.who.mfa {
		return invalidToken()
	}
	if fail := c.checkFederated(); fail != nil {
		return fail
	}
	action, whose := c.service.name+":"+c.action, c.who.permissionsARN()
	revoked := c.who.temporary() && !c.who.created.After(s.state.revoked[whose])
	if c.action == "GetCallerIdentity" || !revoked && !s.state.denied[whose][action] {
		return nil
	}
	return c.accessDenied(c.resource())
}

func (c *call) accessDenied(resource string) *apiError {
	return refuse(http.StatusForbidden, "AccessDenied", "User: %s is not authorized to perform: %s:%s on resource: %s",
		c.who.arn, c.service.name, c.action, resource)
}

// resource returns what the error of a denied action names.
func (c *call) resource() string {
	switch {
	case c.service == iamService && c.params.Get("UserName") != "":
		return "user " + c.params.Get("UserName")
	case c.params.Get("RoleArn") != "":
		return c.params.Get("RoleArn")
	case c.service == s3Service:
		return "*"
	}
	return c.who.permissionsARN()
}

func invalidToken() *apiError {
	return refuse(http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
}

// use records when and where a key was last used, for GetAccessKeyLastUsed.
func (k *credential) use(now time.Time, p *proof) {
	k.lastUsed, k.lastService, k.lastRegion = now, p.service, p.region
}
