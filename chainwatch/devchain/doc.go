// Package devchain is a whole EVM chain in one process, for demos, tests and
// development: go-ethereum's node and simulated beacon, in memory, with the
// rules of the Cancun fork (the newest that is active on IoTeX), served over
// real HTTP and WebSocket JSON-RPC. It knows nothing of firmware or of the
// registry contract. On request it has the quirks of IoTeX's gateways
// ([Config.IoTeX]), so that what must work there is tested here.
package devchain
