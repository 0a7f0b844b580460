package node

import (
	"time"

	"camswarm/verify"
)

// Limits on what the node reads from its operator and its own disk.
const (
	maxConfigBytes    = 256 << 10 // a TOML configuration
	maxSequence       = 1 << 32   // of a release in a catalog record; one a second for 136 years
	maxRecordBytes    = 64 << 10  // a catalog record in JSON
	maxSlotFile       = 2 << 10   // the note of the slot that holds a release's image
	maxTraffic        = 1 << 60   // bytes; a counter of a node's life beyond it was never counted
	maxRetiredRecords = 16        // releases remembered after their bytes are gone, per product
	maxRequests       = 64        // that wait for the owner of one product's state
	maxUnconfirmed    = 1 << 32   // seconds that are counted of a wait for a confirmation

	maxMoving     = 8                // releases that carry a move which is not made yet
	maxKnownBytes = 1 << 10          // how long it has been known, in JSON
	moveHold      = 24 * time.Hour   // for which a move is held that the old registry does not agree to
	moveTick      = 5 * time.Second  // between thoughts about it,
	moveLook      = 5 * time.Minute  // looks at both registries
	moveSave      = 15 * time.Minute // and saves of how long it has been known

	maxZone = 64 // bytes of a time zone's rule

	watchEvery  = time.Second // between looks at fetches while somebody listens to events,
	alarmsEvery = 5           // and how many of them to one at the alarms

	slotPatience = 5 * time.Minute // with a slot of a half-fetched image that is not there

	maxSpread = 24 * time.Hour // install.confirm_spread

	maxEnvelopes = 2 * verify.MaxCandidates // known for one product between two views
	spaceRecheck = time.Minute              // between looks whether there is more space than when a stage found none
)
