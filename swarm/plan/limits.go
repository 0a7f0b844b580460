package plan

import "time"

const (
	// PlannerTick is how often a Planner looks for stalled and slow peers.
	PlannerTick = 100 * time.Millisecond

	// LenderTick is how often a Lender that rations a file looks for offers that
	// nobody took.
	LenderTick = 200 * time.Millisecond
)
