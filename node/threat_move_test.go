package node_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"camswarm/chainwatch/registry"
	"camswarm/chainwatch/registry/first"
	"camswarm/node"
	"camswarm/node/control"
	"camswarm/sim/localnet"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// onFirstVersion has the deployment begin in a registry of version 1.
func onFirstVersion(cfg *localnet.Config) {
	cfg.Deploy = func(ctx context.Context, c *registry.Client, key *sign.Key, terms registry.Terms) (*registry.Registry, error) {
		return first.Deploy(ctx, c, key, terms.Delay, terms.Pauser)
	}
}

// next deploys a registry on a chain of its own, to which the manufacturer can
// move.
func (s *swarm) next(chainID, latest uint64) *localnet.Authority {
	s.t.Helper()
	a, err := localnet.Deploy(s.ctx, localnet.Config{From: &s.Authority, ChainID: chainID, Latest: latest})
	s.must(err)
	s.t.Cleanup(func() { _ = a.Close() })
	return a
}

// move leaves the registry for another.
func (s *swarm) move(to *localnet.Authority) {
	s.t.Helper()
	_, err := s.Leave(to)
	s.must(err)
	s.Move(to)
}

// stands waits until members stand in the manufacturer's present registry.
func (s *swarm) stands(ms ...*localnet.Member) {
	s.t.Helper()
	for _, m := range ms {
		s.until(m.Name+" stands in the new registry", func() bool {
			return m.Node.Status().Products[0].Chain.Registry == s.Registry.Ref()
		})
	}
}

// A running fleet on a registry of version 1 is taken to one of version 2 on
// another chain, with nothing but a release that is published there; keys are
// rotated on the way, a camera that was off makes two moves at once, and whatever
// the old registries say afterwards, or whether they are there at all, no longer
// counts.
func TestFleetMovesToAnotherRegistry(t *testing.T) {
	s := startSwarm(t, 3, nil, onFirstVersion)
	awake, asleep := s.Cameras[:2], s.Cameras[2]
	if v, err := s.Registry.Version(s.ctx); err != nil || v != 1 {
		t.Fatalf("version %d, %v", v, err)
	}
	s.release(s.build(1, 300_000), toAll)
	s.untilAllRun(1)
	s.must(asleep.Stop())
	s.Cameras = awake

	old := s.Authority
	s.move(s.next(4242, 1))
	if v, err := s.Registry.Version(s.ctx); err != nil || v != 2 {
		t.Fatalf("version %d, %v", v, err)
	}
	second := s.build(2, 310_000)
	s.release(second, toAll)
	s.untilAllRun(2)
	s.stands(s.Members()...)
	for _, c := range awake {
		s.slotIs(c, second)
	}

	// The old registry answers on: it lists another release 2, and a release 3 that
	// a threshold signed for it.
	third := &localnet.Release{}
	for seq := uint64(2); seq <= 3; seq++ {
		r, err := old.Build(s.image(10+seq, 200_000), seq, "stays behind")
		s.must(err)
		_, err = old.Registry.Publish(s.ctx, old.Manufacturer, r.Record)
		s.must(err)
		s.must(old.SetRollout(s.ctx, seq, toAll))
		third = r
	}
	s.untilNamed(judged, verify.AttackUnapproved, func() { s.shout(third) })
	s.look()

	// What was followed outlives the process, and the old chain.
	s.must(awake[0].Stop())
	s.must(old.Close())
	s.must(awake[0].Start(s.ctx))
	s.stands(awake[0])

	// New keys in the new registry, then on to a third one.
	s.must(s.Rotate(s.ctx, s.Signers[0], s.Signers[1], s.key()))
	s.release(s.build(3, 320_000), toAll)
	s.untilAllRun(3)
	s.move(s.next(4243, 3))
	fourth := s.build(4, 330_000)
	s.release(fourth, toAll)
	s.untilAllRun(4)
	s.stands(s.Members()...)
	s.installedOnly(1, 2, 3, 4)

	// The first registry is dead: the camera that was off waits a day, unless its
	// owner names the statements.
	for i, m := range s.Moves {
		asleep.Config.Products[0].Moves = append(asleep.Config.Products[0].Moves, s.file("move-"+string(rune('1'+i)), m.Encode))
	}
	for _, r := range s.Rotations {
		asleep.Config.Products[0].Rotations = append(asleep.Config.Products[0].Rotations, s.file("rotation", r.Encode))
	}
	s.must(asleep.Start(s.ctx))
	s.Cameras = append(awake, asleep)
	s.untilAllRun(4)
	s.stands(asleep)
	s.trusts(asleep)
	s.slotIs(asleep, fourth)
}

