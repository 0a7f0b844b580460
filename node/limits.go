package node

// Limits on what the node reads from its operator and its own disk.
const (
	maxConfigBytes    = 256 << 10 // a TOML configuration
	maxSequence       = 1 << 32   // of a release in a catalog record; one a second for 136 years
	maxRecordBytes    = 64 << 10  // a catalog record in JSON
	maxTraffic        = 1 << 60   // bytes; a counter of a node's life beyond it was never counted
	maxStoreMarker    = 100       // bytes of the file that names the database
	maxStoreFile      = 64 << 20  // bytes of one file of the database; ours are made with up to 4 MB
	maxRetiredRecords = 16        // releases remembered after their bytes are gone, per product
)
