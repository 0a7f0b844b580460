// Package sim runs scenarios of whole networks of real nodes in one process and
// virtual time, and measures how fast a release reaches every camera.
//
// Nodes are those of package node with everything in them: discovery, gossip,
// the quorum of chain views, the exchange, verification, installation and
// collection. What is modelled is what lies outside a device: the lines
// (package links), the endpoints of the chain (the real contract's answers,
// recorded and replayed with latency), the flash chip behind the installer, and
// the metadata database, which is kept in memory. A camera's CPU takes no time.
//
// Scenarios are data (Scenario, scenarios/*.toml); Run turns one into a
// report.Report, with baselines over the same lines. Runs with one seed are
// statistically alike, not equal bit for bit: goroutines, map orders and QUIC's
// keys are not seeded. Compare medians over several seeds.
//
// The parts, by file: a Scenario is what a researcher writes (scenario.go, keys.go).
// The cast is what chance makes of it before anything starts (cast.go, lines.go);
// the script is what people do on chain, recorded (script.go, chain.go). A run plays
// it (run.go, acts.go) with members on stage (member.go, hostile.go), holds the
// promises (invariants.go) and sums up (report.go, baselines.go). A Scenario also
// makes a fleet.Fleet for sizes that no run reaches (fleet.go).
package sim
