package profiles

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// This file finds what the AWS tools ignore without a word and what was probably meant by it:
// sections whose header has another form than the tools look for, and keys that nearly are a
// setting. This program ignores them too, and says so.

// Ignored is a section that the AWS tools ignore, or take for another one.
type Ignored struct {
	At     Place
	Header string // as it is written, without the brackets
	Kind   string // of what was meant: profile, sso-session or services
	Name   string // of what was meant
	Write  string // the header that it should have, with its brackets
}

// String says what is ignored, where, and what to write.
func (x Ignored) String() string {
	return x.what() + "; write " + x.Write
}

func (x Ignored) what() string {
	return fmt.Sprintf("%s: the AWS tools ignore [%s]", x.At, short(x.Header))
}

// noSection is the reason why a section that a setting names cannot be used.
func (s *Set) noSection(kind, name string, names []string) string {
	text := "there is no " + kind + " section of that name" + nearby(name, names)
	for _, x := range s.ignoredFor(kind, name) {
		text += "; " + x.String()
	}
	return text
}

// Ignored lists the sections that are ignored and were probably meant to be a profile, an
// sso-session or services, in the order of the files.
func (s *Set) Ignored() []Ignored {
	if s.credentials == nil || s.credentials.path == s.path {
		return s.ignored()
	}
	return slices.Concat(s.ignored(), s.credentials.ignored())
}

// findIgnored is called by Set.ignored.
func (s *Set) findIgnored() (list []Ignored) {
	for i := range s.sections {
		if kind, _ := s.meaning(&s.sections[i]); !s.bare && kind != otherSection {
			continue
		}
		if x, ok := (part{s, &s.sections[i]}).ignored(); ok {
			list = append(list, x)
		}
	}
	return list
}

// ignoredFor lists those that were meant to be of this kind and name.
func (s *Set) ignoredFor(kind, name string) []Ignored {
	var all []Ignored
	if s.asked.Load() > fewNames {
		all = s.Ignored()
	} else {
		all = s.alike(name)
	}
	var list []Ignored
	for _, x := range all {
		if x.Kind == kind && strings.EqualFold(x.Name, name) {
			list = append(list, x)
		}
	}
	return list
}

// alike is Ignored without the headers that cannot have been meant to name a profile. A file may
// have 5,000 headers, of which hardly one can.
func (s *Set) alike(name string) (list []Ignored) {
	end := tailOf(name)
	same := end.sameBits(len(name))
	for _, file := range [...]*Set{s, s.credentials} {
		if file == nil || file != s && file.path == s.path {
			continue
		}
		for i := range file.sections {
			if t := file.sections[i].tail; (t^end)&same != 0 && t.endsName() {
				continue
			}
			if x, ok := (part{file, &file.sections[i]}).ignored(); ok {
				list = append(list, x)
			}
		}
	}
	return list
}

// What is no ASCII in a tail, and what makes ASCII lower case.
const signs, upper = 0x80808080, 0x20202020

// sameBits are the bits that the tail of a header has in common with that of the name, of n bytes, for
// which it was meant; none where that cannot be told, because more than case may differ.
func (t tail) sameBits(n int) tail {
	if t&signs != 0 {
		return 0
	}
	return tailMask(n) &^ upper
}

// endsName reports whether a header ends as a name does. Otherwise what stands at the end may not
// belong to the name.
func (t tail) endsName() bool {
	last := byte(t) | 0x20
	return t&signs == 0 && (last-'a' < 26 || last-'0' < 10)
}

// ignored reads a section that is not what its header seems to say.
func (p part) ignored() (Ignored, bool) {
	header := p.file.header(p.section)
	x := Ignored{At: Place{p.file.path, p.file.line(p.section)}, Header: header}
	if p.file.bare {
		x.Kind, x.Name = meantHeader(header)
		x.Write = "[" + x.Name + "]"
		return x, x.Kind == "profile" && x.Name != header && x.Name != ""
	}
	if kind, _ := p.file.meaning(p.section); kind != otherSection {
		return x, false
	}
	if x.Kind, x.Name = mistypedHeader(header); x.Kind == "" {
		x.Kind, x.Name = meantHeader(header)
	}
	if x.Kind == "" {
		return x, false
	}
	written, err := renderHeader(x.Name)
	if x.Write = written; x.Kind != "profile" {
		x.Write = strings.Replace(written, "[profile ", "["+x.Kind+" ", 1)
	}
	return x, err == nil
}

