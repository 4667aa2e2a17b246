package profiles

import "strings"

const wantRole = "it must be a role's ARN, arn:aws:iam::ACCOUNT:role/NAME"

// cutRole takes a role ARN apart; false when it is none. The role keeps its path.
func cutRole(arn string) (account, role string, ok bool) {
	rest, ok := strings.CutPrefix(arn, "arn:")
	if !ok {
		return "", "", false
	}
	_, rest, ok = strings.Cut(rest, ":iam::")
	if !ok {
		return "", "", false
	}
	account, role, ok = strings.Cut(rest, ":role/")
	return account, role, ok && account != "" && role != ""
}

// arnPartition is the second part of an ARN.
func arnPartition(arn string) string {
	rest, _ := strings.CutPrefix(arn, "arn:")
	partition, _, _ := strings.Cut(rest, ":")
	return partition
}

// isRoleARN is loose on purpose: AWS is the judge of names. It catches what would be
// a puzzling answer from AWS, such as a comment at the end of the line.
func isRoleARN(arn string) bool {
	_, _, ok := cutRole(arn)
	return ok && !strings.ContainsFunc(arn, isSpace) && arnPartition(arn) != ""
}

// expandRole turns ACCOUNT:ROLE into an ARN of the partition; "" when it is neither
// that nor an ARN.
func expandRole(text, partition string) string {
	if isRoleARN(text) {
		return text
	}
	account, role, ok := strings.Cut(text, ":")
	if !ok || len(account) != 12 || strings.Trim(account, "0123456789") != "" {
		return ""
	}
	role = strings.TrimPrefix(role, "role/")
	arn := "arn:" + partition + ":iam::" + account + ":role/" + role
	if strings.Contains(role, ":") || !isRoleARN(arn) {
		return ""
	}
	return arn
}
