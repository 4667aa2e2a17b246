package profiles

// region returns the region of a profile: the override, that of the environment, of the
// profile itself, or of [default]; "" when none is set.
func (c *chain) region(v *view) (string, error) {
	if region := c.over.Region; region != "" {
		if !isLabel(region) {
			return "", &ValueError{Profile: v.name, Key: "region", Value: region, Why: notRegion}
		}
		v.caller("region", region)
		return region, nil
	}
	if region := v.label("region"); region != "" || v.err != nil {
		return region, v.err
	}
	l := c.set.layer("default")
	if len(l) == 0 || v.name == "default" {
		return "", nil
	}
	if err := l.damage(); err != nil {
		return "", err
	}
	d := &view{set: c.set, name: "default", layers: []layer{l}, trace: v.trace}
	return d.label("region"), d.err
}

// regionless gives a profile without a region the default one of its partition, with a
// warning.
func (c *chain) regionless(p *Profile, v *view) {
	if p.Region != "" {
		return
	}
	if s := p.Source.SSO; s != nil && c.set.directoryRole(p.Name) != nil && !c.set.Has(p.Name) {
		p.Region = s.Region // as "sso sync" writes it
		return
	}
	p.Region, p.Regionless = DefaultRegion(partitionOf(p)), true
	v.trace.add(Origin{Key: "region", Value: p.Region, Default: true})
	c.warnings = append(c.warnings, Warning{
		Profile: p.Name, Key: "region", Why: "none is set anywhere, " + p.Region + " is used",
	})
}

// partitionOf returns the partition in which the session of a profile is valid: that of its
// source, or else that of its region.
func partitionOf(p *Profile) string {
	partition := Partition(p.Region)
	switch s := p.Source; {
	case s.Role != nil:
		partition = arnPartition(s.Role.ARN)
	case s.WebIdentity != nil:
		partition = arnPartition(s.WebIdentity.ARN)
	case s.Login != nil:
		partition = or(arnPartition(s.Login.Session), partition)
	case s.SSO != nil:
		partition = Partition(s.SSO.Region)
	case s.Stored != nil && p.Region == "":
		partition = or(arnPartition(s.Stored.MFASerial), partition)
	}
	return partition
}

// regionFor returns the region whose STS can assume a role: the given one, unless the role
// belongs to another partition of AWS.
func regionFor(arn, region string) string {
	partition := arnPartition(arn)
	if region == "" || Partition(region) != partition && isPartition(partition) {
		return DefaultRegion(partition)
	}
	return region
}

const notRegion = "it is not the name of a region"

// label reads the name of a region. It becomes part of a host name, so it must look like
// one.
func (v *view) label(key string) string {
	region := v.str(key)
	if region != "" && !isLabel(region) {
		v.rejectKey(key, notRegion)
		return ""
	}
	return region
}

func isLabel(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && s[i] != '-' {
			return false
		}
	}
	return len(s) > 0 && len(s) < 64 && s[0] != '-' && s[len(s)-1] != '-'
}