// meantOtherwise reports whether a header of a credentials file has a word that belongs into
// a config file.
func meantOtherwise(header string) bool {
	kind, name := meantHeader(header)
	return kind != "" && (kind != "profile" || name != unquoted(trimSpace(header)))
}

// otherSections are those that the AWS CLI has a use for.
var otherSections = []string{"plugins", "preview", "toolkit"}

// meantHeader returns what a header was probably meant to be: [Profile prod] and
// [sso_session corp] have a word that is nearly right, [profile my project] lacks quotes, and
// [prod] lacks the word. kind is "" where nothing can be told.
func meantHeader(header string) (kind, name string) {
	text := trimSpace(header)
	if strings.EqualFold(text, "default") {
		return "profile", "default"
	}
	for _, known := range otherSections {
		if strings.EqualFold(text, known) {
			return "", ""
		}
	}
	for _, x := range [...]struct{ spelling, kind string }{
		{"sso-session", "sso-session"}, {"sso_session", "sso-session"}, {"sso session", "sso-session"}, {"ssosession", "sso-session"},
		{"services", "services"}, {"service", "services"}, {"profiles", "profile"}, {"profile", "profile"}, {"profil", "profile"},
	} {
		if len(text) < len(x.spelling) || !strings.EqualFold(text[:len(x.spelling)], x.spelling) {
			continue
		}
		rest := text[len(x.spelling):]
		if name := strings.Trim(rest, " \t\"'=:._-"); name == "" || name != rest {
			return x.kind, name
		}
	}
	return "profile", unquoted(text)
}

// unquoted takes away quotation marks around the whole of a text.
func unquoted(text string) string {
	if n := len(text); n > 2 && text[0] == text[n-1] && strings.ContainsRune(`"'`, rune(text[0])) {
		return text[1 : n-1]
	}
	return text
}

// mistypedHeader returns what a header was meant to be whose first word is one keystroke away
// from the right one, as in [sso-sesion corp] and [proifle prod]; "" for any other header.
func mistypedHeader(header string) (kind, name string) {
	word, name, _ := strings.Cut(trimSpace(header), " ")
	if name = strings.Trim(name, " \t\"'"); name == "" {
		return "", ""
	}
	m := newMatcher(word)
	m.limit = 1
	for _, kind := range [...]string{"sso-session", "services", "profile"} {
		if m.distance(kind) == 1 {
			return kind, name
		}
	}
	return "", ""
}

// knownKeys are the settings of the AWS tools and of this program, and those of other
// programs that look like them.
var knownKeys = strings.Fields(`
	vault_description
	account_id_endpoint_mode api_versions auth_scheme_preference aws_access_key_id aws_account_id aws_secret_access_key aws_session_token
	aws_security_token ca_bundle cli_auto_prompt cli_binary_format cli_follow_urlparam cli_help_output cli_history cli_pager
	cli_timestamp_format connect_timeout credential_process credential_source defaults_mode disable_request_compression duration_seconds
	ec2_metadata_service_endpoint ec2_metadata_service_endpoint_mode ec2_metadata_v1_disabled endpoint_discovery_enabled endpoint_url
	external_id ignore_configured_endpoint_urls login_session max_attempts metadata_service_num_attempts metadata_service_timeout mfa_serial
	output parameter_validation read_timeout region request_checksum_calculation request_min_compression_size_bytes
	response_checksum_validation retry_mode role_arn role_session_name s3_disable_express_session_auth s3_disable_multiregion_access_points
	s3_use_arn_region s3_us_east_1_regional_endpoint sdk_ua_app_id services sigv4a_signing_region_set source_profile sso_account_id
	sso_account_name sso_auto_populated sso_region sso_registration_scopes sso_role_name sso_session sso_start_url sts_regional_endpoints
	tcp_keepalive use_dualstack_endpoint use_fips_endpoint user_agent_appid user_agent_extra web_identity_token_file
	include_profile mfa_process parent_profile session_tags transitive_session_tags source_identity web_identity_token_process
	vault_mode vault_protected vault_read_only vault_agents vault_color vault_max_duration vault_browser vault_console_browser vault_browser_profile vault_container vault_auto_renew vault_renew_command vault_renew_silently vault_sso_flow vault_allow_roles vault_sso_session
	vault_sso_account_id vault_sso_role_name x_principal_arn x_security_token_expires aws_session_expiration aws_expiration
	granted_sso_start_url granted_sso_region granted_sso_account_id granted_sso_role_name granted_sso_registration_scopes
	granted_description granted_color granted_icon granted_skip_credential_process_validation common_fate_generated_from common_fate_url
	aws_credential_expiration expiration manager autoawsume source_expiration awsumepy_command signature_version payload_signing_enabled addressing_style
`)

