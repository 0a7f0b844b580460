package node_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"camswarm/node/control"
	"camswarm/sim/localnet"
	"camswarm/verify"
)

// The attacks of this file are made of genuine parts in the wrong place, at the
// wrong time or on the wrong device, on a running deployment.

// provide hands an image to the seed under an envelope.
func (s *swarm) provide(envelope, image []byte) error {
	_, err := s.Seed.Node.Provide(s.ctx, envelope, bytes.NewReader(image))
	return err
}

// wantAttack fails unless err is a refusal of this name.
func (s *swarm) wantAttack(err error, attack string) {
	s.t.Helper()
	if verify.AttackName(err) != attack {
		s.t.Errorf("refused as %q (%v), want %s", verify.AttackName(err), err, attack)
	}
}

func (s *swarm) read(path string) []byte {
	s.t.Helper()
	data, err := os.ReadFile(path)
	s.must(err)
	return data
}

// changed is a release of a changed manifest, signed by the manufacturer.
func (s *swarm) changed(r *localnet.Release, change func(*verify.Manifest)) *localnet.Release {
	s.t.Helper()
	m := *r.Manifest
	change(&m)
	out, err := localnet.SignRotated(&m, s.Rotations, r.Path, s.Signers[:2]...)
	s.must(err)
	return out
}

// untilFetched waits until every camera holds a checked image of a release that
// it may not install yet.
func (s *swarm) untilFetched(seq uint64) {
	s.t.Helper()
	for _, c := range s.Cameras {
		s.until(c.Name+" holds the release", func() bool {
			t := c.Node.Status().Products[0].Target
			return t != nil && t.Sequence == seq && t.State == control.StateVerified && !t.Install
		})
	}
}

var warm = verify.Rollout{Mode: verify.RolloutPaused, Warm: true}

// The image of one release under the envelope of another, and a second genuine
// envelope for a sequence that the chain records with the first.
func TestThreatMixAndMatch(t *testing.T) {
	s := startSwarm(t, 1, nil)
	first := s.build(1, 200_000)
	s.release(first, toAll)
	s.untilAllRun(1)
	second := s.build(2, 200_000)
	_, err := s.Registry.Publish(s.ctx, s.Manufacturer, second.Record)
	s.must(err)
	s.wantAttack(s.provide(second.Envelope, s.read(first.Path)), verify.AttackArbitrary)
	s.wantAttack(s.provide(second.Envelope, s.read(second.Path)[:100_000]), verify.AttackImagePartial)

	s.look()
	s.until("the camera knows that release 2 is on chain", func() bool { return s.Cameras[0].Node.Status().Products[0].Chain.Latest == 2 })
	other, err := localnet.Sign(second.Manifest, second.Path, s.Signers[1:]...)
	s.must(err)
	s.wantAttack(s.provide(other.Envelope, s.read(other.Path)), verify.AttackMixAndMatch)
	s.untilNamed(judged, verify.AttackMixAndMatch, func() { s.shout(other) })
	s.rollOut(second)
	s.untilAllRun(2)
	s.slotIs(s.Cameras[0], second)
	s.installedOnly(1, 2)
}

// Bytes after the image, and an image whose blocks are right while the digest of
// the whole is not.
func TestThreatImgExtra(t *testing.T) {
	s := startSwarm(t, 1, nil)
	first := s.build(1, 200_000)
	_, err := s.Registry.Publish(s.ctx, s.Manufacturer, first.Record)
	s.must(err)
	s.wantAttack(s.provide(first.Envelope, append(s.read(first.Path), 0)), verify.AttackImageExtra)
	if held, err := s.Seed.Node.Releases(); err != nil || len(held) > 0 && held[0].State >= control.StateFetched {
		t.Errorf("the seed holds %+v, %v", held, err)
	}
	s.rollOut(first)
	s.untilAllRun(1)
	s.slotIs(s.Cameras[0], first)
}

func TestThreatCIDRightSHAWrong(t *testing.T) {
	s := startSwarm(t, 1, nil)
	first := s.build(1, 200_000)
	wrong := s.changed(first, func(m *verify.Manifest) { m.Image.SHA256[0] ^= 1 })
	_, err := s.Registry.Publish(s.ctx, s.Manufacturer, wrong.Record)
	s.must(err)
	s.must(s.SetRollout(s.ctx, 1, toAll))
	s.wantAttack(s.provide(wrong.Envelope, s.read(first.Path)), verify.AttackImageSHA)
	second := s.build(2, 200_000)
	s.release(second, toAll)
	s.untilAllRun(2)
	s.installedOnly(2)
}

// The image is swapped on disk after it was checked: it is checked again before
// it is installed, and fetched anew where it differs.
func TestThreatImgReplace(t *testing.T) {
	s := startSwarm(t, 1, nil)
	camera := s.Cameras[0]
	first := s.build(1, 200_000)
	s.release(first, warm)
	s.untilFetched(1)
	images, err := filepath.Glob(filepath.Join(camera.Config.StateDir, "releases", "*", "1", "image"))
	s.must(err)
	if len(images) != 1 {
		t.Fatalf("images %v", images)
	}
	swapped := s.read(images[0])
	copy(swapped[50_000:], "rogue")
	s.must(os.WriteFile(images[0], swapped, 0o600))
	s.rollout(1, toAll)
	s.untilAllRun(1)
	s.slotIs(camera, first)
	if camera.Node.Traffic().Total.Received <= int64(first.Record.ImageSize) {
		t.Error("the camera installed without fetching what was swapped")
	}
}

