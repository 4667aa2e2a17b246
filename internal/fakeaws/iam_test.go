package fakeaws_test

import (
	"encoding/xml"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/d44b7504/vault/internal/fakeaws"
)

func TestAKeyCanBeRotated(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	old := w.owner()
	made := w.createKey(t, old)
	if accountOf(t, made.id) != account || !strings.HasPrefix(made.id, "AKIA") {
		t.Errorf("new key id %s", made.id)
	}
	w.whoami(t, made).want(t, 200, "", "")

	w.send(t, w.iamLetter(made, "Action", "UpdateAccessKey", "AccessKeyId", old.id, "Status", "Inactive", "UserName", "dev")).want(t, 200, "", "")
	w.whoami(t, old).want(t, 403, "InvalidClientTokenId", "The security token included in the request is invalid.")
	w.send(t, w.iamLetter(made, "Action", "UpdateAccessKey", "AccessKeyId", old.id, "Status", "Active")).want(t, 200, "", "")
	w.whoami(t, old).want(t, 200, "", "")

	w.send(t, w.iamLetter(made, "Action", "DeleteAccessKey", "AccessKeyId", old.id)).want(t, 200, "", "")
	w.whoami(t, old).want(t, 403, "InvalidClientTokenId", "is invalid.")
	w.send(t, w.iamLetter(made, "Action", "DeleteAccessKey", "AccessKeyId", old.id)).want(t, 404, "NoSuchEntity", "The Access Key with id "+old.id+" cannot be found.")
	list := w.send(t, w.iamLetter(made, "Action", "ListAccessKeys"))
	if strings.Contains(list.body, old.id) || !strings.Contains(list.body, made.id) || strings.Contains(list.body, "Secret") {
		t.Error("the list is not of the new key alone, without its secret")
	}
}

func (w *world) whoami(t *testing.T, k caller) answer {
	t.Helper()
	l := w.letter(whoami)
	l.from = k
	return w.send(t, l)
}

