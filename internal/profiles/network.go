package profiles

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Network says how AWS is reached for a profile. The zero value is AWS's default.
type Network struct {
	Endpoints   map[string]string // URLs, by the Service… constants; nil when there are none
	FIPS        bool
	DualStack   bool
	CABundle    string // a file of certificates; "" for the system's
	LegacySTS   bool   // use the global STS in the regions that once used it, see STSRegion
	MaxAttempts int    // how often a call is tried; 0 for the default
	RetryMode   string // legacy, standard or adaptive, "" for the default

	// Origins says where CABundle ("ca_bundle") and the Endpoints (their services) are set,
	// for messages: a variable, or a key with file and line. nil when none is.
	Origins map[string]string

	// Variables tell a tool that does not read the profile the same, for every service that
	// the profile names; only what the file says is in them. nil when it says nothing.
	Variables map[string]string
}

// The services whose endpoint can be set, with the names that a services section has.
const (
	ServiceSTS     = "sts"
	ServiceIAM     = "iam"
	ServiceSSO     = "sso"
	ServiceSSOOIDC = "sso_oidc"
	ServiceSignin  = "signin"
)

var services = [...]string{ServiceSTS, ServiceIAM, ServiceSSO, ServiceSSOOIDC, ServiceSignin}

// legacySTS lists the regions in which the global STS was the default.
var legacySTS = []string{
	"ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1",
	"eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
}

// STSRegion returns the region with which the endpoint of STS is resolved: the given one, or
// "aws-global" if sts_regional_endpoints says that the global endpoint is to be used.
func (n Network) STSRegion(region string) string {
	if n.LegacySTS && !n.FIPS && !n.DualStack && slices.Contains(legacySTS, region) {
		return "aws-global"
	}
	return region
}

// network reads the Network of a profile. It is used for all calls of its chain.
func (c *chain) network(v *view) (Network, error) {
	n := Network{
		FIPS:        v.yes("use_fips_endpoint"),
		DualStack:   v.yes("use_dualstack_endpoint"),
		CABundle:    c.file(v, "ca_bundle"),
		LegacySTS:   v.choice("sts_regional_endpoints", "regional", "legacy") == "legacy",
		MaxAttempts: v.attempts("max_attempts"),
		RetryMode:   v.choice("retry_mode", "legacy", "standard", "adaptive"),
	}
	if e, ok := v.find("ca_bundle"); ok {
		n.setAt("ca_bundle", v.place(e, "ca_bundle"))
	}
	ignore := v.yes("ignore_configured_endpoint_urls")
	n.Variables = c.networkVariables(v)
	if v.err != nil || ignore {
		return n, v.err
	}
	block, err := c.services(v)
	if err != nil {
		return n, err
	}
	for _, service := range services {
		url, at := c.endpoint(v, block, service)
		if url == "" {
			continue
		}
		if n.Endpoints == nil {
			n.Endpoints = map[string]string{}
		}
		n.Endpoints[service] = url
		n.setAt(service, at)
	}
	n.addEndpointVariables(v, block)
	return n, v.err
}

// networkVariables returns the settings of the file about the network as variables, but for
// the endpoints.
func (c *chain) networkVariables(v *view) map[string]string {
	var list map[string]string
	for _, x := range variables {
		if !x.network {
			continue
		}
		e, ok := v.find(x.key)
		if !ok || e.variable != "" {
			continue
		}
		if list == nil {
			list = map[string]string{}
		}
		list[x.name] = c.complete(x.key, lowerBool(e.Value))
	}
	return list
}

// lowerBool writes true and false as every tool understands them.
func lowerBool(text string) string {
	if low := strings.ToLower(text); low == "true" || low == "false" {
		return low
	}
	return text
}

