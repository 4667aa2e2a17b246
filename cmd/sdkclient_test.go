package cmd_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// sdkClient is set for the copy of the tests that is a program with the SDK for Go.
const sdkClient = "VAULT_TEST_SDK_CLIENT"

// useSDK asks as the SDK's default chain does, and does not try a call twice.
func useSDK() int {
	provider := endpointcreds.New(os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI"), func(o *endpointcreds.Options) {
		o.AuthorizationToken = os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")
		if file := os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); file != "" {
			o.AuthorizationToken = string(must(os.ReadFile(file)))
		}
	})
	cache := aws.NewCredentialsCache(provider, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = 5 * time.Minute })
	client := sts.New(sts.Options{
		Region: os.Getenv("AWS_REGION"), Credentials: cache, BaseEndpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL")), Retryer: aws.NopRetryer{},
	})
	seconds := must(strconv.Atoi(os.Getenv("WORK_SECONDS")))
	for end := time.Now().Add(time.Duration(seconds) * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		who, err := client.GetCallerIdentity(context.Background(), nil)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println(must(cache.Retrieve(context.Background())).AccessKeyID, *who.Arn)
	}
	return 0
}
