package profiles

import "strings"

// Partition says which of AWS's separate clouds a region belongs to. Regions AWS has
// not built yet are told apart by their prefix; anything else is "aws".
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"), strings.HasPrefix(region, "aws-cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"), strings.HasPrefix(region, "aws-us-gov-"):
		return "aws-us-gov"
	case strings.HasPrefix(region, "eusc-"):
		return "aws-eusc"
	case strings.HasPrefix(region, "us-iso-"), region == "aws-iso-global":
		return "aws-iso"
	case strings.HasPrefix(region, "us-isob-"), region == "aws-iso-b-global":
		return "aws-iso-b"
	case strings.HasPrefix(region, "eu-isoe-"), region == "aws-iso-e-global":
		return "aws-iso-e"
	case strings.HasPrefix(region, "us-isof-"), region == "aws-iso-f-global":
		return "aws-iso-f"
	}
	return "aws"
}

// DefaultRegion is the region to ask when nobody named one: where AWS keeps the
// partition's global services. An unknown partition gets that of "aws".
func DefaultRegion(partition string) string {
	switch partition {
	case "aws-cn":
		return "cn-northwest-1"
	case "aws-us-gov":
		return "us-gov-west-1"
	case "aws-eusc":
		return "eusc-de-east-1"
	case "aws-iso":
		return "us-iso-east-1"
	case "aws-iso-b":
		return "us-isob-east-1"
	case "aws-iso-e":
		return "eu-isoe-west-1"
	case "aws-iso-f":
		return "us-isof-south-1"
	}
	return "us-east-1"
}

// Region is one row of the table that completion shows.
type Region struct{ Name, Description, Partition string }

//go:generate go run gen_regions.go

// Regions lists the regions AWS has published, by partition and name. The caller must
// not change it.
func Regions() []Region { return regions[:] }
