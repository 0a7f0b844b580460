package node_test

import (
	"bytes"
	"crypto/sha256"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ipfs/go-datastore"

	"camswarm/announce"
	"camswarm/node/control"
	"camswarm/node/metastore"
	"camswarm/sim/localnet"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// The attacks of this file are mounted by whoever holds some of the
// manufacturer's, publisher's or operator's keys, on a running deployment.

func (s *swarm) key() *sign.Key {
	s.t.Helper()
	k, err := sign.Generate(verify.EdDSA)
	s.must(err)
	return k
}

// onChain records a release and rolls it out to all, without handing it to the
// seed: what the holder of both accounts can do.
func (s *swarm) onChain(r *localnet.Release) {
	s.t.Helper()
	_, err := s.Registry.Publish(s.ctx, s.Manufacturer, r.Record)
	s.must(err)
	s.must(s.SetRollout(s.ctx, r.Record.Sequence, toAll))
}

// setKeys lists other keys on chain, as the manufacturer's account can.
func (s *swarm) setKeys(keys verify.KeySet) {
	s.t.Helper()
	_, err := s.Registry.SetKeys(s.ctx, s.Manufacturer, s.DID, keys)
	s.must(err)
}

// look has every node ask the chain now.
func (s *swarm) look() {
	for _, m := range s.Members() {
		m.Node.Look()
	}
}

// shout has a stranger announce a release to everybody.
func (s *swarm) shout(r *localnet.Release) {
	s.t.Helper()
	view, err := s.Registry.Check(s.ctx, s.Product.ID(), "")
	s.must(err)
	a := announce.Announcement{Product: s.Product.ID(), Sequence: r.Record.Sequence, Rev: view.Rev, Block: view.RevBlock, Envelope: r.Envelope}
	data, err := a.Encode()
	s.must(err)
	s.rogue()(s.Product.ID(), data)
}

// untilNamed waits until some camera's metrics count the attack more often than
// before the attack was mounted by mount; where an attack has two names, by what is
// noticed first, either.
func (s *swarm) untilNamed(metric, attack string, mount func(), orElse ...string) {
	s.t.Helper()
	names := append(orElse, attack)
	count := func() (sum float64) {
		for _, c := range s.Cameras {
			for _, name := range names {
				sum += s.metric(c.Name, metric, name)
			}
		}
		return sum
	}
	before := count()
	mount()
	s.until("a camera counts "+strings.Join(names, " or "), func() bool { return count() > before })
}

const (
	judged  = "camswarm_announce_judged_total"
	refused = "camswarm_pipeline_refusals_total"
)

// untilAlarmed waits until every camera says that the chain lists other keys, and
// what to do, or with want false until none does.
func (s *swarm) untilAlarmed(want bool) {
	s.t.Helper()
	for _, c := range s.Cameras {
		s.until(c.Name+" has the alarm, or not", func() bool {
			return want == slices.ContainsFunc(c.Node.Status().Alarms, func(a control.Alarm) bool {
				return a.Name == verify.AttackKeyCompromise && strings.Contains(a.Message, "product.rotations")
			}) && want == (s.gauge(c.Name, "camswarm_pipeline_keys_disagree") == 1)
		})
	}
}

// gauge reads a gauge of one label set.
func (s *swarm) gauge(member, name string) float64 {
	s.t.Helper()
	s.mu.Lock()
	reg := s.registries[member]
	s.mu.Unlock()
	families, err := reg.Gather()
	s.must(err)
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return -1
}

// installedOnly fails unless every camera's installer was given these releases.
func (s *swarm) installedOnly(sequences ...uint64) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.Cameras {
		if !slices.Equal(s.installs[c.Name], sequences) {
			s.t.Errorf("%s installed %v, want %v", c.Name, s.installs[c.Name], sequences)
		}
	}
}

// trusts waits until a camera trusts the manufacturer's present keys.
func (s *swarm) trusts(m *localnet.Member) {
	s.t.Helper()
	s.until(m.Name+" trusts the rotated keys", func() bool { return m.Node.Status().Products[0].Keys.Equal(s.Keys) })
}

