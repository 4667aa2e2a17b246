package app

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

// Hop is one step of the way from a profile to where its credentials come from.
type Hop struct {
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

// The kinds of Hop, as JSON has them.
const (
	HopRole    = "role"
	HopStored  = "stored_key"
	HopSSO     = "identity_center"
	HopProcess = "credential_process"
	HopWeb     = "web_identity"
	HopHost    = "credential_source"
	HopLogin   = "aws_login"
	HopFile    = "temporary_key"
)

// Chain lists the steps, from the profile down to where its credentials come from.
func Chain(p profiles.Profile) []Hop {
	var hops []Hop
	s := p.Source
	for ; s.Role != nil; s = s.Role.Source {
		hops = append(hops, roleHop(s.Role))
	}
	switch {
	case s.Stored != nil:
		hops = append(hops, Hop{Kind: HopStored, Profile: s.Stored.Profile, MFASerial: s.Stored.MFASerial, Seconds: seconds(s.Stored.Duration)})
	case s.SSO != nil:
		hops = append(hops, Hop{
			Kind: HopSSO, SSOSession: s.SSO.Session, StartURL: s.SSO.StartURL, Region: s.SSO.Region, Account: s.SSO.Account, Role: s.SSO.Role,
		})
	case s.Process != nil:
		program, _ := profiles.Show("credential_process", s.Process.Command)
		hops = append(hops, Hop{Kind: HopProcess, Profile: s.Process.Profile, Program: program})
	case s.WebIdentity != nil:
		hops = append(hops, webHop(s.WebIdentity))
	case s.Host != nil:
		hops = append(hops, Hop{Kind: HopHost, Place: s.Host.Kind})
	case s.Login != nil:
		hops = append(hops, Hop{Kind: HopLogin, Login: s.Login.Session, Region: s.Login.Region})
	case s.Temporary != nil:
		hops = append(hops, fileHop(s.Temporary))
	}
	return hops
}

func fileHop(t *profiles.Temporary) Hop {
	h := Hop{Kind: HopFile, Profile: t.Profile}
	if t.Session.AccessKeyID != "" {
		h.Place = t.At.String()
	}
	h.Program, _ = profiles.Show(renewSetting, t.Renewer.Command)
	return h
}

// RenewProgram is the program that writes the temporary key which a chain begins with, "" if it
// is not known.
func RenewProgram(chain []Hop) string {
	if n := len(chain); n > 0 && chain[n-1].Kind == HopFile {
		return chain[n-1].Program
	}
	return ""
}

func roleHop(r *profiles.Role) Hop {
	h := Hop{
		Kind: HopRole, Profile: r.Profile, ARN: r.ARN, SessionName: r.SessionName, ExternalID: r.ExternalID, MFASerial: r.MFASerial,
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

func webHop(w *profiles.WebIdentity) Hop {
	program, _ := profiles.Show("web_identity_token_process", w.Process)
	return Hop{
		Kind: HopWeb, Profile: w.Profile, ARN: w.ARN, SessionName: w.SessionName, Seconds: seconds(w.Duration), Region: w.Region,
		PolicyARNs: w.PolicyARNs, TokenFile: w.TokenFile, Program: program,
	}
}

// SourceText says where a session comes from, from the profile down.
func SourceText(p profiles.Profile) string {
	var words []string
	for _, h := range Chain(p) {
		words = append(words, h.Words())
	}
	return strings.Join(words, " < ")
}

// seconds is a duration in whole seconds.
func seconds(d time.Duration) int { return int(d / time.Second) }

// Words says a step in a few words.
func (h Hop) Words() string {
	switch h.Kind {
	case HopRole:
		return "role " + h.ARN
	case HopStored:
		return "key stored for " + h.Profile
	case HopFile:
		words := "temporary key"
		if h.Place != "" {
			words += " in " + h.Place
		}
		if h.Program != "" {
			words += " that " + h.Program + " writes"
		}
		return words
	case HopSSO:
		return "role " + h.Role + " of account " + h.Account + " in Identity Center " + cmp.Or(h.SSOSession, h.StartURL)
	case HopProcess:
		return "credential_process " + cmp.Or(h.Program, "of "+h.Profile)
	case HopWeb:
		return "role " + h.ARN + " for a web identity"
	case HopHost:
		return "credential_source " + h.Place
	}
	return "aws login of " + h.Login
}

// Need is something that a sign-in will ask for.
type Need struct {
	Kind   string `json:"kind"`
	Device string `json:"device,omitempty"` // of an MFA code
	URL    string `json:"url,omitempty"`    // of a directory
}

// needs works out what a sign-in will ask for when nothing is cached, in order.
func needs(p profiles.Profile) []Need {
	needs := []Need{}
	code := func(serial, process string) {
		n := Need{Kind: "mfa_code", Device: serial}
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
	switch s := Origin(p); {
	case s.SSO != nil:
		needs = append(needs, Need{Kind: "browser", URL: s.SSO.Directory()})
	case s.Login != nil:
		needs = append(needs, Need{Kind: "aws_login"})
	case s.Process != nil:
		needs = append(needs, Need{Kind: "credential_process"})
	case s.Temporary != nil && s.Temporary.Renewer.Command != "":
		needs = append(needs, Need{Kind: "renew_command"})
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

// Words says in a few words what is needed.
func (n Need) Words() string {
	switch n.Kind {
	case "mfa_code":
		return "an MFA code of " + n.Device
	case "mfa_process":
		return "an MFA code of " + n.Device + ", which mfa_process gives"
	case "browser":
		return fmt.Sprintf("a sign-in in the browser at %s, unless you are signed in already", n.URL)
	case "aws_login":
		return "a sign-in with aws login, unless you are signed in already"
	}
	if n.Kind == "renew_command" {
		return "what the vault_renew_command asks for, when the key has ended"
	}
	return "what the credential_process asks for"
}
