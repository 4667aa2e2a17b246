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

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
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
		err = s.furnish(ctx, r, user)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// furnish makes the home: a config file, a keyring with one key, and the program
// under its name.
func (s *stage) furnish(ctx context.Context, r *run, user string) error {
	// Where fish finds no generated completions it starts to make them, for minutes.
	for _, d := range []string{"home/.aws", "home/.local/share/fish/generated_completions", "run", "bin", "tmp"} {
		if err := os.MkdirAll(filepath.Join(s.dir, d), 0o700); err != nil {
			return err
		}
	}
	if err := os.WriteFile(s.path("home/.aws/config"), []byte(demoConfig), 0o600); err != nil {
		return err
	}
	if err := linkOrCopy(r.Self, s.path("bin/vault"+filepath.Ext(r.Self))); err != nil {
		return err
	}
	key, err := s.aws.AddKey(user)
	if err != nil {
		return err
	}
	pass := creds.New(s.pass)
	keys, err := r.OpenStore(ctx, store.Options{Backend: "file", FileDir: s.path("keys"), FilePassphrase: &pass})
	if err != nil {
		return err
	}
	return store.PutKey(ctx, keys, "base", key)
}

func (s *stage) path(rel string) string { return filepath.Join(s.dir, filepath.FromSlash(rel)) }

// close takes everything down. A renewal that is under way holds its lock; waiting for
// it keeps it from writing into a directory that is gone.
func (s *stage) close() {
	_ = s.aws.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	locks, _ := filepath.Glob(s.path("run/vault/l/*"))
	for _, l := range locks {
		_, _ = flock.New(l).TryLockContext(ctx, 20*time.Millisecond)
	}
	_ = os.RemoveAll(s.dir)
}

// environ is the user's environment with the stage in front of everything AWS.
func (s *stage) environ(outer []string) []string {
	var out []string
	path := ""
	for _, e := range outer {
		name, value, _ := strings.Cut(e, "=")
		switch {
		case name == "PATH":
			path = value
		case strings.HasPrefix(name, "AWS_"), strings.HasPrefix(name, "__VAULT_"), strings.HasPrefix(name, "XDG_"),
			name == "HOME", name == "ZDOTDIR", name == "BASH_ENV", name == "ENV", name == "PROMPT_COMMAND":
		default:
			out = append(out, e)
		}
	}
	ttl := s.life.String()
	return append(out,
		"PATH="+s.path("bin")+string(os.PathListSeparator)+path,
		"HOME="+s.path("home"), "ZDOTDIR="+s.path("home"), "XDG_RUNTIME_DIR="+s.path("run"), "TMPDIR="+s.path("tmp"),
		"XDG_CONFIG_HOME="+s.path("home/.config"), "XDG_DATA_HOME="+s.path("home/.local/share"),
		"AWS_CONFIG_FILE="+s.path("home/.aws/config"), "AWS_SHARED_CREDENTIALS_FILE="+s.path("home/.aws/credentials"),
		"AWS_ENDPOINT_URL="+s.aws.URL(), "AWS_EC2_METADATA_DISABLED=true",
		"AWS_VAULT_BACKEND=file", "AWS_VAULT_FILE_DIR="+s.path("keys"), "AWS_VAULT_FILE_PASSPHRASE="+s.pass,
		"AWS_ASSUME_ROLE_TTL="+ttl, "AWS_SESSION_TOKEN_TTL="+ttl,
	)
}

// shell prepares a shell with the hook loaded and nothing else of the user's.
func (s *stage) shell(path string, sh *shells.Shell, outer []string) (*exec.Cmd, error) {
	file := sh.StartFiles(shells.Places{OS: runtime.GOOS, Home: s.path("home")})[0]
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, []byte(sh.DemoStart+rcLine(sh)+"\n"), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(path, sh.Interactive(file)...)
	cmd.Env = s.environ(outer)
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