// One signing key and both chain accounts are in wrong hands: the thief lists
// keys of his own on chain, publishes, rolls out to all and announces.
func TestThreatVulnerabilityToKeyCompromises(t *testing.T) {
	s := startSwarm(t, 2, nil)
	s.release(s.build(1, 200_000), toAll)
	s.untilAllRun(1)

	s.untilNamed(judged, verify.AttackKeyCompromise, func() {
		lone, err := s.Build(s.image(2, 150_000), 2, "2.0", s.Signers[2])
		s.must(err)
		s.shout(lone)
	})
	genuine := s.Keys
	thief := []*sign.Key{s.key(), s.key()}
	rogueKeys := verify.KeySet{Threshold: 2, Keys: []verify.PublicKey{thief[0].Public(), thief[1].Public()}}
	s.setKeys(rogueKeys)
	rogue, err := s.Build(s.image(2, 150_000), 2, "2.0", thief...)
	s.must(err)
	s.onChain(rogue)
	s.look()
	s.untilAlarmed(true)
	if _, err := s.Seed.Node.Provide(s.ctx, rogue.Envelope, bytes.NewReader(nil)); verify.AttackName(err) != verify.AttackArbitrary {
		t.Errorf("the seed is given the rogue release: %v", err)
	}
	s.untilNamed(judged, verify.AttackArbitrary, func() { s.shout(rogue) })

	// A statement that only the stolen key and the thief's signed helps nothing.
	r := &verify.Rotation{Registry: s.Registry.Ref(), Epoch: 2, From: genuine, To: rogueKeys}
	for _, k := range append(thief, s.Signers[2]) {
		s.must(k.SignRotation(r))
	}
	proven, err := localnet.SignRotated(rogue.Manifest, []*verify.Rotation{r}, "", thief...)
	s.must(err)
	s.untilNamed(judged, verify.AttackKeyCompromise, func() { s.shout(proven) })
	s.untilAlarmed(true)

	// The manufacturer takes its account back.
	s.setKeys(genuine)
	_, err = s.Registry.Revoke(s.ctx, s.Manufacturer, s.Product.ID(), 2)
	s.must(err)
	third := s.build(3, 180_000)
	s.release(third, toAll)
	s.untilAllRun(3)
	s.untilAlarmed(false)
	s.installedOnly(1, 3)
	for _, c := range s.Cameras {
		s.slotIs(c, third)
	}
}

// The operator's key is stolen: the thief decides who installs when, of what
// the manufacturer signed, and nothing else.
func TestThreatVulnerabilityToKeyCompromises_StolenOperatorKey(t *testing.T) {
	s := startSwarm(t, 1, nil)
	first := s.build(1, 200_000)
	s.release(first, verify.Rollout{Mode: verify.RolloutPaused})
	thief := s.Operator
	s.must(s.SetRollout(s.ctx, 1, toAll))
	s.must(s.Announce(s.ctx, nil))
	s.untilAllRun(1)

	stranger := []*sign.Key{s.key(), s.key()}
	rogue, err := s.Build(s.image(2, 150_000), 2, "2.0", stranger...)
	s.must(err)
	if _, err := s.Registry.Publish(s.ctx, thief, rogue.Record); err == nil {
		t.Error("the operator published")
	}
	if _, err := s.Registry.SetKeys(s.ctx, thief, s.DID, verify.KeySet{Threshold: 1, Keys: []verify.PublicKey{stranger[0].Public()}}); err == nil {
		t.Error("the operator changed the signing keys")
	}
	s.untilNamed(judged, verify.AttackArbitrary, func() { s.shout(rogue) })
	second := s.build(2, 180_000)
	s.release(second, toAll)
	s.untilAllRun(2)
	s.installedOnly(1, 2)
	s.slotIs(s.Cameras[0], second)
}

// A key leaked. The two others rotate it out; a camera that slept through two
// rotations learns both from the one envelope that the chain names.
func TestThreatKeyExposure(t *testing.T) {
	s := startSwarm(t, 2, nil)
	awake, asleep := s.Cameras[0], s.Cameras[1]
	s.release(s.build(1, 200_000), toAll)
	s.untilAllRun(1)
	s.must(asleep.Stop())
	s.Cameras = s.Cameras[:1]

	exposed := s.Signers[2]
	old := slices.Clone(s.Signers)
	s.must(s.Rotate(s.ctx, old[0], old[1], s.key()))
	s.look()
	s.untilAlarmed(true) // until a release brings the statement
	second := s.build(2, 210_000)
	s.release(second, toAll)
	s.untilAllRun(2)
	s.trusts(awake)
	s.untilAlarmed(false)

	// The leaked key beside one in use: what the retired set allowed.
	rogue, err := localnet.Sign(s.build(3, 150_000).Manifest, "", exposed, old[0])
	s.must(err)
	s.untilNamed(judged, verify.AttackKeyCompromise, func() { s.shout(rogue) })

	s.must(s.Rotate(s.ctx, s.key(), old[1], s.Signers[2]))
	third := s.build(3, 220_000)
	s.release(third, toAll)
	s.untilAllRun(3)
	s.trusts(awake)

	s.Cameras = append(s.Cameras, asleep)
	s.must(asleep.Start(s.ctx))
	s.untilAllRun(3)
	s.trusts(asleep)
	s.slotIs(asleep, third)

	// What was learnt outlives the process.
	s.must(awake.Stop())
	s.must(awake.Start(s.ctx))
	if !awake.Node.Status().Products[0].Keys.Equal(s.Keys) {
		t.Error("after a restart the camera trusts other keys")
	}
}

