//go:build unix

package cmd_test

// AWS's own tools use what the program gives them, against fakeaws and against moto.

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/store"
)

// boto3 is a Python that has it.
func boto3(t *testing.T) string { return testenv.Python(t, "boto3", "boto3") }

const roleARN = "arn:aws:sts::" + account + ":assumed-role/prod/"

func TestAWSToolsTakeWhatUseExported(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	aws, python := testenv.Require(t, "awscli", "aws"), boto3(t)
	w := roleWorld(t)
	w.aws.AddBucket(account, "the-bucket")
	r := w.bash(t, w.environ("AWS="+aws, "PYTHON="+python), `
export AWS_PROFILE=nonesuch AWS_ACCESS_KEY_ID=stale
vault use prod || exit
echo "cli $("$AWS" sts get-caller-identity --output text --query Arn)"
echo "s3 $("$AWS" s3 ls)"
"$PYTHON" -c '
import boto3
s = boto3.Session()
c = s.get_credentials()
print("boto3", s.client("sts").get_caller_identity()["Arn"], s.region_name, c.method)'
`)
	lines := strings.Split(r.out, "\n")
	if r.status != 0 || len(lines) != 4 || !strings.HasPrefix(lines[0], "cli "+roleARN) || !strings.HasSuffix(lines[1], " the-bucket") ||
		!strings.HasPrefix(lines[2], "boto3 "+roleARN) || !strings.HasSuffix(lines[2], " eu-central-1 env") {
		t.Errorf("status %d\n%s\n%s", r.status, r.out, r.err)
	}
	if n := w.aws.Calls("AssumeRole"); n != 1 {
		t.Errorf("%d roles were assumed", n)
	}
}

func TestBoto3TakesExportAsItsCredentialProcess(t *testing.T) {
	t.Parallel()
	python := boto3(t)
	w := roleWorld(t)
	// The consumer has a config file of its own; the program gets the path of this one.
	w.write("bin-vault", "#!/bin/sh\nAWS_CONFIG_FILE='"+w.path("home/.aws/config")+"' exec vault \"$@\"\n")
	check(os.Chmod(w.path("bin-vault"), 0o700))
	w.write("consumer.ini", "[profile through]\nregion = us-east-1\ncredential_process = "+w.path("bin-vault")+" export prod --format json\n")
	r := w.run(t, w.environ("AWS_CONFIG_FILE="+w.path("consumer.ini"), "AWS_PROFILE=through"), python, "-c", `
import boto3
s = boto3.Session()
c = s.get_credentials()
print(s.client("sts").get_caller_identity()["Arn"], c.method, c.refresh_needed(refresh_in=60))`)
	if r.status != 0 || !strings.HasPrefix(r.out, roleARN) || !strings.HasSuffix(r.out, " custom-process False\n") {
		t.Errorf("status %d: %s%s", r.status, r.out, r.err)
	}
	if n := w.aws.Calls("AssumeRole"); n != 1 {
		t.Errorf("%d roles were assumed", n)
	}
}

