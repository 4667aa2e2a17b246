package fakeaws_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
)

// TestMotoAgrees sends the same good and bad calls, by boto3, to moto with its
// checking on and to us. moto checks less than we do; what it checks must come
// out the same.
func TestMotoAgrees(t *testing.T) {
	testenv.OnlyLong(t, "the emulator beside moto")
	boto3(t)
	moto := startMoto(t)
	w := newWorld(t, fakeaws.Options{})
	eveARN, err := w.AddUser(account, "eve")
	must(t, err)
	eve, err := w.AddKey(eveARN)
	must(t, err)
	role := w.role(t, fakeaws.Role{Name: "dev", Trust: fakeaws.Trust{Principals: []string{w.user}}})
	ours := w.boto(t, w.owner(), map[string]string{
		"role": role, "dev": w.key.ID, "devSecret": w.key.Secret.Reveal(), "eve": eve.ID, "eveSecret": eve.Secret.Reveal(),
	}, sameCalls)

	theirs := moto.world(t)
	text, err := json.Marshal(theirs)
	must(t, err)
	out, stderr, err := run(t, []string{"AWS_ENDPOINT_URL=" + moto.url, "AWS_ACCESS_KEY_ID=" + theirs["dev"], "AWS_SECRET_ACCESS_KEY=" + theirs["devSecret"]},
		boto3(t), "-c", script+sameCalls, string(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	want := map[string]string{}
	for line := range strings.Lines(out) {
		var pair [2]string
		must(t, json.Unmarshal([]byte(line), &pair))
		want[pair[0]] = pair[1]
	}
	if want["good"] != "ok" || want["good role"] != "ok" || want["wrong secret"] == "ok" {
		t.Fatalf("moto is not checking: %v", want)
	}
	wantAll(t, ours, want)
}

const sameCalls = `
def outcome(label, f):
    r = call(f)
    show(label, r if isinstance(r, str) else 'ok')
    return r
def key(id, secret, token=None):
    return {'AccessKeyId': id, 'SecretAccessKey': secret, 'SessionToken': token}
dev, eve = key(arg['dev'], arg['devSecret']), key(arg['eve'], arg['eveSecret'])
unknown, wrong = key('AKIA' + 'NOTHERE0NOTHERE0', 'x'), key(arg['dev'], 'x')
assume = lambda c: client('sts', c).assume_role(RoleArn=arg['role'], RoleSessionName='same')
outcome('good', sts.get_caller_identity)
outcome('unknown key', client('sts', unknown).get_caller_identity)
outcome('wrong secret', client('sts', wrong).get_caller_identity)
outcome('wrong secret, iam', client('iam', wrong).list_access_keys)
outcome('unknown key, iam', client('iam', unknown).list_access_keys)
outcome('good, s3', s3.list_buckets)
outcome('unknown key, s3', client('s3', unknown).list_buckets)
outcome('wrong secret, s3', client('s3', wrong).list_buckets)
r = outcome('good role', lambda: assume(dev))['Credentials']
outcome('not trusted', lambda: assume(eve))
outcome('as the role', client('sts', r).get_caller_identity)
outcome('role, s3', client('s3', r).list_buckets)
outcome('role, wrong secret', client('sts', dict(r, SecretAccessKey='x')).get_caller_identity)
outcome('role, wrong token, s3', client('s3', dict(r, SessionToken='x')).list_buckets)
new = outcome('second key', lambda: iam.create_access_key(UserName='dev'))['AccessKey']
outcome('third key', lambda: iam.create_access_key(UserName='dev'))
outcome('new key', client('sts', new).get_caller_identity)
outcome('delete nothing', lambda: iam.delete_access_key(UserName='dev', AccessKeyId=unknown['AccessKeyId']))
outcome('delete old', lambda: client('iam', new).delete_access_key(UserName='dev', AccessKeyId=arg['dev']))
outcome('old key', sts.get_caller_identity)
`

// motoServer is moto with its checking of signatures and permissions on.
type motoServer struct{ url string }

func startMoto(t *testing.T) motoServer {
	t.Helper()
	path := testenv.Require(t, "moto", "moto_server")
	m := motoServer{"http://" + freeAddress(t)}
	host, port, err := net.SplitHostPort(strings.TrimPrefix(m.url, "http://"))
	must(t, err)
	cmd := exec.Command(path, "-H", host, "-p", port)
	cmd.Env = cleanEnv(t)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url+"/moto-api/", nil)
		must(t, err)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			return m
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			t.Fatal("moto_server did not start")
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

// world makes the same users and role there as we have here, and only then
// turns the checking on.
func (m motoServer) world(t *testing.T) map[string]string {
	t.Helper()
	out, stderr, err := run(t, []string{"AWS_ENDPOINT_URL=" + m.url, "AWS_ACCESS_KEY_ID=setup", "AWS_SECRET_ACCESS_KEY=setup"}, boto3(t), "-c", script+`
made = {}
everything = json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': '*', 'Resource': '*'}]})
for name in 'dev', 'eve':
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName='all', PolicyDocument=everything)
    k = iam.create_access_key(UserName=name)['AccessKey']
    made[name], made[name + 'Secret'] = k['AccessKeyId'], k['SecretAccessKey']
trust = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': 'sts:AssumeRole',
    'Principal': {'AWS': iam.get_user(UserName='dev')['User']['Arn']}}]}
made['role'] = iam.create_role(RoleName='dev', AssumeRolePolicyDocument=json.dumps(trust))['Role']['Arn']
iam.put_role_policy(RoleName='dev', PolicyName='all', PolicyDocument=everything)
print(json.dumps(made))
`, "{}")
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	made := map[string]string{}
	must(t, json.Unmarshal([]byte(out), &made))
	resp, err := http.Post(m.url+"/moto-api/reset-auth", "text/plain", strings.NewReader("0"))
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(fmt.Errorf("moto would not check: %s", resp.Status))
	}
	return made
}
