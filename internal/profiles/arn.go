package profiles

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

const wantRole = "it must be a role's ARN, arn:aws:iam::ACCOUNT:role/NAME"

// roleOf returns the account, "" for the servers that have none, and the role, with its
// path, of a role's ARN; false for any other text.
func roleOf(text string) (account, role string, ok bool) {
	a, err := arn.Parse(text)
	role, is := strings.CutPrefix(a.Resource, "role/")
	return a.AccountID, role, err == nil && is && a.Service == "iam" && role != ""
}

// arnPartition returns the partition in an ARN, "" for any other text.
func arnPartition(text string) string {
	a, _ := arn.Parse(text)
	return a.Partition
}

// IsRoleARN reports whether a text is the ARN of a role. It is loose on purpose: AWS is the judge of names. It catches what would be
// a puzzling answer from AWS, such as a comment at the end of the line.
func IsRoleARN(text string) bool {
	_, _, ok := roleOf(text)
	return ok && !strings.ContainsFunc(text, isSpace) && arnPartition(text) != ""
}

// expandRole turns ACCOUNT:ROLE into an ARN of the partition; "" when it is neither
// that nor an ARN.
func expandRole(text, partition string) string {
	if IsRoleARN(text) {
		return text
	}
	account, role, ok := strings.Cut(text, ":")
	if !ok || len(account) != 12 || strings.Trim(account, "0123456789") != "" {
		return ""
	}
	role = strings.TrimPrefix(role, "role/")
	full := arn.ARN{Partition: partition, Service: "iam", AccountID: account, Resource: "role/" + role}.String()
	if strings.Contains(role, ":") || !IsRoleARN(full) {
		return ""
	}
	return full
}
