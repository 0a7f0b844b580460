package sim

import (
	"fmt"
	"path"
	"strconv"
	"time"

	"camswarm/sim/report"
	"camswarm/verify"
)

// What every run is held to. Beside these, every honest camera that stays must
// get the image, which a report counts as Unfinished. They are told where they
// break: at the installer (member.go), while nodes come and go (acts.go), and at
// the end, below.
const (
	onlyVerified  = "only verified images are installed"
	onlyPublished = "only published images are installed"
	lastLook      = "a quorum confirms what is installed at the last moment"
	neverBack     = "no release is installed twice or after a newer one"
	noRollback    = "nothing that boots is rolled back"
	onlyLatest    = "only the latest release is kept"
	notAccused    = "honest peers are not accused"
	startsAgain   = "a node starts when it is told to"
	stops         = "a node stops when it is told to"
	announces     = "a step of the rollout is announced"
	stopReaches   = "a stop reaches every connected camera"
	recorded      = "the simulator knows what the contract answered"
)

// invariants are all of them.
var invariants = []string{onlyVerified, onlyPublished, lastLook, neverBack, noRollback, onlyLatest, notAccused, startsAgain, stops, announces, stopReaches, recorded}

// lookAge is how old the quorum's word may be when an image is installed: what
// ARCHITECTURE promises, and the time that one look may take.
const lookAge = 2*time.Minute + 10*time.Second

// judgeLook holds an install of a release to what the operators have told the
// camera: more than half of them, within lookAge, one state of the contract in
// which this camera may install it. What the node itself believes plays no part.
func (m *member) judgeLook(sequence uint64) {
	state, age := m.heard.confirmed(m.run.s.Chain.Operators/2+1, lookAge)
	if state < 0 {
		m.run.violate(lastLook, m.actor.name, fmt.Sprintf("release %d is installed, and no quorum of operators has said anything within %v", sequence, lookAge))
		return
	}
	view, err := m.run.stateViewFor(state, verify.Region(m.actor.region))
	if err != nil {
		m.run.violate(recorded, m.actor.name, err.Error())
		return
	}
	m.mu.Lock()
	m.lookAge = age
	device := verify.Device{DID: string(m.actor.did), Installed: m.lowest}
	m.mu.Unlock()
	choice := verify.Choose(&view, device, uint64(time.Now().Unix()))
	if !choice.Install || choice.Sequence != sequence {
		m.run.violate(lastLook, m.actor.name, fmt.Sprintf("release %d is installed, and revision %d, which a quorum has confirmed, does not have it installed", sequence, view.Rev))
	}
}

// check holds those promises that can be held while everybody still runs, after
// things have settled.
func (r *run) check() {
	latest := strconv.FormatUint(r.target, 10)
	for _, m := range r.cameraMembers() {
		if m.node == nil {
			continue
		}
		m.mu.Lock()
		installed := m.line.installed >= 0 && !m.actor.fails
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
