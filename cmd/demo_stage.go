package cmd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/agent"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/shells"
	"github.com/d44b7504/vault/store"
)

// stage is where the demo plays: an AWS, a home and a keyring that exist only now.
type stage struct {
	aws  *fakeaws.Server
	dir  string
	pass string
	life time.Duration
}

func openStage(ctx context.Context, r *run, life time.Duration) (*stage, error) {
	aws, user, err := emulator()
	if err != nil {
		return nil, err
	}
	s := &stage{aws: aws, pass: rand.Text(), life: life}
	if s.dir, err = os.MkdirTemp("", "vault-demo-"); err == nil {
		err = s.makeHome(ctx, r, user)
	}
	if err != nil {
		s.tearDown()
		return nil, err
	}
	return s, nil
}

// makeHome makes the home: a config file, a keyring with one key, and the program
// under its name.
func (s *stage) makeHome(ctx context.Context, r *run, user string) error {
	// Where fish finds no generated completions it starts to make them, for minutes.
	for _, d := range []string{"home/.aws", "home/.local/share/fish/generated_completions", "run", "bin", "tmp"} {
		if err := os.MkdirAll(filepath.Join(s.dir, d), 0o700); err != nil {
			return err
		}
	}
	if err := os.WriteFile(s.inDir("home/.aws/config"), []byte(demoConfig), 0o600); err != nil {
		return err
	}
	if err := linkOrCopy(r.Self, s.inDir("bin/vault"+filepath.Ext(r.Self))); err != nil {
		return err
	}
	key, err := s.aws.AddKey(user)
	if err != nil {
		return err
	}
	pass := creds.New(s.pass)
	keys, err := r.OpenStore(ctx, store.Options{Backend: "file", FileDir: s.inDir("keys"), FilePassphrase: &pass})
	if err != nil {
		return err
	}
	return store.PutKey(ctx, keys, "base", key)
}

func (s *stage) inDir(rel string) string { return filepath.Join(s.dir, filepath.FromSlash(rel)) }

// runtimeDir is the stage's refresh.RuntimeDir.
func (s *stage) runtimeDir() refresh.Directory {
	if runtime.GOOS == "windows" {
		return refresh.Directory{Path: s.inDir("local/vault/run")}
	}
	return refresh.Directory{Path: s.inDir("run/vault")}
}

// tearDown removes everything, and ends the agent if the visitor has used one. A renewal that is
// under way holds its lock; waiting for it keeps it from writing into a directory that is gone. What
// a shell that was ended leaves running may still write for a moment, so it is tried again.
func (s *stage) tearDown() {
	_ = s.aws.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	dir := s.runtimeDir()
	_ = (&agent.Client{Dir: func() refresh.Directory { return dir }, Built: time.Now}).Stop(ctx)
	locks, _ := filepath.Glob(filepath.Join(dir.Path, "l", "*"))
	for _, l := range locks {
		_, _ = flock.New(l).TryLockContext(ctx, 20*time.Millisecond)
	}
	for range 20 {
		if os.RemoveAll(s.dir) == nil {
			time.Sleep(50 * time.Millisecond)
			if _, err := os.Lstat(s.dir); err != nil {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// stageEnviron is the user's environment with the stage in front of everything AWS.
func (s *stage) stageEnviron(outer []string) []string {
	path := env.Parse(outer)["PATH"]
	ttl := s.life.String()
	own := []string{
		"PATH=" + s.inDir("bin") + string(os.PathListSeparator) + path,
		"HOME=" + s.inDir("home"), "ZDOTDIR=" + s.inDir("home"), "XDG_RUNTIME_DIR=" + s.inDir("run"), "TMPDIR=" + s.inDir("tmp"),
		"XDG_CONFIG_HOME=" + s.inDir("home/.config"), "XDG_DATA_HOME=" + s.inDir("home/.local/share"),
		"AWS_CONFIG_FILE=" + s.inDir("home/.aws/config"), "AWS_SHARED_CREDENTIALS_FILE=" + s.inDir("home/.aws/credentials"),
		"AWS_ENDPOINT_URL=" + s.aws.URL(), "AWS_EC2_METADATA_DISABLED=true",
		"AWS_VAULT_BACKEND=file", "AWS_VAULT_FILE_DIR=" + s.inDir("keys"), "AWS_VAULT_FILE_PASSPHRASE=" + s.pass,
		"AWS_ASSUME_ROLE_TTL=" + ttl, "AWS_SESSION_TOKEN_TTL=" + ttl,
	}
	if runtime.GOOS == "windows" { // where the agent and all files of vault's own are; else they would be the person's
		own = append(own, "USERPROFILE="+s.inDir("home"), "LOCALAPPDATA="+s.inDir("local"), "TEMP="+s.inDir("tmp"), "TMP="+s.inDir("tmp"))
	}
	mine := env.Parse(own)
	var out []string
	for _, e := range outer {
		name, _, _ := strings.Cut(e, "=")
		if _, replaced := mine[name]; replaced || name == "BASH_ENV" || name == "ENV" || name == "PROMPT_COMMAND" ||
			strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "__VAULT_") || strings.HasPrefix(name, "XDG_") {
			continue
		}
		out = append(out, e)
	}
	return append(out, own...)
}

// prepareShell prepares a shell with the hook loaded and nothing else of the user's.
func (s *stage) prepareShell(path string, sh *shells.Shell, outer []string) (*exec.Cmd, error) {
	file := sh.StartFiles(shells.Places{OS: runtime.GOOS, Home: s.inDir("home")})[0]
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	line, err := sh.RCLine(usualName)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, []byte(sh.DemoStart+line+"\n"), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(path, sh.Interactive(file)...)
	cmd.Env = s.stageEnviron(outer)
	return cmd, nil
}

func linkOrCopy(from, to string) error {
	if os.Symlink(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copy the program: %w", err)
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// emulator starts the AWS of the demo: an account with a user and two roles.
func emulator() (*fakeaws.Server, string, error) {
	aws, err := fakeaws.Start(fakeaws.Options{MinDuration: time.Second})
	if err != nil {
		return nil, "", err
	}
	const account = "111122223333"
	user, err := aws.AddUser(account, "you")
	for _, role := range []string{"developer", "administrator"} {
		if err == nil {
			_, err = aws.AddRole(fakeaws.Role{
				Account: account, Name: role, Trust: fakeaws.Trust{Principals: []string{user}},
			})
		}
	}
	if err != nil {
		_ = aws.Close()
		return nil, "", err
	}
	aws.AddBucket(account, "a-bucket-of-the-demo")
	return aws, user, nil
}

const demoConfig = `# The profiles of the demo. A role is assumed with the key stored for "base".
[profile base]
region = eu-west-1

[profile dev]
role_arn = arn:aws:iam::111122223333:role/developer
source_profile = base
region = eu-west-1

[profile prod]
role_arn = arn:aws:iam::111122223333:role/administrator
source_profile = base
region = us-east-1
vault_color = bright-red
`
