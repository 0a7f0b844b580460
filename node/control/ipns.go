package control

import "time"

// IPNSState is what became of the look at a release's IPNS record. The record
// corroborates; it never allows, forbids or starts anything.
type IPNSState string

// The states.
const (
	IPNSPending  IPNSState = "pending"  // not looked at yet
	IPNSOK       IPNSState = "ok"       // in force, and says of the release what the chain says
	IPNSAbsent   IPNSState = "absent"   // nobody has one
	IPNSExpired  IPNSState = "expired"  // its end has passed, by the chain's time
	IPNSBehind   IPNSState = "behind"   // of an older release: the publisher has not renewed it yet
	IPNSAhead    IPNSState = "ahead"    // of a newer release, which is not approved here (yet)
	IPNSMismatch IPNSState = "mismatch" // contradicts the approved release: an alarm
)

// IPNSStatus is the outcome of the look at a release's IPNS record.
type IPNSStatus struct {
	Name      string    `json:"name"`              // as the manifest has it
	Release   uint64    `json:"release"`           // the release that it was looked up for
	State     IPNSState `json:"state"`             //
	Sequence  uint64    `json:"sequence"`          // of the record; 0: there is none
	Value     string    `json:"value,omitempty"`   // where the record points to
	Validity  time.Time `json:"validity,omitzero"` // its end
	CheckedAt time.Time `json:"checkedAt,omitzero"`
	Detail    string    `json:"detail,omitempty"`   // why the state is not "ok"
	KeptUntil time.Time `json:"keptUntil,omitzero"` // on a node that a publisher gave a record: the end of that record
}

// IPNSPublished is what became of a record that was handed to a node.
type IPNSPublished struct {
	Name     string    `json:"name"`
	Release  uint64    `json:"release"`
	Sequence uint64    `json:"sequence"`
	Validity time.Time `json:"validity"`
	OnDHT    bool      `json:"onDht"`          // other servers were asked to keep it; if not, this node alone answers and tries again
	Note     string    `json:"note,omitempty"` // why not
}
