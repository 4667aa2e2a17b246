package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// client goes straight to loopback, whatever proxy the environment names.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second}}

// Fetch returns the session that a Lease, of another process say, answers with.
func Fetch(ctx context.Context, url string, token creds.Secret) (creds.Session, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return creds.Session{}, err
	}
	req.Header.Set("Authorization", token.Reveal())
	res, err := client.Do(req)
	if err != nil {
		return creds.Session{}, err
	}
	defer func() { _ = res.Body.Close() }()
	return decode(res.StatusCode, io.LimitReader(res.Body, 64<<10))
}

// decode reads what such an endpoint answered.
func decode(status int, body io.Reader) (creds.Session, error) {
	var a struct {
		AccessKeyID                  string `json:"AccessKeyId"`
		SecretAccessKey, Token, Code string
		Message                      string
		Expiration                   time.Time
	}
	if err := json.NewDecoder(body).Decode(&a); err != nil {
		return creds.Session{}, fmt.Errorf("the endpoint answered with status %d and no JSON: %w", status, err)
	}
	if status != http.StatusOK {
		return creds.Session{}, &Error{Code: a.Code, Message: a.Message, Retry: status >= 500}
	}
	return creds.Session{AccessKeyID: a.AccessKeyID, SecretKey: creds.New(a.SecretAccessKey), Token: creds.New(a.Token), Expires: a.Expiration}, nil
}
