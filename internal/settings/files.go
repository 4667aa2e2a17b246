package settings

// File is a file or a directory that this program reads or writes.
type File struct{ Place, What string }

// Files returns those that a person may look for. docs/architecture.md has all of them.
func Files() []File {
	return []File{
		{"~/.aws/config", "the AWS config file; AWS_CONFIG_FILE names another one"},
		{"~/.aws/credentials", "the shared credentials file; AWS_SHARED_CREDENTIALS_FILE names another one"},
		{"~/.aws/sso/cache", "the sign-ins of the AWS CLI, which are used too"},
		{"~/.awsvault/age", "the keys of the age back end: recipients.txt and items/, encrypted, and own/ for this user alone"},
		{"~/.awsvault/keys", "the keys of the file back end, encrypted"},
		{"$XDG_STATE_HOME/vault", "journals of unfinished rotations, and the lists of recent profiles and of accounts; no secrets. Without the variable ~/.local/state/vault"},
		{"$XDG_RUNTIME_DIR/vault", "what terminals tell each other, and the socket of the agent; no secrets. Without the variable ~/.local/state/vault/run"},
	}
}
