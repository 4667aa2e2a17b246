package fakeaws_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sso"
	"github.com/aws/aws-sdk-go-v2/service/sso/types"

	"github.com/d44b7504/vault/internal/fakeaws"
)

// get asks the portal by hand.
func (c *center) get(t *testing.T, path, token string) answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, c.URL()+path, nil)
	must(t, err)
	req.Header.Set("x-amz-sso_bearer_token", token)
	return do(t, req)
}

func roleCredentials(c *types.RoleCredentials) caller {
	return caller{*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken}
}

func (c *center) credentials(token *string, account, set string) (*types.RoleCredentials, error) {
	out, err := c.portal.GetRoleCredentials(bg, &sso.GetRoleCredentialsInput{AccessToken: token, AccountId: &account, RoleName: &set})
	if err != nil {
		return nil, err
	}
	return out.RoleCredentials, nil
}

func TestAnAssignedRoleGivesASessionThatWorks(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{User: "ada@example.com"})
	arn := c.assign(t, account, "Admin")
	c.AddBucket(account, "reports")
	_, out := c.signIn(t)
	got, err := c.credentials(out.AccessToken, account, "Admin")
	must(t, err)
	name := arn[strings.LastIndex(arn, "/")+1:]
	if !strings.Contains(arn, ":role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_") {
		t.Errorf("role %s", arn)
	}
	k := roleCredentials(got)
	me, err := c.client(k).GetCallerIdentity(bg, nil)
	must(t, err)
	if *me.Arn != "arn:aws:sts::"+account+":assumed-role/"+name+"/ada@example.com" {
		t.Errorf("I am %s", *me.Arn)
	}
	if a := c.send(t, c.buckets(k)); !strings.Contains(a.body, "<Name>reports</Name>") {
		t.Errorf("%d %s", a.status, a.body)
	}
	c.send(t, c.buckets(caller{k.id, "wrong", k.token})).want(t, 403, "SignatureDoesNotMatch", "")
	if left := time.UnixMilli(got.Expiration).Sub(c.clock.now()); left < 59*time.Minute || left > time.Hour {
		t.Errorf("expires in %s", left)
	}
	c.clock.forward(time.Hour)
	c.whoami(t, k).want(t, 403, "ExpiredToken", "")
}

func TestARoleThatIsNotAssignedIsForbidden(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.assign(t, account, "Admin")
	c.assign(t, account, "ReadOnly")
	must(t, c.dir.Forbid(account, "Admin"))
	_, out := c.signIn(t)
	for _, tc := range [][2]string{{account, "Admin"}, {account, "Nobody"}, {other, "ReadOnly"}} {
		_, err := c.credentials(out.AccessToken, tc[0], tc[1])
		wantRefusal(t, err, "ForbiddenException", "No access")
	}
	_, err := c.credentials(out.AccessToken, account, "ReadOnly")
	must(t, err)
	_, err = c.credentials(aws.String("x"), account, "ReadOnly")
	wantRefusal(t, err, "UnauthorizedException", "Session token not found or invalid")
	if err := c.dir.Forbid(account, "Nobody"); err == nil {
		t.Error("forbade what is not there")
	}
}

func TestListsComeInPages(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	var want []string
	for i := range 45 {
		id := fmt.Sprintf("%012d", i)
		must(t, c.dir.AddAccount(id, "account "+id))
		want = append(want, id)
		c.assign(t, account, fmt.Sprintf("Set%02d", i))
	}
	_, out := c.signIn(t)
	var got []string
	pages := sso.NewListAccountsPaginator(c.portal, &sso.ListAccountsInput{AccessToken: out.AccessToken})
	for pages.HasMorePages() {
		page, err := pages.NextPage(bg)
		must(t, err)
		for _, a := range page.AccountList {
			got = append(got, *a.AccountId)
		}
	}
	if want = append(want, account); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) || c.Calls("ListAccounts") != 3 {
		t.Errorf("%d accounts in %d calls", len(got), c.Calls("ListAccounts"))
	}
	roles, err := c.portal.ListAccountRoles(bg, &sso.ListAccountRolesInput{AccessToken: out.AccessToken, AccountId: aws.String(account), MaxResults: aws.Int32(44)})
	must(t, err)
	rest, err := c.portal.ListAccountRoles(bg, &sso.ListAccountRolesInput{AccessToken: out.AccessToken, AccountId: aws.String(account), NextToken: roles.NextToken})
	must(t, err)
	if len(roles.RoleList) != 44 || len(rest.RoleList) != 1 || rest.NextToken != nil || *rest.RoleList[0].RoleName != "Set44" {
		t.Errorf("%d and %d roles", len(roles.RoleList), len(rest.RoleList))
	}
	_, err = c.portal.ListAccounts(bg, &sso.ListAccountsInput{AccessToken: out.AccessToken, NextToken: roles.NextToken})
	wantRefusal(t, err, "InvalidRequestException", "next token")
}