// sourceKeys are the settings without which a profile has other credentials.
var sourceKeys = strings.Fields(`
	role_arn source_profile include_profile credential_source credential_process login_session sso_session sso_start_url sso_account_id
	sso_role_name web_identity_token_file web_identity_token_process aws_access_key_id aws_secret_access_key aws_session_token
	granted_sso_start_url granted_sso_region granted_sso_account_id granted_sso_role_name
`)

// otherWords are names that people give to a setting.
var otherWords = map[string]string{
	"aws_access_key": settingID, "aws_secret_key": settingSecret, "aws_token": settingToken, "duration": "duration_seconds",
	"role": "role_arn", "mfa_arn": "mfa_serial", "mfa_device": "mfa_serial", "mfa_serial_number": "mfa_serial", "session_name": "role_session_name",
	"sso_url": "sso_start_url", "sso_account": "sso_account_id", "sso_role": "sso_role_name", "default_region": "region", "aws_region": "region",
}

// isKnown reports whether a key is a setting.
var isKnown = sync.OnceValue(func() map[string]bool {
	m := make(map[string]bool, len(knownKeys))
	for _, key := range knownKeys {
		m[key] = true
	}
	return m
})

// squeezed maps each known key without its separators to the key.
var squeezed = sync.OnceValue(func() map[string]string {
	m := make(map[string]string, len(knownKeys))
	for _, key := range knownKeys {
		m[squeeze(key)] = key
	}
	return m
})

func squeeze(key string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("_-. ", r) {
			return -1
		}
		return r
	}, key)
}

// meantKey returns the setting that was probably meant by a key that is none; "" when the
// key is one, or nothing near.
func meantKey(key string) string {
	if isKnown()[key] {
		return ""
	}
	plain := squeeze(key)
	if known := squeezed()[plain]; known != "" {
		return known
	}
	if known := otherWords[key]; known != "" || len(plain) < 6 {
		return known
	}
	m := newMatcher(plain)
	m.limit = 1
	if len(plain) >= 10 {
		m.limit = 2
	}
	best, least := "", m.limit+1
	for _, known := range knownKeys {
		if d := m.distance(squeeze(known)); d < least {
			best, least = known, d
		}
	}
	return best
}

// misspelt lists the keys of a layer that nearly are a setting which the layer does not have.
func (l layer) misspelt() []Warning {
	var list []Warning
	for _, p := range l {
		_, name := p.file.meaning(p.section)
		for _, e := range p.own() {
			meant := meantKey(e.Key)
			if meant == "" {
				continue
			}
			if _, has := l.lookup(meant); has {
				continue
			}
			w := Warning{File: p.file.path, Line: e.Line, Profile: name, Key: e.Key, Why: "the AWS tools ignore it, because there is no such setting; write " + meant}
			if slices.Contains(sourceKeys, meant) {
				w.Cure = fmt.Sprintf("write %s in place of %s in %s", meant, e.Key, place(w.File, w.Line))
			}
			list = append(list, w)
		}
	}
	return list
}
