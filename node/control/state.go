package control

import "fmt"

// State is how far one release has come on this node. It only moves forward,
// except that a release whose bytes turn out to be missing goes back to
// StateFetching. A restart resumes from it.
type State uint8

// The states, in order.
const (
	StateKnown     State = iota + 1 // the chain offers it and its envelope is genuine
	StateFetching                   // its directory exists, blocks are arriving
	StateFetched                    // every block is on disk and synced
	StateVerified                   // the whole image was hashed and is the manifest's
	StateInstalled                  // the installer has it; whether it boots is not known yet
	StateConfirmed                  // it runs
	StateFailed                     // the installer refused it or it did not boot; see LastError
	StateRetired                    // its bytes are gone
)

var stateNames = [...]string{"unknown", "known", "fetching", "fetched", "verified", "installed", "confirmed", "failed", "retired"}

// String returns the state's word, as status and logs show it; "unknown" for what
// is none.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return stateNames[0]
}

// MarshalText implements encoding.TextMarshaler.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *State) UnmarshalText(b []byte) error {
	for i, name := range stateNames {
		if name == string(b) {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("unknown release state %q", b)
}