// Whoever holds all the retired keys, and the manufacturer's chain account,
// lists the old set again and publishes: cameras that saw the rotation do not go
// back.
func TestThreatRollback_RetiredKeys(t *testing.T) {
	s := startSwarm(t, 2, nil)
	s.release(s.build(1, 200_000), toAll)
	s.untilAllRun(1)
	retired, retiredKeys := s.Signers, s.Keys
	s.must(s.Rotate(s.ctx, s.key(), s.key(), s.key()))
	s.release(s.build(2, 200_000), toAll)
	s.untilAllRun(2)
	for _, c := range s.Cameras {
		s.trusts(c)
	}
	s.must(s.Cameras[1].Stop())
	s.must(s.Cameras[1].Start(s.ctx)) // the disk remembers too

	s.setKeys(retiredKeys)
	m := *s.build(3, 150_000).Manifest
	rogue, err := localnet.Sign(&m, "", retired[:2]...)
	s.must(err)
	s.onChain(rogue)
	s.look()
	s.untilAlarmed(true)
	s.untilNamed(judged, verify.AttackKeyCompromise, func() { s.shout(rogue) })

	s.setKeys(s.Keys)
	_, err = s.Registry.Revoke(s.ctx, s.Manufacturer, s.Product.ID(), 3)
	s.must(err)
	fourth := s.build(4, 180_000)
	s.release(fourth, toAll)
	s.untilAllRun(4)
	s.installedOnly(1, 2, 4)
	for _, c := range s.Cameras {
		s.slotIs(c, fourth)
	}
}

// A threshold of the old keys was stolen before the manufacturer rotated them:
// the thief's statement for keys of his own is as well signed as the genuine
// one. Only the one whose keys the registry lists is followed.
func TestThreatVulnerabilityToKeyCompromises_ForkOfRotations(t *testing.T) {
	s := startSwarm(t, 2, nil)
	s.release(s.build(1, 200_000), toAll)
	s.untilAllRun(1)
	thief := []*sign.Key{s.key(), s.key()}
	rogueKeys := verify.KeySet{Threshold: 2, Keys: []verify.PublicKey{thief[0].Public(), thief[1].Public()}}
	fork := &verify.Rotation{Registry: s.Registry.Ref(), Epoch: 2, From: s.Keys, To: rogueKeys}
	for _, k := range append(thief, s.Signers[1:]...) {
		s.must(k.SignRotation(fork))
	}
	rogue, err := localnet.SignRotated(s.build(2, 150_000).Manifest, []*verify.Rotation{fork}, "", thief...)
	s.must(err)
	s.must(s.Rotate(s.ctx, s.Signers[0], s.key(), s.key()))
	second := s.build(2, 200_000)
	_, err = s.Registry.Publish(s.ctx, s.Manufacturer, second.Record)
	s.must(err)
	s.look()
	s.untilAlarmed(true)
	s.untilNamed(judged, verify.AttackKeyCompromise, func() { s.shout(rogue) })
	for _, c := range s.Cameras {
		if c.Node.Status().Products[0].Keys.Equal(rogueKeys) {
			t.Fatalf("%s follows the thief", c.Name)
		}
	}
	s.rollOut(second)
	s.untilAllRun(2)
	for _, c := range s.Cameras {
		s.trusts(c)
		s.slotIs(c, second)
	}
	// Now the registry sides with the thief: too late.
	s.setKeys(rogueKeys)
	m := *rogue.Manifest
	m.Sequence = 3
	late, err := localnet.SignRotated(&m, []*verify.Rotation{fork}, "", thief...)
	s.must(err)
	s.onChain(late)
	s.look()
	s.untilAlarmed(true)
	s.untilNamed(judged, verify.AttackKeyCompromise, func() { s.shout(late) })
	s.installedOnly(1, 2)
}

// rollOut rolls out and announces a release that is on chain already.
func (s *swarm) rollOut(r *localnet.Release) {
	s.t.Helper()
	s.must(s.SetRollout(s.ctx, r.Record.Sequence, toAll))
	f, err := os.Open(r.Path)
	s.must(err)
	defer func() { _ = f.Close() }()
	_, err = s.Seed.Node.Provide(s.ctx, r.Envelope, f)
	s.must(err)
	s.must(s.Announce(s.ctx, r))
}

