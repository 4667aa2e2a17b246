package cmd

import (
	"fmt"
	"time"

	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

// hop is one step of the way from a profile to where its credentials come from.
type hop struct {
	Kind           string            `json:"kind"`
	Profile        string            `json:"profile,omitempty"`
	ARN            string            `json:"arn,omitempty"`
	SessionName    string            `json:"session_name,omitempty"`
	ExternalID     string            `json:"external_id,omitempty"`
	MFASerial      string            `json:"mfa_serial,omitempty"`
	Seconds        int               `json:"duration_seconds,omitempty"`
	Region         string            `json:"region,omitempty"`
	Tags           map[string]string `json:"tags,omitempty"`
	Transitive     []string          `json:"transitive_tags,omitempty"`
	SourceIdentity string            `json:"source_identity,omitempty"`
	PolicyARNs     []string          `json:"policy_arns,omitempty"`
	SSOSession     string            `json:"sso_session,omitempty"`
	StartURL       string            `json:"start_url,omitempty"`
	Account        string            `json:"account,omitempty"`
	Role           string            `json:"role,omitempty"`
	Program        string            `json:"program,omitempty"`
	TokenFile      string            `json:"token_file,omitempty"`
	Place          string            `json:"place,omitempty"`
	Login          string            `json:"login_session,omitempty"`
}

// The kinds of hop, as JSON has them.
const (
	hopRole    = "role"
	hopStored  = "stored_key"
	hopSSO     = "identity_center"
	hopProcess = "credential_process"
	hopWeb     = "web_identity"
	hopHost    = "credential_source"
	hopLogin   = "aws_login"
)

// hopsOf lists the steps, from the profile down.
func hopsOf(p profiles.Profile) []hop {
	var hops []hop
	s := p.Source
	for ; s.Role != nil; s = s.Role.Source {
		hops = append(hops, roleHop(s.Role))
	}
	switch {
	case s.Stored != nil:
		hops = append(hops, hop{Kind: hopStored, Profile: s.Stored.Profile, MFASerial: s.Stored.MFASerial, Seconds: seconds(s.Stored.Duration)})
	case s.SSO != nil:
		hops = append(hops, hop{
			Kind: hopSSO, SSOSession: s.SSO.Session, StartURL: s.SSO.StartURL, Region: s.SSO.Region, Account: s.SSO.Account, Role: s.SSO.Role,
		})
	case s.Process != nil:
		program, _ := profiles.Show("credential_process", s.Process.Command)
		hops = append(hops, hop{Kind: hopProcess, Profile: s.Process.Profile, Program: program})
	case s.WebIdentity != nil:
		hops = append(hops, webHop(s.WebIdentity))
	case s.Host != nil:
		hops = append(hops, hop{Kind: hopHost, Place: s.Host.Kind})
	case s.Login != nil:
		hops = append(hops, hop{Kind: hopLogin, Login: s.Login.Session, Region: s.Login.Region})
	}
	return hops
}

func roleHop(r *profiles.Role) hop {
	h := hop{
		Kind: hopRole, Profile: r.Profile, ARN: r.ARN, SessionName: r.SessionName, ExternalID: r.ExternalID, MFASerial: r.MFASerial,
		Seconds: seconds(r.Duration), Region: r.Region, Transitive: r.TransitiveTagKeys, SourceIdentity: r.SourceIdentity, PolicyARNs: r.PolicyARNs,
	}
	for _, tag := range r.Tags {
		if h.Tags == nil {
			h.Tags = map[string]string{}
		}
		h.Tags[tag.Key] = tag.Value
	}
	return h
}

func webHop(w *profiles.WebIdentity) hop {
	program, _ := profiles.Show("web_identity_token_process", w.Process)
	return hop{
		Kind: hopWeb, Profile: w.Profile, ARN: w.ARN, SessionName: w.SessionName, Seconds: seconds(w.Duration), Region: w.Region,
		PolicyARNs: w.PolicyARNs, TokenFile: w.TokenFile, Program: program,
	}
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// words says a hop in a few words.
func (h hop) words() string {
	switch h.Kind {
	case hopRole:
		return "role " + h.ARN
	case hopStored:
		return "key stored for " + h.Profile
	case hopSSO:
		return "role " + h.Role + " of account " + h.Account + " in Identity Center " + or(h.SSOSession, h.StartURL)
	case hopProcess:
		return "credential_process " + or(h.Program, "of "+h.Profile)
	case hopWeb:
		return "role " + h.ARN + " for a web identity"
	case hopHost:
		return "credential_source " + h.Place
	}
	return "aws login of " + h.Login
}

// need is something a sign-in will ask for.
type need struct {
	Kind   string `json:"kind"`
	Device string `json:"device,omitempty"` // of an MFA code
	URL    string `json:"url,omitempty"`    // of a directory
}

// needsOf works out what a sign-in from nothing will ask for, in order.
func needsOf(p profiles.Profile) []need {
	needs := []need{}
	code := func(serial, process string) {
		n := need{Kind: "mfa_code", Device: serial}
		if process != "" {
			n.Kind = "mfa_process"
		}
		for _, known := range needs {
			if serial == "" || known == n {
				return
			}
		}
		if serial != "" {
			needs = append(needs, n)
		}
	}
	switch s := end(p.Source); {
	case s.SSO != nil:
		needs = append(needs, need{Kind: "browser", URL: s.SSO.Directory()})
	case s.Login != nil:
		needs = append(needs, need{Kind: "aws_login"})
	case s.Process != nil:
		needs = append(needs, need{Kind: "credential_process"})
	}
	plan := sessions.NewPlan(p)
	if plan.Session != nil {
		code(plan.Session.MFASerial, plan.Session.MFAProcess)
	}
	if plan.Base != nil {
		code(plan.Base.Source.Stored.MFASerial, plan.Base.Source.Stored.MFAProcess)
	}
	for _, r := range plan.Roles {
		code(r.MFASerial, r.MFAProcess)
	}
	return needs
}

// end is what a chain begins with.
func end(s profiles.Source) profiles.Source {
	for s.Role != nil {
		s = s.Role.Source
	}
	return s
}

func (n need) words() string {
	switch n.Kind {
	case "mfa_code":
		return "an MFA code of " + n.Device
	case "mfa_process":
		return "an MFA code of " + n.Device + ", which mfa_process gives"
	case "browser":
		return fmt.Sprintf("a sign-in in the browser at %s, unless one still lasts", n.URL)
	case "aws_login":
		return "a sign-in with aws login, unless one still lasts"
	}
	return "whatever the credential_process asks for"
}
