package node

// Limits on what the node reads from its operator and its own disk.
const (
	maxConfigBytes    = 256 << 10 // a TOML configuration
	maxRetiredRecords = 16        // releases remembered after their bytes are gone, per product
)
