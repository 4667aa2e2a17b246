package fakeaws_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
)

// These tests let AWS's other clients judge: they sign with code of their own
// and read the replies with a parser of their own.

func boto3(t *testing.T) string { return testenv.Python(t, "boto3", "boto3") }

// script prints, one JSON value a line, what each call returned or which error
// it met.
const script = `
import boto3, botocore, json, os, sys, urllib.request, urllib.error
arg = json.loads(sys.argv[1])
quiet = botocore.config.Config(retries={'max_attempts': 1}, parameter_validation=False)
def client(name, c=None):
    keys = dict(aws_access_key_id=c['AccessKeyId'], aws_secret_access_key=c['SecretAccessKey'], aws_session_token=c.get('SessionToken')) if c else {}
    return boto3.client(name, config=quiet, **keys)
def call(f):
    try:
        return f()
    except botocore.exceptions.ClientError as e:
        return '%d %s' % (e.response['ResponseMetadata']['HTTPStatusCode'], e.response['Error']['Code'])
def show(label, value):
    print(json.dumps([label, value], default=str))
sts, iam, s3 = client('sts'), client('iam'), client('s3')
`

func (w *world) boto(t *testing.T, k caller, arg map[string]string, body string) map[string]string {
	t.Helper()
	text, err := json.Marshal(arg)
	must(t, err)
	out, stderr, err := run(t, w.env(k), boto3(t), "-c", script+body, string(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	got := map[string]string{}
	for line := range strings.Lines(out) {
		var pair [2]string
		if err := json.Unmarshal([]byte(line), &pair); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		got[pair[0]] = pair[1]
	}
	return got
}

func wantAll(t *testing.T, got, want map[string]string) {
	t.Helper()
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: got %q, want %q", k, got[k], v)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d answers, want %d", len(got), len(want))
	}
}

func TestBoto3TakesARoleAndUsesIt(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	w.AddBucket(account, "reports")
	w.AddBucket(other, "theirs")
	role := w.role(t, fakeaws.Role{Name: "r", Trust: fakeaws.Trust{Principals: []string{account}, MFA: true, ExternalID: "x:1"}})
	code := w.code(t)
	got := w.boto(t, w.owner(), map[string]string{"role": role, "serial": w.mfa.Serial, "code": code}, `
show('me', sts.get_caller_identity()['Arn'])
ask = dict(RoleArn=arg['role'], RoleSessionName='boto', ExternalId='x:1', SerialNumber=arg['serial'], TokenCode=arg['code'],
    Tags=[{'Key': 'Team', 'Value': 'a b'}], PolicyArns=[{'arn': 'arn:aws:iam::aws:policy/ReadOnlyAccess'}],
    Policy=json.dumps({'Version': '2012-10-17', 'Statement': {'Effect': 'Allow', 'Action': '*', 'Resource': '*'}}))
r = sts.assume_role(**ask)
show('role', client('sts', r['Credentials']).get_caller_identity()['Arn'])
show('buckets', ' '.join(b['Name'] for b in client('s3', r['Credentials']).list_buckets()['Buckets']))
mine = client('s3', r['Credentials'])
mine.put_object(Bucket='reports', Key='a/b c', Body=b'text', ContentType='text/plain')
got = mine.get_object(Bucket='reports', Key='a/b c')
show('object', '%s %s %s' % (got['Body'].read().decode(), got['ContentType'], mine.head_object(Bucket='reports', Key='a/b c')['ContentLength']))
show('only once', call(lambda: mine.put_object(Bucket='reports', Key='a/b c', Body=b'x', IfNoneMatch='*')))
show('damaged', call(lambda: mine.put_object(Bucket='reports', Key='d', Body=b'x', ChecksumCRC32='AAAAAA==')))
show('listed', ' '.join(o['Key'] for o in mine.list_objects_v2(Bucket='reports', Prefix='a/')['Contents']))
mine.delete_object(Bucket='reports', Key='a/b c')
show('no object', call(lambda: mine.get_object(Bucket='reports', Key='a/b c')))
show('no bucket', call(lambda: mine.get_object(Bucket='nothing', Key='a')))
show('not mine', call(lambda: mine.put_object(Bucket='theirs', Key='a', Body=b'x')))
show('not supported', call(lambda: mine.get_object_tagging(Bucket='reports', Key='a')))
show('code again', call(lambda: sts.assume_role(**ask)))
show('short', call(lambda: sts.get_session_token(DurationSeconds=1)))
bad = dict(r['Credentials'], SecretAccessKey='x')
show('bad secret', call(lambda: client('sts', bad).get_caller_identity()))
show('bad secret, s3', call(lambda: client('s3', bad).list_buckets()))
bad = dict(r['Credentials'], SessionToken='x')
show('bad token', call(lambda: client('sts', bad).get_caller_identity()))
show('bad token, s3', call(lambda: client('s3', bad).list_buckets()))
`)
	wantAll(t, got, map[string]string{
		"me":             w.user,
		"role":           "arn:aws:sts::" + account + ":assumed-role/r/boto",
		"buckets":        "reports",
		"object":         "text text/plain 4",
		"only once":      "412 PreconditionFailed",
		"damaged":        "400 BadDigest",
		"listed":         "a/b c",
		"no object":      "404 NoSuchKey",
		"no bucket":      "404 NoSuchBucket",
		"not mine":       "403 AccessDenied",
		"not supported":  "405 MethodNotAllowed",
		"code again":     "403 AccessDenied",
		"short":          "400 ValidationError",
		"bad secret":     "403 SignatureDoesNotMatch",
		"bad secret, s3": "403 SignatureDoesNotMatch",
		"bad token":      "403 InvalidClientTokenId",
		"bad token, s3":  "400 InvalidToken",
	})
	if q, _ := w.LastAssumeRole(); q.Tags["Team"] != "a b" || len(q.PolicyARNs) != 1 || q.Policy == "" {
		t.Errorf("recorded %+v", q)
	}
}

