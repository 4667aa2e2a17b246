package fakeaws

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// This file judges roles' trust and the things that narrow or mark a session:
// policies and tags.

// trusts reports whether the role's trust policy lets who in.
func (r *role) trusts(who *credential, q *AssumeRoleCall) bool {
	if (r.Trust.MFA || r.Trust.MFAAge > 0) && !q.MFA || r.Trust.MFAAge > 0 && q.mfaAge > r.Trust.MFAAge {
		return false
	}
	if r.Trust.ExternalID != "" && r.Trust.ExternalID != q.ExternalID {
		return false
	}
	// A source identity, once set, goes down the chain unchanged.
	if who.sourceIdentity != "" && q.SourceIdentity != "" && q.SourceIdentity != who.sourceIdentity {
		return false
	}
	return slices.ContainsFunc(who.principals(), func(p string) bool {
		return slices.Contains(r.Trust.Principals, p)
	})
}

// principals are the names a trust policy may call a caller by.
func (k *credential) principals() []string {
	prefix, _, _ := strings.Cut(k.permissionsARN(), ":iam::")
	return []string{"*", k.account, prefix + ":iam::" + k.account + ":root", k.permissionsARN(), k.arn}
}

// statement is a statement of a policy, as far as its syntax is checked.
type statement struct {
	Effect                  string
	Action, NotAction       any
	Resource, NotResource   any
	Principal, NotPrincipal any
}

// checkPolicy checks the syntax of a session policy.
func checkPolicy(text string) *apiError {
	if text == "" {
		return nil
	}
	var doc struct {
		Version   string
		Statement json.RawMessage
	}
	if !json.Valid([]byte(text)) {
		return malformed("The policy is not in the valid JSON format.")
	}
	if json.Unmarshal([]byte(text), &doc) != nil {
		return malformed("Syntax errors in policy.")
	}
	var list []statement
	if err := json.Unmarshal(doc.Statement, &list); err != nil {
		list = make([]statement, 1)
		if json.Unmarshal(doc.Statement, &list[0]) != nil {
			return malformed("Syntax errors in policy.")
		}
	}
	version := doc.Version == "" || doc.Version == "2008-10-17" || doc.Version == "2012-10-17"
	if !version || len(list) == 0 || slices.ContainsFunc(list, statement.malformed) {
		return malformed("Syntax errors in policy.")
	}
	return nil
}

func (st statement) malformed() bool {
	effect := st.Effect == "Allow" || st.Effect == "Deny"
	action := (st.Action == nil) != (st.NotAction == nil)
	resource := (st.Resource == nil) != (st.NotResource == nil)
	return !effect || !action || !resource || st.Principal != nil || st.NotPrincipal != nil
}

func malformed(message string) *apiError {
	return refuse(http.StatusBadRequest, "MalformedPolicyDocument", "%s", message)
}

const (
	maxPlainPolicy = 2048 // characters of policy and policy ARNs together
	// AWS packs policies and tags into a binary form that is not documented, and says
	// only how full it is. Here it is deflate, into this many bytes.
	packedSpace = 1024
)

// packedSize returns how many percent of the space for policies and tags the session takes,
// or an error if that is more than 100.
func (q *AssumeRoleCall) packedSize() (int, *apiError) {
	policies := q.Policy + strings.Join(q.PolicyARNs, "\x00")
	var tags strings.Builder
	for _, k := range sortedKeys(q.Tags) {
		tags.WriteString(k + "\x00" + q.Tags[k] + "\x00")
	}
	percent := deflated(policies+tags.String()) * 100 / packedSpace
	if len(policies) > maxPlainPolicy {
		percent = max(percent, len(policies)*100/maxPlainPolicy+1)
	}
	switch {
	case percent <= 100:
		return percent, nil
	case deflated(policies) > deflated(tags.String()):
		return 0, tooLarge("Packed policy consumes %d%% of allotted space, please use smaller policy.", percent)
	}
	return 0, tooLarge("Packed size of session tags consumes %d%% of allotted space.", percent)
}

func tooLarge(format string, percent int) *apiError {
	return refuse(http.StatusBadRequest, "PackedPolicyTooLarge", format, percent)
}

func deflated(text string) int {
	if text == "" {
		return 0
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		return len(text)
	}
	_, _ = w.Write([]byte(text)) // into memory, which cannot fail
	_ = w.Close()
	return b.Len()
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// checkTags checks the form of session tags and of the list of transitive tag keys.
func checkTags(v *checks, p url.Values) {
	const letters = `[\p{L}\p{Z}\p{N}_.:/=+\-@]`
	keys := members(p, "Tags", "Key")
	v.count("tags", len(keys), 50)
	for _, k := range keys {
		v.text("tags.member.key", k, 1, 128, letters+"+")
	}
	for _, value := range members(p, "Tags", "Value") {
		v.text("tags.member.value", value, 0, 256, letters+"*")
	}
	transitive := members(p, "TransitiveTagKeys", "")
	v.count("transitiveTagKeys", len(transitive), 50)
	for _, k := range transitive {
		v.text("transitiveTagKeys.member", k, 1, 128, letters+"+")
	}
}

func duplicateTags(p url.Values) *apiError {
	seen := map[string]bool{}
	for _, k := range members(p, "Tags", "Key") {
		if seen[strings.ToLower(k)] {
			return refuse(http.StatusBadRequest, "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[strings.ToLower(k)] = true
	}
	return nil
}
