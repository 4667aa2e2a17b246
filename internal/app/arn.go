package app

import "strings"

// AccountOf is the account in an ARN, "" where there is none.
func AccountOf(arn string) string {
	account, _ := cutARN(arn)
	return account
}

// IsRoot reports whether an ARN is that of an account's root user.
func IsRoot(arn string) bool {
	_, resource := cutARN(arn)
	return resource == "root"
}

// UserOf takes the account and the name out of an IAM user's ARN; the name is "" when it
// is not a user's.
func UserOf(arn string) (account, name string) {
	account, resource := cutARN(arn)
	path, is := strings.CutPrefix(resource, "user/")
	if !is {
		return account, ""
	}
	return account, path[strings.LastIndexByte(path, '/')+1:]
}

// RoleOf takes the account and the role out of an assumed role's ARN.
func RoleOf(arn string) (account, role string) {
	account, resource := cutARN(arn)
	role, _, _ = strings.Cut(strings.TrimPrefix(resource, "assumed-role/"), "/")
	return account, role
}

func cutARN(arn string) (account, resource string) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return "", ""
	}
	return parts[4], parts[5]
}
