//go:build !camera

package node

// Build names what this build can be: "all" for cameras and seeds, "camera" for
// cameras alone, which is made with the build tag "camera" and links no DHT, no IPNS
// and, on every target, LevelDB for metadata.
const Build = "all"

// checkBuild refuses what this build cannot do.
func (c *Config) checkBuild() error { return nil }
