package sim

import (
	"fmt"
	"path"
	"strconv"

	"camswarm/sim/report"
)

// What every run is held to. Beside these, every honest camera that stays must
// get the image, which a report counts as Unfinished. They are told where they
// break: at the installer (member.go), while nodes come and go (acts.go), and at
// the end, below.
const (
	onlyVerified  = "only verified images are installed"
	onlyPublished = "only published images are installed"
	neverBack     = "no release is installed twice or after a newer one"
	noRollback    = "nothing is rolled back"
	onlyLatest    = "only the latest release is kept"
	notAccused    = "honest peers are not accused"
	startsAgain   = "a node starts when it is told to"
	stops         = "a node stops when it is told to"
	announces     = "a step of the rollout is announced"
	stopReaches   = "a stop reaches every connected camera"
)

// check holds those promises that can be held while everybody still runs, after
// things have settled.
func (r *run) check() {
	latest := strconv.FormatUint(r.target, 10)
	for _, m := range r.cameraMembers() {
		if m.node == nil {
			continue
		}
		m.mu.Lock()
		installed := m.line.installed >= 0
		m.mu.Unlock()
		for _, dir := range m.held() {
			if base := path.Base(dir); installed && base != latest {
				r.violate(onlyLatest, m.actor.name, "release "+base+" is still on disk")
			}
		}
		for p, s := range m.node.Traffic().Peers {
			if o := r.byPeer[string(p)]; s.Wrong > 0 && o != nil && o.actor.honest() {
				r.violate(notAccused, m.actor.name, fmt.Sprintf("%d wrong bytes counted against %s", s.Wrong, o.actor.name))
			}
		}
	}
}

// violate records a broken promise.
func (r *run) violate(invariant, who, detail string) {
	r.log.Error("broken promise", "invariant", invariant, "node", who, "detail", detail)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.violations = append(r.violations, report.Violation{Invariant: invariant, Node: who, Detail: detail})
}
