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

// IsRoot reports whether an ARN is that of an account's root user.
func IsRoot(text string) bool {
	_, resource := cutARN(text)
	return resource == "root"
}

// UserOf takes the account and the name out of an IAM user's ARN; the name is "" when it
// is not a user's.
func UserOf(text string) (account, name string) {
	account, resource := cutARN(text)
	path, is := strings.CutPrefix(resource, "user/")
	if !is {
		return account, ""
	}
	return account, path[strings.LastIndexByte(path, '/')+1:]
}

// RoleOf takes the account and the role out of an assumed role's ARN.
func RoleOf(text string) (account, role string) {
	account, resource := cutARN(text)
	role, _, _ = strings.Cut(strings.TrimPrefix(resource, "assumed-role/"), "/")
	return account, role
}

// IAMRoleOf takes the account and the name out of an IAM role's ARN.
func IAMRoleOf(text string) (account, role string) {
	account, resource := cutARN(text)
	path, is := strings.CutPrefix(resource, "role/")
	if !is {
		return account, ""
	}
	return account, path[strings.LastIndexByte(path, '/')+1:]
}

// cutARN returns the account and the resource of an ARN, "" twice for any other text.
func cutARN(text string) (account, resource string) {
	a, _ := arn.Parse(text)
	return a.AccountID, a.Resource
}