// addEndpointVariables adds the endpoints of a profile and of its services section.
func (n *Network) addEndpointVariables(v, block *view) {
	add := func(name, url string) {
		if !isURL(url) || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
			return
		}
		if n.Variables == nil {
			n.Variables = map[string]string{}
		}
		n.Variables[name] = url
	}
	const all = "AWS_ENDPOINT_URL"
	if e, ok := v.find("endpoint_url"); ok && e.variable == "" {
		add(all, e.Value)
	}
	for _, l := range block.layers {
		for _, e := range l.settings() {
			add(all+"_"+strings.ToUpper(e.Key), e.Nested()["endpoint_url"])
		}
	}
}

func (n *Network) setAt(key, place string) {
	if n.Origins == nil {
		n.Origins = map[string]string{}
	}
	n.Origins[key] = place
}

// endpoint returns the URL of a service and where it is set, "" for AWS's default: from the
// environment, first for the service and then for all; then from the file, in the same order.
func (c *chain) endpoint(v, block *view, service string) (url, at string) {
	all := "AWS_ENDPOINT_URL"
	for _, name := range [...]string{all + "_" + strings.ToUpper(service), all} {
		if url := c.over.Env[name]; url != "" {
			e := found{Setting: Setting{Key: name, Value: url}, variable: name}
			v.note(endpointKey(service), e)
			return v.checkURL(e), name
		}
	}
	if e, ok := block.find(service); ok {
		if url := e.Nested()["endpoint_url"]; url != "" {
			e.Value = url
			v.note(endpointKey(service), e)
			return v.checkURL(e), block.place(e, endpointKey(service))
		}
	}
	if e, ok := v.find("endpoint_url"); ok && v.str("endpoint_url") != "" {
		return v.checkURL(e), v.place(e, "endpoint_url")
	}
	return "", ""
}

func endpointKey(service string) string { return "endpoint_url of " + service }

// file reads a setting that names a file; "" when it is not set.
func (c *chain) file(v *view, key string) string { return c.complete(key, v.str(key)) }

// complete completes the path in a setting that names a file; other values stay.
func (c *chain) complete(key, value string) string {
	if value == "" || c.over.Path == nil || key != "ca_bundle" && key != "web_identity_token_file" {
		return value
	}
	return c.over.Path(value)
}

// services opens the services section that a profile names. It is empty when the profile
// names none.
func (c *chain) services(v *view) (*view, error) {
	block := &view{set: c.set, name: v.name}
	name := v.str("services")
	if name == "" || v.err != nil {
		return block, v.err
	}
	at, ok := c.set.find(servicesSection, name)
	if !ok {
		v.rejectKey("services", c.set.noSection("services", name, c.set.namesOf(servicesSection)))
		return block, v.err
	}
	l := c.set.only(at)
	block.layers = []layer{l}
	return block, l.damage()
}

// nearby is the end of a sentence about a name that does not exist.
func nearby(name string, names []string) string {
	close := near(name, names)
	if len(close) == 0 {
		return ""
	}
	return ", but there is " + strconv.Quote(close[0])
}

// checkURL returns the value if it is a URL. Otherwise a later error would be less clear.
func (v *view) checkURL(e found) string {
	if e.Value != v.url && !isURL(e.Value) {
		v.reject(e, notURL)
		return ""
	}
	v.url = e.Value
	return e.Value
}

const notURL = "it must be a valid address that begins with https:// or http://, without white space"

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && !strings.ContainsFunc(s, isSpace)
}

// yes reads a setting that is true or false. botocore takes every other word for false;
// here it is an error, because true may have been meant.
func (v *view) yes(key string) bool {
	switch text := v.str(key); strings.ToLower(text) {
	case "true":
		return true
	case "", "false":
	default:
		v.rejectKey(key, "it must be true or false")
	}
	return false
}

// choice reads a setting that has one of some values; "" when it is not set.
func (v *view) choice(key string, of ...string) string {
	text := v.str(key)
	if text != "" && !slices.Contains(of, text) {
		v.rejectKey(key, "it must be one of "+strings.Join(of, ", "))
		return ""
	}
	return text
}

// attempts reads a number of attempts; 0 when it is not set.
func (v *view) attempts(key string) int {
	text := v.str(key)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1000 {
		v.rejectKey(key, "it must be a whole number from 1 to 1000")
		return 0
	}
	return n
}
