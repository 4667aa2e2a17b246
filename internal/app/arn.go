package app

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// AccountOf is the account in an ARN, "" where there is none.
func AccountOf(text string) string {
	account, _ := cutARN(text)
	return account
}

// isRoot reports whether an ARN is that of an account's root user.
func isRoot(text string) bool {
	_, resource := cutARN(text)
	return resource == "root"
}

// UserOf takes the account and the name out of an IAM user's ARN; the name is "" when it
// is not a user's.
func UserOf(text string) (account, name string) {
	return nameIn(text, "user/")
}

// roleOf takes the account and the role out of an assumed role's ARN.
func roleOf(text string) (account, role string) {
	account, resource := cutARN(text)
	role, _, _ = strings.Cut(strings.TrimPrefix(resource, "assumed-role/"), "/")
	return account, role
}

// iamRoleOf takes the account and the name out of an IAM role's ARN.
func iamRoleOf(text string) (account, role string) {
	return nameIn(text, "role/")
}

// nameIn takes the account and the name, without its path, out of an ARN of IAM; the name is ""
// when the resource is of another kind.
func nameIn(text, kind string) (account, name string) {
	account, resource := cutARN(text)
	if path, is := strings.CutPrefix(resource, kind); is {
		name = path[strings.LastIndexByte(path, '/')+1:]
	}
	return account, name
}

// cutARN returns the account and the resource of an ARN, "" twice for any other text.
func cutARN(text string) (account, resource string) {
	a, _ := arn.Parse(text)
	return a.AccountID, a.Resource
}
