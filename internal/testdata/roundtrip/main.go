// Command roundtrip is the least that assumes a role: one signed request with net/http,
// no SDK client, no config file, no keyring. A cold "vault use" is measured beside it.
//
//	roundtrip URL KEY-ID ROLE-ARN, with the secret key in ROUNDTRIP_KEY
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Getenv("ROUNDTRIP_KEY"), os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(endpoint, id, key, role string) error {
	body := url.Values{
		"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {role}, "RoleSessionName": {"roundtrip"},
	}.Encode()
	req, err := http.NewRequest("POST", endpoint+"/", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	sum := sha256.Sum256([]byte(body))
	who := aws.Credentials{AccessKeyID: id, SecretAccessKey: key}
	err = v4.NewSigner().SignHTTP(context.Background(), who, req, hex.EncodeToString(sum[:]), "sts", "us-east-1", time.Now())
	if err != nil {
		return err
	}
	reply, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = reply.Body.Close() }()
	var answer struct {
		ID string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
	}
	if err := xml.NewDecoder(reply.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.ID == "" {
		return errors.New(reply.Status)
	}
	return nil
}