// moto is a second STS, written by others, that checks signatures and permissions.
func TestMotoAcceptsWhatWeSignAndGiveOut(t *testing.T) {
	testenv.OnlyLong(t, "another STS beside the emulator")
	t.Parallel()
	testenv.Require(t, "bash")
	python := boto3(t)
	w := newWorld(t, "")
	url := startMoto(t, w)
	var made struct{ ID, Secret, Role string }
	r := w.run(t, w.environ("AWS_ENDPOINT_URL="+url, "AWS_ACCESS_KEY_ID=setup", "AWS_SECRET_ACCESS_KEY=setup", "AWS_DEFAULT_REGION=us-east-1"), python, "-c", motoSetup)
	if r.status != 0 {
		t.Fatal(r.err)
	}
	check(json.Unmarshal([]byte(r.out), &made))
	resp := must(http.Post(url+"/moto-api/reset-auth", "text/plain", strings.NewReader("0")))
	check(resp.Body.Close())
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("moto would not check: %s", resp.Status)
	}

	check(store.PutKey(context.Background(), w.keyring(), "base", creds.Key{ID: made.ID, Secret: creds.New(made.Secret)}))
	check(store.PutKey(context.Background(), w.keyring(), "forged", creds.Key{ID: made.ID, Secret: creds.New("another-fake")}))
	section := "[profile %s]\nsource_profile = %s\nrole_arn = %s\nregion = eu-central-1\n"
	w.write("home/.aws/config", fmt.Sprintf("[profile base]\n[profile forged]\n"+section+section+section,
		"prod", "base", made.Role, "bad", "forged", made.Role, "foreign", "base", strings.Replace(made.Role, "role/dev", "role/closed", 1)))
	environ := w.environ("AWS_ENDPOINT_URL=" + url)

	r = w.bash(t, append(environ, "PYTHON="+python), `vault use prod && "$PYTHON" -c '
import boto3
print(boto3.client("sts").get_caller_identity()["Arn"])
print([b["Name"] for b in boto3.client("s3").list_buckets()["Buckets"]])'`)
	if r.status != 0 || !strings.Contains(r.out, ":assumed-role/dev/") || !strings.Contains(r.out, "['theirs']") {
		t.Errorf("status %d: %s%s", r.status, r.out, r.err)
	}
	// A wrong secret, and a role that trusts another user. (moto words its refusals in
	// another service's format, so that there is one matters here, not its reason.)
	for _, p := range []string{"bad", "foreign"} {
		r = w.vault(t, environ, "use", p, "--shell", "bash")
		oneSentence(t, r)
	}
}

const motoSetup = `
import boto3, json
iam = boto3.client("iam")
everything = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
def trust(arn):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": arn}}]})
user = iam.create_user(UserName="dev")["User"]["Arn"]
other = iam.create_user(UserName="other")["User"]["Arn"]
iam.put_user_policy(UserName="dev", PolicyName="all", PolicyDocument=everything)
key = iam.create_access_key(UserName="dev")["AccessKey"]
role = iam.create_role(RoleName="dev", AssumeRolePolicyDocument=trust(user))["Role"]["Arn"]
iam.create_role(RoleName="closed", AssumeRolePolicyDocument=trust(other))
iam.put_role_policy(RoleName="dev", PolicyName="all", PolicyDocument=everything)
boto3.client("s3").create_bucket(Bucket="theirs")
print(json.dumps({"ID": key["AccessKeyId"], "Secret": key["SecretAccessKey"], "Role": role}))
`

func startMoto(t *testing.T, w *world) (url string) {
	t.Helper()
	path := testenv.Require(t, "moto", "moto_server")
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	host, port := must2(net.SplitHostPort(l.Addr().String()))
	check(l.Close())
	c := exec.Command(path, "-H", host, "-p", port)
	c.Env, c.Dir = w.environ(), w.dir
	check(c.Start())
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	url = "http://" + net.JoinHostPort(host, port)
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if resp, err := http.Get(url + "/moto-api/"); err == nil {
			check(resp.Body.Close())
			return url
		}
		if time.Now().After(end) {
			t.Fatal("moto_server did not start")
		}
	}
}

func must2[A, B any](a A, b B, err error) (A, B) {
	check(err)
	return a, b
}

// boto3 is a second opinion on the token cache and on the profiles that sync writes.
func TestBoto3UsesASharedSignInAndASyncedProfile(t *testing.T) {
	w := newSSOWorld(t, corp)
	want(t, w.vault(t, w.browser(), "sso", "login", "corp", "--share"), 0)
	want(t, w.vault(t, w.environ(), "sso", "sync", "--yes"), 0)
	for _, profile := range []string{"dev", "dev-team-ReadOnly"} {
		r := w.run(t, w.environ(), boto3(t), "-c",
			"import boto3; print(boto3.Session(profile_name='"+profile+"').client('sts').get_caller_identity()['Arn'])")
		want(t, r, 0, "arn:aws:sts::"+account+":assumed-role/")
	}
}
