package node_test

import (
	"os"
	"testing"
	"time"

	"camswarm/node"
	"camswarm/node/control"
	"camswarm/sim/localnet"
	"camswarm/swarm/p2p"
	"camswarm/verify"
)

// A camera without a clock, or with one that is far ahead, joins over Noise,
// decides by the chain's time and updates: a release that the chain's time has
// not expired is installed although the clock says 2099, one that the chain's
// time has expired is not although the clock says 2000, and a rollout starts
// when the chain says.
func TestThreatClockAt1970(t *testing.T) {
	if testing.Short() {
		t.Skip("runs whole nodes; left out with -short")
	}
	s := &swarm{t: t}
	var first, stale, third *localnet.Release
	expiring := func(a *localnet.Authority, seq uint64, expires time.Time) *localnet.Release {
		r := named(t, a, s.image(seq, 200_000), seq, "")
		r.Manifest.Expires = uint64(expires.Unix())
		r, err := localnet.Sign(r.Manifest, r.Path, a.Signers[:a.Keys.Threshold]...)
		s.must(err)
		return r
	}
	rec := newRecording(t, func(a *localnet.Authority, keep func()) {
		keep()
		put := func(r *localnet.Release, policy verify.Rollout) {
			_, err := a.Registry.Publish(t.Context(), a.Manufacturer, r.Record)
			s.must(err)
			s.must(a.SetRollout(t.Context(), r.Record.Sequence, policy))
			keep()
		}
		first = expiring(a, 1, chainNow.Add(24*time.Hour))
		stale = expiring(a, 2, chainNow.Add(-time.Hour))
		third = expiring(a, 3, chainNow.Add(24*time.Hour))
		put(first, toAllNow)
		put(stale, toAllNow)
		put(third, verify.Rollout{Mode: verify.RolloutAll, NotBefore: uint64(chainNow.Add(20 * time.Minute).Unix())})
	})
	for name, clock := range badClocks {
		t.Run(name, func(t *testing.T) {
			rec.inBubble(t, clock, chainNow, func(w *world) {
				seed := w.add(node.RoleSeed)
				camera := w.add(node.RoleCamera)
				w.until("the camera joins", func() bool { return camera.Status().Peers > 0 })
				w.release(seed, first, 1)
				w.until("release 1 runs", func() bool { return camera.runs() == 1 })
				w.slotHolds(camera, first)

				w.set(2)
				for _, n := range w.nodes {
					n.Look()
				}
				time.Sleep(time.Minute)
				if got := camera.runs(); got != 1 {
					t.Fatalf("release %d runs, which expired by the chain's time", got)
				}
				w.release(seed, third, 3)
				time.Sleep(5 * time.Minute)
				if got := camera.runs(); got != 1 {
					t.Errorf("release %d runs before its time", got)
				}
				w.until("release 3 runs at its time", func() bool { time.Sleep(30 * time.Second); return camera.runs() == 3 })
				w.slotHolds(camera, third)
			})
		})
	}
}

// An IPNS record is judged by the chain's time: a clock in 2000 does not make an
// ended record good, a clock in 2099 does not end a good one, and neither keeps
// the approved release away.
func TestThreatIPNSExpiredWithBadClock(t *testing.T) {
	if testing.Short() {
		t.Skip("runs whole nodes; left out with -short")
	}
	s := &swarm{t: t}
	key, name := newIPNSKey(t)
	var first, second *localnet.Release
	rec := newRecording(t, func(a *localnet.Authority, keep func()) {
		keep()
		first, second = named(t, a, s.image(1, 200_000), 1, name), named(t, a, s.image(2, 200_000), 2, name)
		for _, r := range []*localnet.Release{first, second} {
			_, err := a.Registry.Publish(t.Context(), a.Manufacturer, r.Record)
			s.must(err)
			keep()
			s.must(a.SetRollout(t.Context(), r.Record.Sequence, toAllNow))
			keep()
		}
	})
	for clockName, clock := range badClocks {
		t.Run(clockName, func(t *testing.T) {
			rec.inBubble(t, clock, chainNow, func(w *world) {
				seed := w.add(node.RoleSeed)
				camera := w.add(node.RoleCamera)
				stranger := w.stranger(seed) // has got hold of the records, and asks nobody's clock
				s.must(stranger.SetIPNSNames([]string{name}))
				state := func(n *citizen) control.IPNSState {
					if i := n.Status().Products[0].IPNS; i != nil {
						return i.State
					}
					return ""
				}
				give := func(r *localnet.Release, validity time.Time, state int) {
					w.set(state)
					seed.Look()
					f, err := os.Open(r.Path)
					s.must(err)
					defer func() { _ = f.Close() }()
					_, err = seed.Provide(w.ctx, r.Envelope, f)
					s.must(err)
					w.until("the seed holds it", func() bool {
						i := seed.Status().Products[0].IPNS
						return i != nil && i.Release == r.Record.Sequence
					})
					data := record(t, r, key, chainNow, func(rec *p2p.IPNSRecord) { rec.Validity = validity })
					if err := stranger.PutIPNS(w.ctx, name, data); err != nil {
						t.Error(err)
					}
				}
				w.until("the camera joins", func() bool { return camera.Status().Peers > 0 })

				give(first, chainNow.Add(24*time.Hour), 1)
				w.set(2)
				w.announce(seed, first)
				w.until("release 1 runs", func() bool { return camera.runs() == 1 })
				w.until("its record is good", func() bool { return state(camera) == control.IPNSOK })

				give(second, chainNow.Add(-time.Hour), 3)
				w.set(4)
				w.announce(seed, second)
				w.until("release 2 runs", func() bool { return camera.runs() == 2 })
				w.slotHolds(camera, second)
				w.until("its record has ended", func() bool { return state(camera) == control.IPNSExpired })
				if alarms := camera.Status().Alarms; len(alarms) > 0 {
					t.Errorf("alarms %+v", alarms)
				}
			})
		})
	}
}