// A camera that slept through two moves makes both at once when the registry
// that it knows still answers and lists the keys.
func TestTwoMovesAreMadeAtOnce(t *testing.T) {
	s := startSwarm(t, 1, nil)
	asleep := s.Cameras[0]
	s.release(s.build(1, 200_000), toAll)
	s.untilAllRun(1)
	s.must(asleep.Stop())
	s.move(s.next(4242, 1))
	s.must(s.Publish(s.ctx, s.build(2, 200_000), toAll)) // nobody is there to hear of it
	s.stands(s.Seed)
	s.move(s.next(4243, 2))
	third := s.build(3, 200_000)
	s.must(s.Publish(s.ctx, third, toAll))
	s.stands(s.Seed)
	s.must(asleep.Start(s.ctx))
	s.untilAllRun(3)
	s.stands(asleep)
	s.installedOnly(1, 3)
	s.slotIs(asleep, third)
}

// A manufacturer that comes back: the way back is made, what lay before it leads
// nowhere again, and the first registry's revision is still remembered.
func TestFleetMovesBack(t *testing.T) {
	s := startSwarm(t, 1, nil)
	camera := s.Cameras[0]
	home := s.Authority
	s.release(s.build(1, 200_000), toAll)
	s.untilAllRun(1)
	s.move(s.next(4242, 1))
	away := s.build(2, 200_000)
	s.release(away, toAll)
	s.untilAllRun(2)
	s.stands(s.Members()...)

	// Home counts on where it stopped: release 2 was published elsewhere.
	gap, err := home.Build(s.image(20, 100_000), 2, "never")
	s.must(err)
	_, err = home.Registry.Publish(s.ctx, home.Manufacturer, gap.Record)
	s.must(err)
	_, err = s.Leave(&home)
	s.must(err)
	s.Move(&home)
	third := s.build(3, 210_000)
	s.release(third, toAll)
	s.untilAllRun(3)
	s.stands(s.Members()...)
	// Not on this chain, and older than what it has: the view that the camera happens
	// to hold decides which is said.
	s.untilNamed(judged, verify.AttackUnapproved, func() { s.shout(away) }, verify.AttackRollback)
	s.must(camera.Stop())
	s.must(camera.Start(s.ctx))
	s.stands(camera)
	s.installedOnly(1, 2, 3)
	s.slotIs(camera, third)
}