func (w *world) createKey(t *testing.T, by caller) caller {
	t.Helper()
	a := w.send(t, w.iamLetter(by, "Action", "CreateAccessKey"))
	a.want(t, 200, "", "")
	var doc struct {
		ID     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	must(t, xml.Unmarshal([]byte(a.body), &doc))
	return caller{doc.ID, doc.Secret, ""}
}

func TestAUserHasTwoKeysAtMost(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	second := w.createKey(t, w.owner())
	third := w.iamLetter(w.owner(), "Action", "CreateAccessKey")
	w.send(t, third).want(t, 409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
	if _, err := w.AddKey(w.user); !errors.Is(err, fakeaws.ErrTooManyKeys) {
		t.Errorf("AddKey: %v", err)
	}
	// An inactive key still counts.
	w.send(t, w.iamLetter(w.owner(), "Action", "UpdateAccessKey", "AccessKeyId", second.id, "Status", "Inactive")).want(t, 200, "", "")
	w.send(t, third).want(t, 409, "LimitExceeded", "")
	w.send(t, w.iamLetter(w.owner(), "Action", "UpdateAccessKey", "AccessKeyId", second.id, "Status", "Gone")).want(t, 400, "ValidationError", "at 'status'")
}

func TestIAMIsClosedToSessionsWithoutMFA(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	plain, err := w.client(w.owner()).GetSessionToken(bg, nil)
	must(t, err)
	w.send(t, w.iamLetter(session(plain.Credentials), "Action", "ListAccessKeys")).want(t, 403, "InvalidClientTokenId", "is invalid.")
	mfa, err := w.client(w.owner()).GetSessionToken(bg, &sts.GetSessionTokenInput{SerialNumber: &w.mfa.Serial, TokenCode: aws.String(w.code(t))})
	must(t, err)
	w.send(t, w.iamLetter(session(mfa.Credentials), "Action", "ListAccessKeys")).want(t, 200, "", "")
}

func TestARoleMustNameTheUserItAsksAbout(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	role := w.role(t, fakeaws.Role{Name: "admin", Trust: fakeaws.Trust{Principals: []string{account}}})
	out, err := w.client(w.owner()).AssumeRole(bg, assume(role))
	must(t, err)
	k := session(out.Credentials)
	w.send(t, w.iamLetter(k, "Action", "ListAccessKeys")).want(t, 400, "ValidationError", "Must specify userName when calling with non-User credentials")
	w.send(t, w.iamLetter(k, "Action", "ListAccessKeys", "UserName", "dev")).want(t, 200, "", "")
	w.send(t, w.iamLetter(k, "Action", "GetUser", "UserName", "nobody")).want(t, 404, "NoSuchEntity", "The user with name nobody cannot be found.")
}

func TestUsersOfOtherAccountsAreNotSeen(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	theirs, err := w.AddUser(other, "mallory")
	must(t, err)
	key, err := w.AddKey(theirs)
	must(t, err)
	w.send(t, w.iamLetter(w.owner(), "Action", "ListAccessKeys", "UserName", "mallory")).want(t, 404, "NoSuchEntity", "")
	w.send(t, w.iamLetter(w.owner(), "Action", "GetAccessKeyLastUsed", "AccessKeyId", key.ID)).want(t, 403, "AccessDenied", "iam:GetAccessKeyLastUsed")
}

func TestAUserFindsOutAboutHerself(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	spare := w.createKey(t, w.owner())
	for action, part := range map[string]string{
		"GetUser":        "<Arn>" + w.user + "</Arn>",
		"ListMFADevices": "<SerialNumber>" + w.mfa.Serial + "</SerialNumber>",
	} {
		if a := w.send(t, w.iamLetter(w.owner(), "Action", action)); !strings.Contains(a.body, part) || !strings.Contains(a.body, "<UserName>dev</UserName>") {
			t.Errorf("%s: %s", action, a.body)
		}
	}
	a := w.send(t, w.iamLetter(w.owner(), "Action", "GetAccessKeyLastUsed", "AccessKeyId", spare.id))
	if !strings.Contains(a.body, "<ServiceName>N/A</ServiceName>") || strings.Contains(a.body, "LastUsedDate") {
		t.Errorf("unused key: %s", a.body)
	}
	w.whoami(t, spare).want(t, 200, "", "")
	a = w.send(t, w.iamLetter(w.owner(), "Action", "GetAccessKeyLastUsed", "AccessKeyId", spare.id))
	if !strings.Contains(a.body, "<ServiceName>sts</ServiceName><Region>us-east-1</Region>") || !strings.Contains(a.body, "LastUsedDate") {
		t.Errorf("used key: %s", a.body)
	}
}

func TestANewKeyMayTakeAWhileToBeKnown(t *testing.T) {
	w := newWorld(t, fakeaws.Options{KeysSettle: 2})
	made := w.createKey(t, w.owner())
	for range 2 {
		w.whoami(t, made).want(t, 403, "InvalidClientTokenId", "is invalid.")
	}
	w.whoami(t, made).want(t, 200, "", "")
}

func TestSessionsOutliveTheirKeyUnlessToldNotTo(t *testing.T) {
	for _, die := range []bool{false, true} {
		w := newWorld(t, fakeaws.Options{SessionsEndWithKeys: die})
		role := w.role(t, fakeaws.Role{Name: "admin", Trust: fakeaws.Trust{Principals: []string{account}}})
		made, err := w.client(w.owner()).GetSessionToken(bg, nil)
		must(t, err)
		s := session(made.Credentials)
		out, err := w.client(s).AssumeRole(bg, assume(role))
		must(t, err)
		spare := w.createKey(t, w.owner())
		w.send(t, w.iamLetter(spare, "Action", "UpdateAccessKey", "AccessKeyId", w.key.ID, "Status", "Inactive")).want(t, 200, "", "")
		status, code := 200, ""
		if die {
			status, code = 403, "InvalidClientTokenId"
		}
		for _, change := range []string{"deactivated", "deleted"} {
			w.whoami(t, s).want(t, status, code, "")
			w.whoami(t, session(out.Credentials)).want(t, status, code, "")
			if change == "deactivated" {
				w.send(t, w.iamLetter(spare, "Action", "DeleteAccessKey", "AccessKeyId", w.key.ID)).want(t, 200, "", "")
			}
		}
	}
}

func TestAnAnswerMayBeLostAfterItsCallWasCarriedOut(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	w.Inject("CreateAccessKey", fakeaws.Fault{Lose: true})
	l := w.iamLetter(w.owner(), "Action", "CreateAccessKey")
	req, err := http.NewRequest(l.method, w.URL()+l.path, strings.NewReader(l.body))
	must(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	must(t, v4.NewSigner().SignHTTP(bg, l.from.aws(), req, hash(l.body), l.service, l.region, l.at))
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		t.Error("it was answered")
	}
	if _, err := w.AddKey(w.user); !errors.Is(err, fakeaws.ErrTooManyKeys) {
		t.Errorf("no key was made: %v", err)
	}
}

func TestDeniedIAMCallsNameTheUser(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	w.Deny(w.user, "iam:CreateAccessKey")
	w.send(t, w.iamLetter(w.owner(), "Action", "CreateAccessKey", "UserName", "dev")).want(t, 403, "AccessDenied",
		"User: "+w.user+" is not authorized to perform: iam:CreateAccessKey on resource: user dev")
	w.send(t, w.iamLetter(w.owner(), "Action", "ListAccessKeys")).want(t, 200, "", "")
}

func TestSettingUpRefusesWhatAWSWould(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	_, again := w.AddUser(account, "dev")
	_, shortAccount := w.AddUser("123", "x")
	_, badName := w.AddUser(account, "a b")
	_, noUser := w.AddKey(w.user + "2")
	_, sameDevice := w.AddMFA(w.user, "dev")
	_, tooLong := w.AddRole(fakeaws.Role{Account: account, Name: "r", MaxSession: 13 * 3600e9})
	for i, err := range []error{again, shortAccount, badName, noUser, sameDevice, tooLong} {
		if err == nil {
			t.Errorf("case %d was let through", i)
		}
	}
}
