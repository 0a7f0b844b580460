// Package sim is where whole swarms are run in one process. Its sub-package
// localnet starts a small real deployment on loopback: the demo and the
// integration tests of package node are built on it.
package sim
