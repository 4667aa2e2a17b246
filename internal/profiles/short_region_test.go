package profiles

import (
	"errors"
	"slices"
	"testing"
)

func TestAShortFormIsOneRegion(t *testing.T) {
	of := map[string]string{}
	for _, r := range Regions() {
		forms := shortForms(r.Name)
		if len(forms) == 0 {
			t.Errorf("%s has no short form", r.Name)
		}
		for _, form := range append(forms, r.Name) {
			if other := of[form]; other != "" && other != r.Name {
				t.Errorf("%s is %s and %s", form, other, r.Name)
			}
			if got := RegionNamed(form); got != r.Name {
				t.Errorf("%s: %s, want %s", form, got, r.Name)
			}
			of[form] = r.Name
		}
	}
	for form, want := range map[string]string{
		"ue1": "us-east-1", "use1": "us-east-1", "UE2": "us-east-2", "ue": "us-east-1", "uw2": "us-west-2", "euw1": "eu-west-1", "ew3": "eu-west-3", "euc1": "eu-central-1",
		"apse2": "ap-southeast-2", "ase2": "ap-southeast-2", "apne1": "ap-northeast-1", "as1": "ap-south-1", "afs1": "af-south-1", "cac1": "ca-central-1", "cnnw1": "cn-northwest-1",
		"cnn1": "cn-north-1", "ugw1": "us-gov-west-1", "sae1": "sa-east-1", "mec1": "me-central-1", "mxc1": "mx-central-1", "ilc1": "il-central-1",
		"": "", "nowhere": "nowhere", "ue9": "ue9", "us-future-7": "us-future-7", "aws-global": "aws-global",
	} {
		if got := RegionNamed(form); got != want {
			t.Errorf("%q: %q, want %q", form, got, want)
		}
	}
}

func TestWhatCannotBeARegionIsRefusedWithTheOneThatWasMeant(t *testing.T) {
	for _, known := range []string{"", "us-east-1", "us-iso-east-1", "eusc-de-east-1", "cn-north-1", "aws-global", "eu-west-9", "sa-west-1", "us-gov-central-12"} {
		if err := CheckRegion(known); err != nil {
			t.Errorf("%s: %v", known, err)
		}
	}
	for wrong, meant := range map[string]string{
		"us-eats-1": "us-east-1", "eu-wset-2": "eu-west-2", "us-east": "us-east-1", "us_east_1": "us-east-1", "ue9": "us-east-1", "euw9": "eu-west-1", "usgov-west-1": "us-gov-west-1",
		"us-east-1a": "us-east-1", "eu west 1": "eu-west-1", "x": "", "prod-account": "", "us-east-123": "us-east-1", "https://example.com": "", "us-east-": "us-east-1",
	} {
		var e *RegionError
		if err := CheckRegion(RegionNamed(wrong)); !errors.As(err, &e) {
			t.Errorf("%q is taken for a region: %v", wrong, err)
		} else if meant != "" && !slices.Contains(e.Nearest, meant) || meant == "" && len(e.Nearest) > 0 {
			t.Errorf("%q: %q, want %q", wrong, e.Nearest, meant)
		}
	}
}
