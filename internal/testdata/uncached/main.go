// Command uncached runs a program under a role as a tool does that keeps no session: it reads
// the key with the keyring library, asks AWS with the SDK's client, and starts the program.
// A cold "vault exec" is measured beside it.
//
//	uncached URL DIRECTORY ITEM ROLE-ARN PROGRAM, with the passphrase in UNCACHED_PASSPHRASE
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"syscall"

	"github.com/99designs/keyring"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(url, dir, item, role, program string) error {
	ring, err := keyring.Open(keyring.Config{
		AllowedBackends: []keyring.BackendType{keyring.FileBackend}, ServiceName: "aws-vault",
		FileDir: dir, FilePasswordFunc: keyring.FixedStringPrompt(os.Getenv("UNCACHED_PASSPHRASE")),
	})
	if err != nil {
		return err
	}
	stored, err := ring.Get(item)
	if err != nil {
		return err
	}
	var key aws.Credentials // has the same fields
	if err := json.Unmarshal(stored.Data, &key); err != nil {
		return err
	}
	client := sts.New(sts.Options{
		Region: "us-east-1", BaseEndpoint: &url,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return key, nil }),
	})
	out, err := client.AssumeRole(context.Background(), &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("uncached")})
	if err != nil {
		return err
	}
	return syscall.Exec(program, []string{program}, append(os.Environ(),
		"AWS_ACCESS_KEY_ID="+*out.Credentials.AccessKeyId, "AWS_SECRET_ACCESS_KEY="+*out.Credentials.SecretAccessKey,
		"AWS_SESSION_TOKEN="+*out.Credentials.SessionToken))
}
