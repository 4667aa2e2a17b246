package profiles

import "strings"

// endpoint finds the STS endpoint of a profile, "" for AWS's own: the override, then
// that of the services section the profile names, then its endpoint_url.
func (c *chain) endpoint(v *view) (string, error) {
	if c.over.Endpoint != "" {
		return c.over.Endpoint, nil
	}
	if c.over.IgnoreEndpoints || strings.EqualFold(v.str("ignore_configured_endpoint_urls"), "true") {
		return "", v.err
	}
	if name := v.str("services"); name != "" && v.err == nil {
		url, err := c.serviceEndpoint(v, name)
		if url != "" || err != nil {
			return url, err
		}
	}
	url := v.str("endpoint_url")
	return url, v.err
}

func (c *chain) serviceEndpoint(v *view, name string) (string, error) {
	at, ok := c.set.services.at[name]
	if !ok {
		v.rejectKey("services", "there is no such services section")
		return "", v.err
	}
	sec := &c.set.sections[at]
	if err := c.set.damage(sec); err != nil {
		return "", err
	}
	block, _ := c.set.lookup(sec, "sts")
	return block.Nested()["endpoint_url"], nil
}
