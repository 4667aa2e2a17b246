package fakeaws

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// This file is the part of IAM that is needed to rotate keys and to find a user's MFA
// device.

var iamService = &service{
	name:      "iam",
	version:   "2010-05-08",
	namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
	write:     writeQuery,
	actions: map[string]func(*Server, *call) (any, *apiError){
		"CreateAccessKey":      createAccessKey,
		"ListAccessKeys":       listAccessKeys,
		"UpdateAccessKey":      updateAccessKey,
		"DeleteAccessKey":      deleteAccessKey,
		"GetAccessKeyLastUsed": getAccessKeyLastUsed,
		"GetUser":              getUser,
		"ListMFADevices":       listMFADevices,
		"ListAccountAliases":   listAccountAliases,
	},
}

// keyXML is the shape AccessKey, and without the secret AccessKeyMetadata.
type keyXML struct {
	UserName, AccessKeyId, Status string
	SecretAccessKey               string `xml:",omitempty"`
	CreateDate                    string
}

func (k *credential) keyXML() keyXML {
	status := "Inactive"
	if k.active {
		status = "Active"
	}
	return keyXML{UserName: k.user.name, AccessKeyId: k.id, Status: status, CreateDate: k.created.Format(time.RFC3339)}
}

// user returns the user that the request names, by default the caller.
func (s *Server) user(c *call) (*user, *apiError) {
	name := c.params.Get("UserName")
	if name == "" {
		if c.who.user == nil {
			return nil, invalid("Must specify userName when calling with non-User credentials")
		}
		return c.who.user, nil
	}
	for _, u := range s.state.users {
		if u.account == c.who.account && strings.EqualFold(u.name, name) {
			return u, nil
		}
	}
	return nil, noSuchEntity("The user with name %s cannot be found.", name)
}

func noSuchEntity(format string, args ...any) *apiError {
	return refuse(http.StatusNotFound, "NoSuchEntity", format, args...)
}

// key returns the user's key that the request names.
func (s *Server) key(c *call) (*credential, *apiError) {
	id := c.params.Get("AccessKeyId")
	var v checks
	v.required("accessKeyId", id)
	v.text("accessKeyId", id, 16, 128, `[\w]*`)
	if fail := v.fail(); fail != nil {
		return nil, fail
	}
	u, fail := s.user(c)
	if fail != nil {
		return nil, fail
	}
	for _, k := range u.keys {
		if k.id == id {
			return k, nil
		}
	}
	return nil, noSuchEntity("The Access Key with id %s cannot be found.", id)
}

func createAccessKey(s *Server, c *call) (any, *apiError) {
	u, fail := s.user(c)
	if fail != nil {
		return nil, fail
	}
	k, err := s.newKey(u)
	if errors.Is(err, ErrTooManyKeys) {
		return nil, refuse(http.StatusConflict, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: %d", keysPerUser)
	}
	if err != nil {
		return nil, refuse(http.StatusInternalServerError, "ServiceFailure", "%v", err)
	}
	k.settles = s.opts.KeysSettle
	doc := k.keyXML()
	doc.SecretAccessKey = k.secret.Reveal()
	return struct{ AccessKey keyXML }{doc}, nil
}

func listAccessKeys(s *Server, c *call) (any, *apiError) {
	u, fail := s.user(c)
	if fail != nil {
		return nil, fail
	}
	var list []keyXML
	for _, k := range u.keys {
		list = append(list, k.keyXML())
	}
	return struct {
		Keys        []keyXML `xml:"AccessKeyMetadata>member"`
		IsTruncated bool
	}{list, false}, nil
}

func updateAccessKey(s *Server, c *call) (any, *apiError) {
	status := c.params.Get("Status")
	if status != "Active" && status != "Inactive" {
		var v checks
		v.add("status", status, "satisfy enum value set: [Active, Inactive]")
		return nil, v.fail()
	}
	k, fail := s.key(c)
	if fail != nil {
		return nil, fail
	}
	k.active = status == "Active"
	return nil, nil
}

func deleteAccessKey(s *Server, c *call) (any, *apiError) {
	k, fail := s.key(c)
	if fail != nil {
		return nil, fail
	}
	delete(s.state.credentials, k.id)
	k.user.keys = slices.DeleteFunc(k.user.keys, func(o *credential) bool { return o == k })
	return nil, nil
}

func getAccessKeyLastUsed(s *Server, c *call) (any, *apiError) {
	id := c.params.Get("AccessKeyId")
	k := s.state.credentials[id]
	if k == nil || k.temporary() || k.account != c.who.account {
		return nil, refuse(http.StatusForbidden, "AccessDenied", "User: %s is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key %s", c.who.arn, id)
	}
	type lastUsed struct {
		LastUsedDate        string `xml:",omitempty"`
		ServiceName, Region string
	}
	used := lastUsed{ServiceName: "N/A", Region: "N/A"}
	if !k.lastUsed.IsZero() {
		used = lastUsed{k.lastUsed.Format(time.RFC3339), k.lastService, k.lastRegion}
	}
	return struct {
		UserName          string
		AccessKeyLastUsed lastUsed
	}{k.user.name, used}, nil
}

func getUser(s *Server, c *call) (any, *apiError) {
	u, fail := s.user(c)
	if fail != nil {
		return nil, fail
	}
	type userXML struct{ Path, UserName, UserId, Arn, CreateDate string }
	return struct{ User userXML }{
		userXML{u.path, u.name, u.id, u.arn, u.created.Format(time.RFC3339)},
	}, nil
}

func listMFADevices(s *Server, c *call) (any, *apiError) {
	u, fail := s.user(c)
	if fail != nil {
		return nil, fail
	}
	type deviceXML struct{ UserName, SerialNumber, EnableDate string }
	var list []deviceXML
	for _, d := range u.devices {
		list = append(list, deviceXML{u.name, d.serial, d.enabled.Format(time.RFC3339)})
	}
	return struct {
		Devices     []deviceXML `xml:"MFADevices>member"`
		IsTruncated bool
	}{list, false}, nil
}

// SetAlias gives an account an alias.
func (s *Server) SetAlias(account, alias string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.aliases[account] = alias
}

func listAccountAliases(s *Server, c *call) (any, *apiError) {
	var list []string
	if alias := s.state.aliases[c.who.account]; alias != "" {
		list = append(list, alias)
	}
	return struct {
		Aliases     []string `xml:"AccountAliases>member"`
		IsTruncated bool
	}{list, false}, nil
}
