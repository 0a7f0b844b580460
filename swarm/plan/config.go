package plan

import "time"

// PlannerConfig tunes a Planner. The defaults come from the measurements that
// are named at each field; 6.2 MB, one seed at 100 Mbit/s, cameras at 20 up and
// 50 down, 10-150 ms of round trip, ten neighbours each.
type PlannerConfig struct {
	// Ahead is how much work is kept at a peer: as many blocks as arrive from
	// it in that time, and two if one takes less than twice of it. More hides
	// longer round trips; less leaves more blocks to be asked of a peer that
	// turns out to be faster: 100, 150, 200, 300 and 400 ms took 1.35, 1.27,
	// 1.25, 1.27 and 1.33 times the bound at p95.
	Ahead time.Duration

	// StartWindow and MaxWindow bound the blocks in flight per peer before
	// and after its speed is known. A larger start makes every neighbour of
	// the seed queue more blocks there, where copies are dearest. Both grow
	// when there are few sources, see Few.
	StartWindow, MaxWindow int

	// Few is the number of blocks in flight that the sources share when they
	// are too few to reach it with StartWindow each: a single source starts
	// with Few blocks and may have 4×Few, so that one long fat link is filled.
	Few int

	// MinInFlight and MaxInFlight bound the bytes in flight in all: half a
	// second of what arrives, clamped to these. At least two blocks are
	// always allowed. What was asked of peers that have fallen silent is not
	// counted, up to MaxInFlight once more.
	MinInFlight, MaxInFlight int64

	// Stall is how long a peer that was asked may send nothing at all before
	// its blocks are asked of others.
	Stall time.Duration

	// EndgameHedge is the age at which a request may be repeated at a second
	// peer when no other block is left to ask for.
	EndgameHedge time.Duration

	// SlowFactor is how many times longer than a second peer would need a
	// request must have waited, and will still take, before it is repeated there.
	SlowFactor float64

	// MaxHedges bounds the blocks that are asked of two peers at once. Each
	// may arrive twice.
	MaxHedges int

	// JoinGrace is how long peers that may have blocks, but have not said so,
	// count as sources when Few is shared out. In a flash crowd every
	// neighbour of the seed would otherwise believe itself alone with it.
	JoinGrace time.Duration
}

// DefaultPlannerConfig returns the measured defaults.
func DefaultPlannerConfig() PlannerConfig {
	return PlannerConfig{
		Ahead:        200 * time.Millisecond,
		StartWindow:  2,
		MaxWindow:    32,
		Few:          16,
		MinInFlight:  1 << 20,
		MaxInFlight:  4 << 20,
		Stall:        4 * time.Second,
		EndgameHedge: 250 * time.Millisecond,
		SlowFactor:   3,
		MaxHedges:    16,
		JoinGrace:    2 * time.Second,
	}
}

// LenderConfig tunes a Lender. Measured with one seed at 100 Mbit/s that is
// connected to 20 to 500 cameras at 20 up and 50 down; see sim/flow.
type LenderConfig struct {
	// Open is the number of connected peers that may still need the file, up
	// to which nothing is rationed. A camera, which has 16 connections at
	// most, never rations; a seed does in a crowd. In the model a seed at 100
	// Mbit/s gains nothing from it with 50 cameras, 1 % with 70, 8 % with 100;
	// one at 1 Gbit/s loses 7, 4 and 2 %.
	Open int

	// Ahead is how much may be disclosed and not sent yet, as time of the
	// uplink. More is a longer queue for everyone; less lets the uplink idle
	// while the answers to offers travel.
	Ahead time.Duration

	// StartWindow, MinWindow and MaxWindow bound the same in bytes, before and
	// after the speed of the uplink is known.
	StartWindow, MinWindow, MaxWindow int64

	// PerPeer is how many blocks a peer is offered at first. The number
	// doubles as it takes them, up to its share of the window.
	PerPeer int

	// Stale is how long an offer that nobody takes up counts.
	Stale time.Duration
}

// DefaultLenderConfig returns the measured defaults.
func DefaultLenderConfig() LenderConfig {
	return LenderConfig{
		Open:        48,
		Ahead:       450 * time.Millisecond,
		StartWindow: 3 << 20,
		MinWindow:   256 << 10,
		MaxWindow:   32 << 20,
		PerPeer:     8,
		Stale:       400 * time.Millisecond,
	}
}
