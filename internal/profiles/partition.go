package profiles

import "strings"

//go:generate go run gen_regions.go

// partition is one of AWS's separate clouds.
type partition struct {
	id     string
	prefix string // of its regions' names; "" for the partition that has all other names
	global string // the region that holds its global services
	Domains
}

// Domains are the domain names of a partition: of its services, of those that answer
// over IPv6 too, and of the console's sign-in pages.
type Domains struct{ Services, DualStack, Console string }

// Partition returns the id of the partition that a region belongs to: "aws-cn". A region
// that is not in the table is recognized by its prefix; any other name belongs to "aws".
func Partition(region string) string {
	for _, p := range partitions {
		if p.prefix != "" && strings.HasPrefix(region, p.prefix) || region == p.id+"-global" {
			return p.id
		}
	}
	return partitions[0].id
}

// DefaultRegion returns the region to ask when none is named: where AWS keeps the
// partition's global services. An unknown partition gets that of "aws".
func DefaultRegion(id string) string { return partitionByID(id).global }

// OtherRegions returns a region of each public partition other than that of a region. A key
// is known in one partition only.
func OtherRegions(region string) []string {
	var list []string
	for _, id := range [...]string{"aws", "aws-cn", "aws-us-gov", "aws-eusc"} {
		if id != Partition(region) {
			list = append(list, DefaultRegion(id))
		}
	}
	return list
}

// RegionFor returns the region to ask about what an ARN names, if that is outside of the
// partition "aws"; otherwise "".
func RegionFor(arn string) string {
	if id := arnPartition(arn); id != "" && id != partitions[0].id {
		return DefaultRegion(id)
	}
	return ""
}

// PartitionDomains returns the domains of a partition. An unknown partition gets those
// of "aws".
func PartitionDomains(id string) Domains { return partitionByID(id).Domains }

// isPartition reports whether AWS has a partition of that id. Servers such as MinIO have
// their own in ARNs.
func isPartition(id string) bool { return partitionByID(id).id == id }

func partitionByID(id string) *partition {
	for i := range partitions {
		if partitions[i].id == id {
			return &partitions[i]
		}
	}
	return &partitions[0]
}

// Region is a region as completion shows it.
type Region struct{ Name, Description, Partition string }

// Regions returns the regions that AWS has published, sorted by partition and name. The
// caller must not change the list.
func Regions() []Region { return regions[:] }