// A thief with one signing key and both chain accounts sets up a registry of his
// own, with his keys or the genuine ones, and makes moves there: signed by fewer
// than the threshold, by strangers, and by a threshold for another product's
// registry. Nobody follows, and nobody stops serving what is genuine.
func TestThreatRegistryMoveForged(t *testing.T) {
	s := startSwarm(t, 2, nil)
	s.release(s.build(1, 200_000), toAll)
	s.untilAllRun(1)

	lair := s.next(666, 1)
	forge := func(keys verify.KeySet, move, release []*sign.Key) *localnet.Release {
		t.Helper()
		m := &verify.Move{Number: 1, From: s.Registry.Ref(), To: lair.Registry.Ref(), Epoch: 1, Keys: keys, Endpoints: []verify.MoveEndpoint{{URL: lair.Chain.URL()}}}
		for _, k := range move {
			s.must(k.SignMove(m))
		}
		manifest := *s.build(2, 150_000).Manifest
		manifest.Registry = lair.Registry.Ref()
		r, err := localnet.SignHistory(&manifest, verify.History{Moves: []*verify.Move{m}}, "", release...)
		s.must(err)
		return r
	}
	stolen, thief := s.Signers[2], []*sign.Key{s.key(), s.key()}
	his := verify.KeySet{Threshold: 2, Keys: []verify.PublicKey{thief[0].Public(), thief[1].Public()}}
	few := forge(s.Keys, []*sign.Key{stolen}, s.Signers[:2])
	s.untilNamed(judged, verify.AttackKeyCompromise, func() { s.shout(few) })
	s.untilNamed(judged, verify.AttackArbitrary, func() { s.shout(forge(his, thief, thief)) })
	if _, err := s.Seed.Node.Provide(s.ctx, few.Envelope, bytes.NewReader(nil)); verify.AttackName(err) != verify.AttackKeyCompromise {
		t.Errorf("the seed is given the forged move: %v", err)
	}
	for _, m := range s.Members() {
		st := m.Node.Status()
		if st.Products[0].Chain.Registry != s.Registry.Ref() || slices.ContainsFunc(st.Alarms, func(a control.Alarm) bool { return a.Name == "registry_move" }) {
			t.Errorf("%s: %+v", m.Name, st)
		}
	}

	// Signed by a threshold, and the release is not listed there: nobody leaves, and
	// the seed says why.
	unlisted := forge(s.Keys, s.Signers[:2], s.Signers[:2])
	s.shout(unlisted)
	s.until("the cameras say that they are to move", func() bool {
		return !slices.ContainsFunc(s.Cameras, func(m *localnet.Member) bool {
			return !slices.ContainsFunc(m.Node.Status().Alarms, func(a control.Alarm) bool {
				return a.Name == "registry_move" && strings.Contains(a.Message, lair.Registry.Ref().String())
			})
		})
	})
	for wait := 500 * time.Millisecond; ; wait *= 2 { // as long as the seed needs to look
		ctx, cancel := context.WithTimeout(s.ctx, wait)
		_, err := s.Seed.Node.Provide(ctx, unlisted.Envelope, bytes.NewReader(nil))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || s.ctx.Err() != nil {
			t.Fatalf("the seed is given a release that is not listed: %v", err)
		}
		if strings.Contains(err.Error(), "product.moves") {
			break
		}
	}
	for _, m := range s.Members() {
		if m.Node.Status().Products[0].Chain.Registry != s.Registry.Ref() {
			t.Errorf("%s follows", m.Name)
		}
	}
	s.installedOnly(1)
}

// file writes a statement and returns where.
func (s *swarm) file(name string, encode func() ([]byte, error)) string {
	s.t.Helper()
	data, err := encode()
	s.must(err)
	path := filepath.Join(s.t.TempDir(), name)
	s.must(os.WriteFile(path, data, 0o600))
	return path
}

// hours lets so many pass, while a condition holds.
func (w *world) hours(n int, what string, ok func() bool) {
	w.t.Helper()
	for h := range n {
		if time.Sleep(time.Hour); !ok() {
			w.t.Fatalf("after %d hours: %s", h+1, what)
		}
	}
}

// at is the registry in which a node stands.
func (c *citizen) at() verify.RegistryRef { return c.Status().Products[0].Chain.Registry }

// tell has a node hear of a release that it cannot follow yet.
func (w *world) tell(c *citizen, r *localnet.Release) error {
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	_, err := c.Provide(ctx, r.Envelope, bytes.NewReader(nil))
	return err
}