func TestBoto3RotatesAKey(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	got := w.boto(t, w.owner(), map[string]string{"old": w.key.ID}, `
show('user', iam.get_user()['User']['Arn'])
show('device', iam.list_mfa_devices()['MFADevices'][0]['SerialNumber'])
new = iam.create_access_key(UserName='dev')['AccessKey']
show('third', call(lambda: iam.create_access_key()))
mine = client('iam', new)
mine.update_access_key(AccessKeyId=arg['old'], Status='Inactive')
show('states', ' '.join(sorted(k['Status'] for k in mine.list_access_keys()['AccessKeyMetadata'])))
show('old', call(sts.get_caller_identity))
mine.delete_access_key(UserName='dev', AccessKeyId=arg['old'])
show('deleted', call(lambda: mine.delete_access_key(AccessKeyId=arg['old'])))
used = mine.get_access_key_last_used(AccessKeyId=new['AccessKeyId'])
show('used', used['UserName'] + ' ' + used['AccessKeyLastUsed']['ServiceName'])
`)
	wantAll(t, got, map[string]string{
		"user":    w.user,
		"device":  w.mfa.Serial,
		"third":   "409 LimitExceeded",
		"states":  "Active Inactive",
		"old":     "403 InvalidClientTokenId",
		"deleted": "404 NoSuchEntity",
		"used":    "dev iam",
	})
}

func TestBoto3PresignsAndTheURLVerifies(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	out, err := w.client(w.owner()).GetSessionToken(bg, nil)
	must(t, err)
	got := w.boto(t, session(out.Credentials), nil, `
def status(url):
    try:
        return str(urllib.request.urlopen(url).status)
    except urllib.error.HTTPError as e:
        return str(e.code)
v4 = botocore.config.Config(signature_version='v4')
identity = boto3.client('sts', config=v4).generate_presigned_url('get_caller_identity', ExpiresIn=60, HttpMethod='GET')
buckets = boto3.client('s3', config=botocore.config.Config(signature_version='s3v4')).generate_presigned_url('list_buckets', ExpiresIn=60)
show('sts', status(identity)); show('sts changed', status(identity + '&X=1'))
show('s3', status(buckets)); show('s3 changed', status(buckets.replace('X-Amz-Expires=60', 'X-Amz-Expires=600')))
`)
	wantAll(t, got, map[string]string{"sts": "200", "sts changed": "403", "s3": "200", "s3 changed": "403"})
}

func TestTheCommandLineListsBucketsWithExportedSessions(t *testing.T) {
	cli := testenv.Require(t, "awscli", "aws")
	w := newWorld(t, fakeaws.Options{MinDuration: time.Minute})
	w.AddBucket(account, "reports")
	out, err := w.client(w.owner()).GetSessionToken(bg, &sts.GetSessionTokenInput{DurationSeconds: aws.Int32(300)})
	must(t, err)
	env := w.env(session(out.Credentials))
	for _, tc := range []struct{ args, want string }{
		{"s3 ls", " reports\n"},
		{"sts get-caller-identity --query Arn --output text", w.user + "\n"},
	} {
		stdout, stderr, err := run(t, env, cli, strings.Fields(tc.args)...)
		if err != nil || !strings.HasSuffix(stdout, tc.want) {
			t.Errorf("aws %s: %v\n%s%s", tc.args, err, stdout, stderr)
		}
	}
	w.clock.forward(6 * time.Minute)
	if _, stderr, err := run(t, env, cli, "s3", "ls"); err == nil || !strings.Contains(stderr, "(ExpiredToken)") {
		t.Errorf("expired session: %v\n%s", err, stderr)
	}
	env = w.env(caller{w.key.ID, "wrong", ""})
	if _, stderr, err := run(t, env, cli, "sts", "get-caller-identity"); err == nil || !strings.Contains(stderr, "(SignatureDoesNotMatch)") {
		t.Errorf("wrong secret: %v\n%s", err, stderr)
	}
}