// Rotations that were kept are checked when they are loaded; hostile or damaged
// ones change nothing, and the next release brings them again.
func TestKeptRotationsProveThemselves(t *testing.T) {
	s := startSwarm(t, 1, nil)
	camera := s.Cameras[0]
	s.release(s.build(1, 100_000), toAll)
	s.untilAllRun(1)
	first := s.Keys
	thief := []*sign.Key{s.key(), s.key()}
	forged := &verify.Rotation{Registry: s.Registry.Ref(), Epoch: 2, From: s.Keys, To: verify.KeySet{Threshold: 1,
		Keys: []verify.PublicKey{thief[0].Public(), thief[1].Public()}}}
	s.must(thief[0].SignRotation(forged))
	data, err := verify.EncodeRotations([]*verify.Rotation{forged})
	s.must(err)
	for _, kept := range [][]byte{data, {0xff}, {}} {
		s.must(camera.Stop())
		store, err := metastore.Open(filepath.Join(camera.Config.StateDir, "meta"), slog.New(slog.DiscardHandler))
		s.must(err)
		s.must(store.Namespace("trust").Put(s.ctx, datastore.NewKey(s.Product.ID().String()), kept))
		s.must(store.Close())
		s.must(camera.Start(s.ctx))
		if !camera.Node.Status().Products[0].Keys.Equal(first) {
			t.Fatal("what lay on the disk changed the keys that are trusted")
		}
	}
	s.must(s.Rotate(s.ctx, s.Signers[0], s.Signers[1], s.key()))
	s.release(s.build(2, 100_000), toAll)
	s.untilAllRun(2)
	s.trusts(camera)
}

// A statement that is provisioned counts before any release brings it, and only
// if it holds.
func TestRotationsCanBeProvisioned(t *testing.T) {
	s := startSwarm(t, 1, nil)
	camera := s.Cameras[0]
	s.release(s.build(1, 100_000), toAll)
	s.untilAllRun(1)
	s.must(camera.Stop())
	s.must(s.Rotate(s.ctx, s.Signers[0], s.Signers[1], s.key()))
	path := filepath.Join(t.TempDir(), "rotation-2.cbor")
	write := func(r *verify.Rotation) {
		data, err := r.Encode()
		s.must(err)
		s.must(os.WriteFile(path, data, 0o600))
	}
	camera.Config.Products[0].Rotations = []string{path}
	short := *s.Rotations[0]
	short.Signatures = short.Signatures[:1]
	write(&short)
	if err := camera.Start(s.ctx); err == nil || !strings.Contains(err.Error(), "not signed yet") {
		t.Fatalf("an incomplete statement: %v", err)
	}
	write(s.Rotations[0])
	s.must(camera.Start(s.ctx))
	if !camera.Node.Status().Products[0].Keys.Equal(s.Keys) {
		t.Error("the provisioned statement is not followed")
	}
	second := s.build(2, 100_000)
	s.release(second, toAll)
	s.untilAllRun(2)
	s.slotIs(camera, second)
}

// A manufacturer rotated its keys, moved, and rotated again: nodes that were
// provisioned in the registry where it is now take releases with that history,
// follow the rotation, and remember it.
func TestReleaseWithMovesIsTakenWhereTheyLead(t *testing.T) {
	s := startSwarm(t, 1, nil)
	camera := s.Cameras[0]
	r := *s.build(1, 100_000)
	older, elsewhere := []*sign.Key{s.key(), s.key()}, verify.RegistryRef{ChainID: 7, Address: verify.Address{7}}
	first := &verify.Rotation{Registry: elsewhere, Epoch: 2, To: s.Keys, From: verify.KeySet{Threshold: 2,
		Keys: []verify.PublicKey{older[0].Public(), older[1].Public()}}}
	for _, k := range append(older, s.Signers[:2]...) {
		s.must(k.SignRotation(first))
	}
	move := &verify.Move{Number: 1, From: elsewhere, To: s.Registry.Ref(), Epoch: 2, Keys: s.Keys, Endpoints: []verify.MoveEndpoint{{URL: s.Chain.URL()}}}
	for _, k := range s.Signers[:2] {
		s.must(k.SignMove(move))
	}
	s.Rotations = []*verify.Rotation{first}
	s.must(s.Rotate(s.ctx, s.Signers[0], s.Signers[1], s.key()))

	e, err := sign.NewEnvelope(r.Manifest)
	s.must(err)
	e.Rotations, e.Moves = s.Rotations, []*verify.Move{move}
	for _, k := range s.Signers[1:] {
		s.must(k.Sign(e))
	}
	r.Envelope, err = e.Encode()
	s.must(err)
	r.Record.Envelope = sha256.Sum256(r.Envelope)
	s.release(&r, toAll)
	s.untilAllRun(1)
	s.trusts(camera)
	s.must(camera.Stop())
	s.must(camera.Start(s.ctx))
	if !camera.Node.Status().Products[0].Keys.Equal(s.Keys) {
		t.Error("after a restart the camera trusts other keys")
	}
}
