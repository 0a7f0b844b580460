package node

// Limits on what the node reads from its operator and its own disk.
const (
	maxConfigBytes    = 256 << 10 // a TOML configuration
	maxSequence       = 1 << 32   // of a release in a catalog record; one a second for 136 years
	maxRecordBytes    = 64 << 10  // a catalog record in JSON
	maxTraffic        = 1 << 60   // bytes; a counter of a node's life beyond it was never counted
	maxRetiredRecords = 16        // releases remembered after their bytes are gone, per product
)
