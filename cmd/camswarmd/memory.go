package main

import (
	"runtime"
	"runtime/debug"

	"camswarm/swarm/p2p"
)

// What the Go runtime takes by the device's memory class, set unless the environment
// says GOMEMLIMIT, GOGC or GOMAXPROCS itself.
const (
	// heapShare is the part of the device's memory, in eighths, at which the
	// collector works harder instead of growing: the rest is for the firmware
	// proper and the page cache, from which images are served. It is a soft
	// limit; a node in use stays far below it.
	heapShare = 3
	// smallDevice is the memory up to which a smaller heap is worth more CPU:
	// GOGC=50 kept the peak of a 6.2 MB fetch at 35 MB in trials.
	smallDevice = 256 << 20
	smallGOGC   = 50
	// oneCore is the memory up to which the program runs Go code on one processor at a
	// time: most such devices have no other, and on those that have, video wants it.
	// It saves an idle node a quarter of its CPU time: one thread is woken, not two.
	oneCore = 128 << 20
)

// setMemory applies the class of the network configuration.
func setMemory(cfg p2p.Config, getenv func(string) string) error {
	limits, err := p2p.LimitsFor(cfg)
	if err != nil {
		return err
	}
	device := limits.Device
	if device > smallDevice {
		return nil
	}
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(device / 8 * heapShare)
	}
	if device <= oneCore && getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	if getenv("GOGC") == "" {
		debug.SetGCPercent(smallGOGC)
	}
	return nil
}
