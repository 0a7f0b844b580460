//go:build camera

package node

import "errors"

// Build names what this build can be: "all" for cameras and seeds, "camera" for
// cameras alone, which is made with the build tag "camera" and links no DHT, no IPNS
// and, on every target, LevelDB for metadata.
const Build = "camera"

// checkBuild refuses what this build cannot do.
func (c *Config) checkBuild() error {
	switch {
	case c.Role == RoleSeed:
		return errors.New(`role is "seed", but this is the camera build; a seed needs the build for all roles, which is made without the build tag "camera"`)
	case c.Network.DHT:
		return errors.New("network.dht is true, but the camera build has no DHT; leave it out")
	case c.IPNS.Check:
		return errors.New("ipns.check is true, but the camera build reads no IPNS records; leave it out")
	}
	return nil
}
