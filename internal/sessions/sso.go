package sessions

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/progress"
)

// This file calls the portal of Identity Center: for the credentials of a role, and for
// the list of accounts and roles. It needs a sign-in, which sso_token.go provides.

// roleCredentials returns the credentials of one role of one account.
func (m *Maker) roleCredentials(ctx context.Context, p profiles.Profile, s *profiles.SSO) (creds.Session, error) {
	var out struct {
		RoleCredentials struct {
			AccessKeyID     string `json:"accessKeyId"`
			SecretAccessKey string `json:"secretAccessKey"`
			SessionToken    string `json:"sessionToken"`
			Expiration      int64  `json:"expiration"`
		} `json:"roleCredentials"`
	}
	query := url.Values{"account_id": {s.Account}, "role_name": {s.Role}}
	err := m.portal(ctx, p, s, "/federation/credentials", query, &out)
	c := out.RoleCredentials
	if err == nil && (c.AccessKeyID == "" || c.SecretAccessKey == "") {
		err = malformed("the answer has no credentials in it")
	}
	if err != nil {
		return creds.Session{}, m.failure("get credentials of role", s.Account+":"+s.Role, p.Name, err)
	}
	return creds.Session{
		AccessKeyID: c.AccessKeyID, SecretKey: creds.New(c.SecretAccessKey), Token: creds.New(c.SessionToken),
		Expires: m.local(time.UnixMilli(c.Expiration).UTC()), Clock: creds.Clock{Skew: m.skew()},
	}, nil
}

// portal makes a call with the sign-in. If the portal rejects that (it was revoked, for
// example), it makes the call again with that of the AWS tools, if there is one, and then
// once more with a new sign-in.
func (m *Maker) portal(ctx context.Context, p profiles.Profile, s *profiles.SSO, path string, query url.Values, out any) error {
	rest := m.rest(p, ssoService, s.Region)
	var rejected creds.Secret
	for tries := 1; ; tries++ {
		token, made, err := m.token(ctx, p, s, rejected)
		if err != nil {
			return err
		}
		err = rest.call(ctx, restCall{method: http.MethodGet, path: path, query: query, bearer: token}, out)
		if tries == 3 || made && tries > 1 || codeOf(err) != "UnauthorizedException" {
			return err
		}
		rejected = token
	}
}

// What AWS allows in an account's id and in a role's name. Both come from the portal and are
// written to config files, so nothing else is taken.
var (
	accountID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]{12}$`) })
	roleName  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,64}$`) })
)

// Account is an account of the directory with the roles one has in it.
type Account struct {
	ID, Name, Email string
	Roles           []string // sorted
}

// parallelCalls is for how many accounts the roles are listed at a time. The portal limits
// the rate of calls.
const parallelCalls = 4

// Accounts lists the accounts and roles that the person may sign in to, sorted by account
// id. It may block for minutes in a directory of thousands of roles; a person may have to
// sign in first.
func (m *Maker) Accounts(ctx context.Context, p profiles.Profile, s *profiles.SSO) ([]Account, error) {
	list, err := m.accounts(ctx, p, s)
	if err != nil {
		return nil, m.failure("list the accounts", "", p.Name, err)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	turn := make(chan struct{}, parallelCalls)
	var done atomic.Int32
	const what = "listing the roles of accounts"
	progress.Step(ctx, what, 0, len(list))
	for i := range list {
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			var err error
			if list[i].Roles, err = m.roles(ctx, p, s, list[i].ID); err != nil {
				stop(m.failure("list the roles in", list[i].ID, p.Name, err))
			}
			progress.Step(ctx, what, int(done.Add(1)), len(list))
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].ID < list[j].ID })
	return list, nil
}

func (m *Maker) accounts(ctx context.Context, p profiles.Profile, s *profiles.SSO) ([]Account, error) {
	type page struct {
		AccountList []struct {
			AccountID    string `json:"accountId"`
			AccountName  string `json:"accountName"`
			EmailAddress string `json:"emailAddress"`
		} `json:"accountList"`
		NextToken string `json:"nextToken"`
	}
	var list []Account
	err := pages(func(query url.Values) (string, error) {
		var out page
		err := m.portal(ctx, p, s, "/assignment/accounts", query, &out)
		for _, a := range out.AccountList {
			if !accountID().MatchString(a.AccountID) || !creds.Printable(a.AccountName) || !creds.Printable(a.EmailAddress) {
				return "", malformed("an account in the answer has no id of twelve digits, or a name that cannot be printed")
			}
			list = append(list, Account{ID: a.AccountID, Name: a.AccountName, Email: a.EmailAddress})
		}
		return out.NextToken, err
	})
	return list, err
}

func (m *Maker) roles(ctx context.Context, p profiles.Profile, s *profiles.SSO, account string) ([]string, error) {
	type page struct {
		RoleList []struct {
			RoleName string `json:"roleName"`
		} `json:"roleList"`
		NextToken string `json:"nextToken"`
	}
	var list []string
	err := pages(func(query url.Values) (string, error) {
		var out page
		query.Set("account_id", account)
		err := m.portal(ctx, p, s, "/assignment/roles", query, &out)
		for _, r := range out.RoleList {
			if !roleName().MatchString(r.RoleName) {
				return "", malformed("a role in the answer has a name that IAM does not allow")
			}
			list = append(list, r.RoleName)
		}
		return out.NextToken, err
	})
	slices.Sort(list)
	return list, err
}

// pages calls next for one page after the other, with the token that the previous page
// ended with.
func pages(next func(url.Values) (string, error)) error {
	for at := ""; ; {
		query := url.Values{"max_result": {strconv.Itoa(100)}}
		if at != "" {
			query.Set("next_token", at)
		}
		after, err := next(query)
		if err != nil || after == "" || after == at {
			return err
		}
		at = after
	}
}
