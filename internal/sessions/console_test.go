package sessions

import (
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/profiles"
)

func TestTheConsoleOfEachPartitionIsAtItsOwnAddress(t *testing.T) {
	for _, tc := range []struct {
		region, signin, page string
		signOut, fips        bool
	}{
		{"us-east-1", "us-east-1.signin.aws.amazon.com", "us-east-1.console.aws.amazon.com", false, false},
		{"eu-west-1", "eu-west-1.signin.aws.amazon.com", "eu-west-1.console.aws.amazon.com", false, false},
		{"eu-west-1", "us-east-1.signin.aws.amazon.com", "eu-west-1.console.aws.amazon.com", true, false},
		{"xx-new-1", "us-east-1.signin.aws.amazon.com", "xx-new-1.console.aws.amazon.com", false, false},
		{"cn-north-1", "signin.amazonaws.cn", "cn-north-1.console.amazonaws.cn", false, false},
		{"cn-northwest-1", "signin.amazonaws.cn", "cn-northwest-1.console.amazonaws.cn", true, false},
		{"us-gov-west-1", "signin.amazonaws-us-gov.com", "us-gov-west-1.console.amazonaws-us-gov.com", false, false},
		{"us-gov-east-1", "us-gov-east-1.signin.amazonaws-us-gov.com", "us-gov-east-1.console.amazonaws-us-gov.com", false, false},
		{"us-gov-west-1", "signin-fips.amazonaws-us-gov.com", "us-gov-west-1.console.amazonaws-us-gov.com", false, true},
		{"eusc-de-east-1", "eusc-de-east-1.signin.amazonaws-eusc.eu", "eusc-de-east-1.console.amazonaws-eusc.eu", false, false},
		{"us-iso-east-1", "us-iso-east-1.signin.c2shome.ic.gov", "us-iso-east-1.console.c2shome.ic.gov", false, false},
		{"us-isob-east-1", "us-isob-east-1.signin.sc2shome.sgov.gov", "us-isob-east-1.console.sc2shome.sgov.gov", false, false},
		{"eu-isoe-west-1", "eu-isoe-west-1.signin.csphome.adc-e.uk", "eu-isoe-west-1.console.csphome.adc-e.uk", false, false},
		{"us-isof-south-1", "us-isof-south-1.signin.csphome.hci.ic.gov", "us-isof-south-1.console.csphome.hci.ic.gov", false, false},
	} {
		if got := consoleHome(tc.region, profiles.Network{FIPS: tc.fips}, tc.signOut); got != "https://"+tc.signin {
			t.Errorf("%s: signs in at %s, want %s", tc.region, got, tc.signin)
		}
		page, err := ConsoleAddress(tc.region, "")
		if want := "https://" + tc.page + "/console/home?region=" + tc.region; page != want || err != nil {
			t.Errorf("%s: %s, %v", tc.region, page, err)
		}
	}
}

func TestAPageOfTheConsoleStaysInTheConsole(t *testing.T) {
	for path, want := range map[string]string{
		"lambda":                      "/lambda?region=eu-west-1",
		"/s3/buckets/x?tab=objects":   "/s3/buckets/x?region=eu-west-1&tab=objects",
		"ec2/home?region=us-east-1#I": "/ec2/home?region=us-east-1#I",
		"//evil.example.com/":         "/evil.example.com/?region=eu-west-1",
		`\\evil.example.com`:          "/evil.example.com?region=eu-west-1",
		"@evil.example.com":           "/@evil.example.com?region=eu-west-1",
	} {
		got, err := ConsoleAddress("eu-west-1", path)
		if err != nil || got != "https://eu-west-1.console.aws.amazon.com"+want {
			t.Errorf("%s: %s, %v", path, got, err)
		}
	}
	for _, path := range []string{
		"https://console.aws.amazon.com.evil.example.com/", "http://console.aws.amazon.com/", "https://evilconsole.aws.amazon.com/",
		"https://console.aws.amazon.com:8443/", "https://x@console.aws.amazon.com/", "https://console.amazonaws.cn/", "javascript://console.aws.amazon.com/%0aalert(1)", "a%zz",
	} {
		if got, err := ConsoleAddress("eu-west-1", path); err == nil {
			t.Errorf("%s leads to %s", path, got)
		} else if strings.Contains(err.Error(), "parse") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