// The old chain is dead. A camera holds the statement for a day, over a restart,
// installs nothing meanwhile, and follows then; a seed whose owner named the file
// stands in the new registry at once.
func TestAMoveIsMadeADayAfterTheOldRegistryDied(t *testing.T) {
	if testing.Short() {
		t.Skip("runs whole nodes; left out with -short")
	}
	s := &swarm{t: t, ctx: t.Context()}
	var first, second *localnet.Release
	old := newRecording(t, func(a *localnet.Authority, keep func()) {
		keep()
		first = put(s, a, 1, keep)
	})
	var file string
	next := newRecordingAs(t, localnet.Config{From: old.Authority, ChainID: 4242, Latest: 1}, func(a *localnet.Authority, keep func()) {
		m, err := old.Leave(a, verify.MoveEndpoint{URL: "https://new.example"})
		s.must(err)
		file = s.file("move-1", m.Encode)
		second = put(s, a, 2, keep)
	})
	old.inBubble(t, chainNow, chainNow, func(w *world) {
		w.also["https://new.example"] = &replay{recording: next, base: chainNow, from: time.Now()}
		camera := w.add(node.RoleCamera)
		seed := w.add(node.RoleSeed)
		camera.cfg.Network.Peers = []string{seed.cfg.Network.Listen[0] + "/p2p/" + seed.Host().ID().String()}
		s.must(camera.stop())
		w.start(camera)
		w.release(seed, first, 1)
		w.until("release 1 runs", func() bool { return camera.runs() == 1 })
		home := camera.at()

		w.kill()
		time.Sleep(5 * time.Minute) // what it said is not news any more
		s.must(seed.stop())
		seed.cfg.Products[0].Moves = []string{file}
		w.start(seed)
		w.until("the seed moved", func() bool { return seed.at() == next.Registry.Ref() && seed.Status().Products[0].Chain.Latest == 2 })
		f, err := os.Open(second.Path)
		s.must(err)
		defer func() { _ = f.Close() }()
		if _, err := seed.Provide(w.ctx, second.Envelope, f); err != nil {
			t.Fatal(err)
		}
		w.announce(seed, second)
		w.until("the camera hears of it", func() bool {
			return slices.ContainsFunc(camera.Status().Alarms, func(a control.Alarm) bool { return a.Name == "registry_move" })
		})
		s.must(seed.stop()) // time is cheaper without it
		stays := func() bool { return camera.at() == home && camera.runs() == 1 }
		w.hours(12, "the camera moved", stays)
		s.must(camera.stop())
		w.start(camera)
		if err := w.tell(camera, second); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "the old registry cannot be asked") {
			t.Errorf("the camera is given the release: %v", err)
		}
		w.hours(11, "the camera moved", stays)
		time.Sleep(90 * time.Minute)
		w.until("the camera moved", func() bool { return camera.at() == next.Registry.Ref() })
		w.start(seed)
		w.until("release 2 runs", func() bool { return camera.runs() == 2 })
		w.slotHolds(camera, second)
		s.must(camera.stop())
		w.start(camera)
		w.until("it still stands there", func() bool {
			return camera.at() == next.Registry.Ref() && camera.Status().Products[0].Chain.Latest == 2
		})
	})
}

// put builds, publishes and rolls out a release.
func put(s *swarm, a *localnet.Authority, seq uint64, keep func()) *localnet.Release {
	s.t.Helper()
	r, err := a.Build(s.image(seq, 200_000), seq, "1")
	s.must(err)
	_, err = a.Registry.Publish(s.ctx, a.Manufacturer, r.Record)
	s.must(err)
	s.must(a.SetRollout(s.ctx, seq, toAllNow))
	keep()
	return r
}