// A release that replaces only newer ones than the camera runs: the precursor
// comes first.
func TestThreatUpdWrongPrecursor(t *testing.T) {
	s := startSwarm(t, 1, nil)
	s.release(s.build(1, 200_000), toAll)
	s.untilAllRun(1)
	s.release(s.build(2, 200_000), verify.Rollout{Mode: verify.RolloutPaused})
	third := s.changed(s.build(3, 200_000), func(m *verify.Manifest) { m.MinSequence = 2 })
	s.untilNamed(refused, verify.AttackPrecursor, func() { s.release(third, toAll) })
	s.rollout(2, toAll)
	s.untilAllRun(3)
	s.installedOnly(1, 2, 3)
	s.slotIs(s.Cameras[0], third)
}

// Genuine firmware that nobody approved for this deployment: signed for another
// registry, or not rolled out.
func TestThreatUpdUnapproved(t *testing.T) {
	s := startSwarm(t, 1, nil)
	first := s.build(1, 200_000)
	s.release(first, verify.Rollout{Mode: verify.RolloutPaused})
	elsewhere := s.changed(first, func(m *verify.Manifest) { m.Registry.ChainID++ })
	s.wantAttack(s.provide(elsewhere.Envelope, s.read(first.Path)), verify.AttackUnapproved)
	s.untilNamed(judged, verify.AttackUnapproved, func() { s.shout(elsewhere) })
	s.until("the camera knows of release 1 and waits", func() bool {
		tg := s.Cameras[0].Node.Status().Products[0].Target
		return tg != nil && tg.Sequence == 1 && !tg.Install && tg.Reason == verify.ReasonModePaused
	})
	s.installedOnly()
	s.rollout(1, toAll)
	s.untilAllRun(1)
	s.slotIs(s.Cameras[0], first)
}

func TestThreatImgExpired(t *testing.T) {
	s := startSwarm(t, 1, nil)
	s.release(s.build(1, 200_000), toAll)
	s.untilAllRun(1)
	second := s.build(2, 200_000)
	expired := s.changed(second, func(m *verify.Manifest) { m.Expires = uint64(time.Now().Add(-time.Hour).Unix()) })
	s.onChain(expired)
	s.wantAttack(s.provide(expired.Envelope, s.read(second.Path)), verify.AttackExpired)
	s.look()
	s.untilNamed(judged, verify.AttackExpired, func() { s.shout(expired) })
	third := s.build(3, 200_000)
	s.release(third, toAll)
	s.untilAllRun(3)
	s.installedOnly(1, 3)
}

// A camera fetched a release, was off line while it expired, and does not know
// the time when it comes back: the chain tells it before it installs.
func TestThreatImgExpiredOffline(t *testing.T) {
	s := startSwarm(t, 1, nil)
	camera := s.Cameras[0]
	first := s.changed(s.build(1, 200_000), func(m *verify.Manifest) { m.Expires = uint64(time.Now().Add(24 * time.Hour).Unix()) })
	s.release(first, warm)
	s.untilFetched(1)
	s.must(camera.Stop())
	s.must(s.Chain.Advance(25 * time.Hour))
	s.must(s.SetRollout(s.ctx, 1, toAll))
	s.must(camera.Start(s.ctx))
	s.until("the camera refuses what expired while it was off line", func() bool {
		return s.metric(camera.Name, refused, verify.AttackExpired) > 0
	})
	s.installedOnly()
	second := s.build(2, 200_000)
	s.release(second, toAll)
	s.untilAllRun(2)
	s.installedOnly(2)
}

// A sequence pushed far ahead by the manufacturer's stolen keys is remembered by
// nobody: the honest one after it passes.
func TestThreatFastForward(t *testing.T) {
	s := startSwarm(t, 1, nil)
	s.release(s.build(1, 200_000), toAll)
	s.untilAllRun(1)
	second := s.build(2, 200_000)
	pushed := s.changed(second, func(m *verify.Manifest) { m.Sequence = 1 << 40 })
	s.untilNamed(judged, verify.AttackFastForward, func() { s.shout(pushed) })
	s.release(second, toAll)
	s.untilAllRun(2)
	s.installedOnly(1, 2)
}

// Older genuine releases are offered again, by an announcer and by the operator.
func TestThreatRollback(t *testing.T) {
	s := startSwarm(t, 1, nil)
	first := s.build(1, 200_000)
	s.release(first, toAll)
	s.untilAllRun(1)
	second := s.build(2, 210_000)
	s.release(second, toAll)
	s.untilAllRun(2)
	again, err := localnet.Sign(first.Manifest, "", s.Signers[1:]...) // not seen before
	s.must(err)
	s.untilNamed(judged, verify.AttackMixAndMatch, func() { s.shout(again) })
	s.shout(first)
	_, err = s.Registry.SetHalted(s.ctx, s.Operator, s.Product.ID(), 2, true)
	s.must(err)
	s.rollout(1, toAll)
	third := s.build(3, 220_000)
	s.release(third, toAll)
	s.untilAllRun(3)
	s.installedOnly(1, 2, 3)
	s.slotIs(s.Cameras[0], third)
}
