package env

import (
	"slices"
	"sort"
	"strings"
)

// This file has the one table of the variables by which the AWS tools are told who to be.
// All of them are unset before a session is set, so that two identities never mix: one
// that stays is read by the tool that knows it, beside the session or in its place.
//
// Read from the sources of botocore 1.43 and the AWS CLI, the SDKs for Go (1.55, 2),
// JavaScript (2.1693, 3), Java (1.12, 2.31), .NET, Rust, PHP and Ruby, and of the AWS
// provider of Terraform. docs/identity-variables.md shows the table.
//
// Left alone: where files and endpoints are (AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE,
// AWS_CREDENTIAL_PROFILES_FILE, AWS_ENDPOINT_URL, ...), which the user sets on purpose (but
// see settings.go for what a profile says of them);
// BOTO_CONFIG, which Google's gsutil reads too; SECRET_ACCESS_KEY, which the SDK for Rust
// reads only beside an AWS_ACCESS_KEY_ID that has no AWS_SECRET_ACCESS_KEY.

// member is a variable of the table.
type member struct {
	Name    string
	Secret  bool // its value is a secret, or half of one
	Neutral bool // it does not change who one is
	What    string
	Readers string // the tools that read it
}

// bearerPrefix begins the names of tokens that are sent instead of a signature: the rest is the
// name of a service, so there is no list of them.
const bearerPrefix = "AWS_BEARER_TOKEN_"

var family = []member{
	{Name: keyID, Secret: true, What: "the id of the access key", Readers: "all"},
	{Name: secretKey, Secret: true, What: "the secret access key", Readers: "all"},
	{Name: sessionToken, Secret: true, What: "the session token", Readers: "all"},
	{Name: "AWS_SECURITY_TOKEN", Secret: true, What: "an older name of the session token", Readers: "AWS CLI, botocore"},
	{Name: "AWS_ACCESS_KEY", Secret: true, What: "an older name of the key's id", Readers: "Go 1 and 2, Java 1, Ruby"},
	{Name: "AWS_SECRET_KEY", Secret: true, What: "an older name of the secret access key", Readers: "Go 1 and 2, Java 1, .NET, Ruby"},
	{Name: "AMAZON_ACCESS_KEY_ID", Secret: true, What: "an older name of the key's id", Readers: "JavaScript 2, Ruby"},
	{Name: "AMAZON_SECRET_ACCESS_KEY", Secret: true, What: "an older name of the secret access key", Readers: "JavaScript 2, Ruby"},
	{Name: "AMAZON_SESSION_TOKEN", Secret: true, What: "an older name of the session token", Readers: "JavaScript 2, Ruby"},
	{Name: endpointToken, Secret: true, What: "the password of a credential endpoint", Readers: "all"},
	{Name: "AWS_ACCOUNT_ID", What: "the account, which becomes part of host names", Readers: "AWS CLI, botocore, Go 2, JavaScript 3, Java 1, .NET, Ruby, Rust"},
	{Name: "AWS_CREDENTIAL_SCOPE", What: "what the key may sign for", Readers: "JavaScript 3"},
	{Name: awsProfile, What: "the profile", Readers: "all"},
	{Name: "AWS_DEFAULT_PROFILE", What: "an older name of the profile", Readers: "AWS CLI, botocore, Go 1 and 2, Ruby"},
	{Name: "AWS_EB_PROFILE", What: "the profile", Readers: "Elastic Beanstalk CLI"},
	{Name: "AWS_CREDENTIAL_FILE", What: "a file with one key, in an older form", Readers: "AWS CLI, botocore"},
	{Name: "AWS_WEB_IDENTITY_TOKEN_FILE", What: "a file with a token to assume a role with", Readers: "all"},
	{Name: "AWS_ROLE_ARN", What: "the role to assume with that token", Readers: "all"},
	{Name: "AWS_ROLE_SESSION_NAME", Neutral: true, What: "the name of that session", Readers: "all"},
	{Name: endpointURL, What: "the address of a credential endpoint", Readers: "all"},
	{Name: "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", What: "the address of a credential endpoint", Readers: "all"},
	{Name: "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", What: "a file with the endpoint's password", Readers: "AWS CLI, botocore, Go 1 and 2, JavaScript 2 and 3, Java 1, Rust"},
	{Name: Expiration, Neutral: true, What: "when the session ends", Readers: "AWS CLI, botocore, JavaScript 3"},
	{Name: olderExpiration, Neutral: true, What: "when the session ends", Readers: "AWS Vault before version 7"},
	{Name: "AWS_SDK_LOAD_CONFIG", Neutral: true, What: "whether the config file is read", Readers: "Go 1, JavaScript 2"},
}

// Secrets are the variables that can hold a secret, or half of one. Their earlier values
// never pass through the program: the hook keeps them in the shell itself. SecretsIn adds
// those that only an environment can tell.
var Secrets = names(func(m member) bool { return m.Secret })

// Identity is every other variable of the family. Their earlier values hold no secret and
// are kept in the state.
var Identity = names(func(m member) bool { return !m.Secret })

// neutral are those of Identity that change nothing about who one is.
var neutral = names(func(m member) bool { return m.Neutral })

func names(of func(member) bool) []string {
	var list []string
	for _, m := range family {
		if of(m) {
			list = append(list, m.Name)
		}
	}
	return list
}

// SecretsIn lists Secrets and the bearer tokens that are in an environment, sorted.
func SecretsIn(current map[string]string) []string {
	list := slices.Clone(Secrets)
	for n := range current {
		if isBearer(n) {
			list = append(list, n)
		}
	}
	slices.Sort(list[len(Secrets):])
	return list
}

func isBearer(name string) bool { return strings.HasPrefix(name, bearerPrefix) }

// Alone returns changes and, for every variable of the family that they do not set, its
// removal: what code must do that makes a session the only identity of an environment. The
// settings that an active session has brought go with it.
func Alone(current map[string]string, changes []Change) []Change {
	list := slices.Clone(changes)
	active, _ := StateOf(current)
	for _, n := range slices.Concat(SecretsIn(current), Identity, active.leftSettings(current)) {
		if !slices.ContainsFunc(changes, func(c Change) bool { return c.Name == n }) {
			list = append(list, unset(n))
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}