func TestThePortalRefusesBadQuestions(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.assign(t, account, "Admin")
	_, out := c.signIn(t)
	for path, tc := range map[string]struct {
		status int
		kind   string
	}{
		"/assignment/accounts?max_result=0":             {400, "InvalidRequestException"},
		"/assignment/accounts?max_result=101":           {400, "InvalidRequestException"},
		"/assignment/accounts?next_token=20":            {400, "InvalidRequestException"},
		"/assignment/roles":                             {400, "InvalidRequestException"},
		"/assignment/roles?account_id=" + other:         {404, "ResourceNotFoundException"},
		"/federation/credentials?role_name=Admin":       {400, "InvalidRequestException"},
		"/federation/credentials?account_id=" + account: {400, "InvalidRequestException"},
	} {
		a := c.get(t, path, *out.AccessToken)
		if a.status != tc.status || a.header.Get("X-Amzn-Errortype") != tc.kind || !strings.Contains(a.body, `"message":`) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		if a := c.get(t, path, ""); a.status != 401 || a.header.Get("X-Amzn-Errortype") != "UnauthorizedException" {
			t.Errorf("%s without a token: %d %s", path, a.status, a.body)
		}
	}
}

func TestLogoutEndsTheSessionWithItsRefreshToken(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	reg, out := c.signIn(t, scope)
	_, bystander := c.signIn(t, scope)
	_, err := c.portal.Logout(bg, &sso.LogoutInput{AccessToken: out.AccessToken})
	must(t, err)
	_, err = c.portal.ListAccounts(bg, &sso.ListAccountsInput{AccessToken: out.AccessToken})
	wantRefusal(t, err, "UnauthorizedException", "")
	_, err = c.refresh(reg, out.RefreshToken)
	wantRefusal(t, err, "InvalidGrantException", "")
	_, err = c.portal.ListAccounts(bg, &sso.ListAccountsInput{AccessToken: bystander.AccessToken})
	must(t, err)
	_, err = c.portal.Logout(bg, &sso.LogoutInput{AccessToken: out.AccessToken})
	wantRefusal(t, err, "UnauthorizedException", "")
}

func TestAnotherDirectorysTokenOpensNothing(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.assign(t, account, "Admin")
	_, out := c.signIn(t)
	theirs, err := c.AddDirectory(fakeaws.DirectoryOptions{Name: "theirs"})
	must(t, err)
	_, err = theirs.Assign(other, "Admin")
	must(t, err)
	_, err = c.credentials(out.AccessToken, other, "Admin")
	wantRefusal(t, err, "ForbiddenException", "")
	if _, err := c.AddDirectory(fakeaws.DirectoryOptions{Name: "theirs"}); err == nil {
		t.Error("two directories of one name")
	}
	if _, err := theirs.Assign(other, "Admin"); err == nil {
		t.Error("assigned twice")
	}
}

func TestAFiveThousandRoleDirectoryIsCheap(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	start := time.Now()
	for i := range 5000 {
		c.assign(t, fmt.Sprintf("%012d", i/10), fmt.Sprintf("Set%d", i%10))
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("took %s", d)
	}
	_, out := c.signIn(t)
	_, err := c.credentials(out.AccessToken, "000000000499", "Set9")
	must(t, err)
}