// A threshold of the keys was stolen. The manufacturer has listed new ones; the
// thief moves the fleet to a registry of his own, which confirms everything. The
// old registry does not list the keys that signed, so the move waits, and the
// release that brings the rotation makes it void.
func TestThreatRegistryMoveForged_StolenThreshold(t *testing.T) {
	if testing.Short() {
		t.Skip("runs whole nodes; left out with -short")
	}
	s := &swarm{t: t, ctx: t.Context()}
	var first, second, his *localnet.Release
	var robbed localnet.Authority
	genuine := newRecording(t, func(a *localnet.Authority, keep func()) {
		keep()
		first = put(s, a, 1, keep)
		robbed = *a
		s.must(a.Rotate(s.ctx, s.key(), s.key(), s.key()))
		keep()
		second = put(s, a, 2, keep)
	})
	lair := newRecordingAs(t, localnet.Config{From: &robbed, ChainID: 666, Latest: 1}, func(a *localnet.Authority, keep func()) {
		_, err := robbed.Leave(a, verify.MoveEndpoint{URL: "https://lair.example"})
		s.must(err)
		his = put(s, a, 2, keep)
	})
	genuine.Keys = robbed.Keys // which the nodes were provisioned with
	genuine.inBubble(t, chainNow, chainNow, func(w *world) {
		w.also["https://lair.example"] = &replay{recording: lair, base: chainNow, from: time.Now()}
		seed := w.add(node.RoleSeed)
		camera := w.add(node.RoleCamera)
		w.until("the camera joins", func() bool { return camera.Status().Peers > 0 })
		w.release(seed, first, 1)
		w.until("release 1 runs", func() bool { return camera.runs() == 1 })
		home := camera.at()

		w.set(2)
		camera.Look()
		time.Sleep(time.Minute)
		if err := w.tell(camera, his); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "does not list the keys") {
			t.Errorf("the camera is given the thief's release: %v", err)
		}
		w.hours(5, "the camera follows the thief", func() bool { return camera.at() == home })
		w.release(seed, second, 3)
		w.until("release 2 runs", func() bool { return camera.runs() == 2 })
		w.slotHolds(camera, second)
		w.until("the move is void", func() bool {
			return !slices.ContainsFunc(camera.Status().Alarms, func(a control.Alarm) bool { return a.Name == "registry_move" })
		})
		if err := w.tell(camera, his); verify.AttackName(err) != verify.AttackKeyCompromise || camera.at() != home {
			t.Errorf("once more: %v", err)
		}
	})
}

// Endpoints lied once about how far the chain is, and a camera refuses what they
// say since. A reset, signed by a threshold, has it follow at once and not after
// four hours; it is made once.
func TestThreatFastForward_Reset(t *testing.T) {
	if testing.Short() {
		t.Skip("runs whole nodes; left out with -short")
	}
	s := &swarm{t: t, ctx: t.Context()}
	var first, second *localnet.Release
	rec := newRecording(t, func(a *localnet.Authority, keep func()) {
		keep()
		first = put(s, a, 1, keep)
		_, err := a.Leave(a)
		s.must(err)
		second = put(s, a, 2, keep)
	})
	rec.inBubble(t, chainNow, chainNow, func(w *world) {
		liar := &replay{recording: rec, base: chainNow, from: time.Now()}
		w.also["https://liar.example"] = liar
		seed := w.add(node.RoleSeed)
		camera := w.add(node.RoleCamera)
		s.must(camera.stop())
		camera.cfg.Products[0].Chain.Endpoints[0].URL = "https://liar.example"
		w.start(camera)
		lie := func(ahead uint64, state int) {
			liar.mu.Lock()
			liar.ahead, liar.state = ahead, state
			liar.mu.Unlock()
			camera.Look()
			time.Sleep(time.Minute)
		}
		lie(0, 1)
		w.release(seed, first, 1)
		w.until("release 1 runs", func() bool { return camera.runs() == 1 })
		lie(1_000_000, 1)
		if rev := camera.Status().Products[0].Chain.Rev; rev < 1_000_000 {
			t.Fatalf("the lie was not believed: revision %d", rev)
		}
		lie(0, 2)
		if !slices.ContainsFunc(camera.Status().Alarms, func(a control.Alarm) bool { return a.Name == verify.AttackRollback }) {
			t.Fatalf("the camera is not frozen: %+v", camera.Status().Alarms)
		}
		w.release(seed, second, 2)
		w.until("release 2 runs", func() bool { return camera.runs() == 2 })
		w.slotHolds(camera, second)
		if alarms := camera.Status().Alarms; len(alarms) > 0 {
			t.Errorf("alarms %+v", alarms)
		}
		s.must(camera.stop())
		w.start(camera)
		w.until("it remembers", func() bool { return camera.Status().Products[0].Chain.Latest == 2 })
		if err := w.tell(camera, second); err != nil || len(camera.Status().Alarms) > 0 {
			t.Errorf("the same release again: %v, %+v", err, camera.Status().Alarms)
		}
	})
}
