package node

import (
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/announce/beacon"
	"camswarm/node/control"
)

// wireBeacons makes what tells, on a camera, or counts, on a seed.
func (n *Node) wireBeacons(key crypto.PrivKey) (err error) {
	c := n.cfg.Beacons
	if c.Tell {
		n.teller = &beacon.Teller{
			Host: n.network.Host(), Key: key, Spread: c.Spread, Keep: c.Keep, Log: n.log,
			Seeds: func() []peer.ID { return n.network.ConnectedStatics(beacon.Protocol) },
			Now:   n.followers[0].beacon,
		}
	}
	if c.Count {
		n.fleet, err = newFleet(n)
	}
	return err
}

// beacon is what there is to tell of this camera's release, and when; false before the
// chain was seen. What has failed is told until a newer release is under way.
func (f *follower) beacon() (beacon.Beacon, uint64, bool) {
	s := f.published.Load()
	if s.view == nil {
		return beacon.Beacon{}, 0, false
	}
	b := beacon.Beacon{Product: f.product(), Region: f.cfg.Region, Label: f.cfg.Label}
	switch {
	case s.running.confirmed():
		b.Running = s.running.Release.Sequence
	case s.fallback.confirmed():
		b.Running = s.fallback.Release.Sequence
	}
	if b.Running > 0 {
		b.Release, b.State = b.Running, beacon.StateConfirmed
	}
	for _, r := range s.records { // oldest first
		if state, tells := beaconState(r); tells && r.Release.Sequence > b.Release {
			b.Release, b.State = r.Release.Sequence, state
		}
	}
	return b, s.trustedTime(s.view, time.Now()), true
}

// beaconState is what is told of a release.
func beaconState(r record) (state beacon.State, tells bool) {
	switch r.State {
	case control.StateFetching:
		return beacon.StateFetching, true
	case control.StateFetched, control.StateVerified:
		return beacon.StateHeld, true
	case control.StateInstalled:
		return beacon.StateInstalled, true
	case control.StateConfirmed:
		return beacon.StateConfirmed, true
	case control.StateFailed:
		if r.Installed > 0 {
			return beacon.StateRolledBack, true
		}
		return beacon.StateFailed, true
	}
	return beacon.StateNone, false
}
