package registry

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"camswarm/verify"
)

var (
	forAll = verify.Rollout{Mode: verify.RolloutAll}
	paused = verify.Rollout{Mode: verify.RolloutPaused}
	ramp   = verify.Rollout{Mode: verify.RolloutPercent, EndBps: 100}
)

func (b *bench) rollout(region verify.Region, policy verify.Rollout, sequences ...uint64) {
	b.Helper()
	for _, s := range sequences {
		b.ok(b.SetRollout(b.Context(), b.operator, b.id, s, region, policy))
	}
}

// offers fails the test unless the answer for a region has these candidates.
func (b *bench) offers(step string, region verify.Region, want ...uint64) {
	b.Helper()
	var got []uint64
	for _, c := range b.check(region).Candidates {
		got = append(got, c.Sequence)
	}
	if !slices.Equal(got, want) {
		b.Errorf("%s: candidates %v, want %v", step, got, want)
	}
}

// The offer is the two newest releases, the live ones of the region, and the
// barrier; none that is revoked.
func TestCandidates(t *testing.T) {
	onEachChain(t, func(b *bench) {
		b.offers("nothing published", "")
		b.publish(7)
		b.offers("seven releases", "", 7, 6)
		b.ok(b.SetBarrier(b.Context(), b.operator, b.id, 2))
		b.offers("an older barrier", "", 7, 6, 2)
		b.rollout("", forAll, 3)
		b.offers("one for all", "", 7, 6, 3, 2)
		b.offers("likewise in a region", "eu", 7, 6, 3, 2)
		b.rollout("eu", ramp, 4)
		b.offers("a ramp in a region", "eu", 7, 6, 4, 3, 2)
		b.offers("and not elsewhere", "us", 7, 6, 3, 2)
		b.rollout("eu", paused, 3)
		b.offers("taken back in the region", "eu", 7, 6, 4, 2)
		b.offers("not elsewhere", "", 7, 6, 3, 2)
		b.rollout("", verify.Rollout{Warm: true}, 5)
		b.offers("warmed", "us", 7, 6, 5, 3, 2)
		b.ok(b.SetHalted(b.Context(), b.operator, b.id, 5, true))
		b.offers("what is halted is still shown", "us", 7, 6, 5, 3, 2)
		b.ok(b.Revoke(b.Context(), b.pub, b.id, 6))
		b.offers("one revoked", "us", 7, 5, 3, 2)
		b.ok(b.Revoke(b.Context(), b.pub, b.id, 5))
		b.offers("a live one revoked", "us", 7, 4, 3, 2)
		b.ok(b.Revoke(b.Context(), b.pub, b.id, 2))
		b.offers("the barrier revoked", "us", 7, 4, 3)
		if v := b.check(""); v.Barrier != 2 {
			b.Errorf("barrier is %d: devices must wait at a revoked barrier, not pass it", v.Barrier)
		}
		b.refused("UnknownRelease")(b.SetBarrier(b.Context(), b.operator, b.id, 8))
		b.ok(b.SetBarrier(b.Context(), b.operator, b.id, 0))
		for _, s := range []uint64{1, 3, 4, 7} {
			b.ok(b.Revoke(b.Context(), b.pub, b.id, s))
		}
		b.offers("all revoked", "us")
	})
}

// registry_crowded_out: who only publishes cannot steer. However many
// releases he piles on top, what runs in the field stays on offer, and so does
// what is being rolled out.
func TestThreatRegistryCrowdedOut(t *testing.T) {
	onEachChain(t, func(b *bench) {
		b.publish(2)
		b.rollout("", forAll, 1)
		b.rollout("eu", ramp, 2)
		for s := uint64(3); s <= 6; s++ {
			b.ok(b.Publish(b.Context(), b.pub, b.release(s)))
		}
		b.offers("four on top", "", 6, 5, 1)
		b.offers("four on top", "eu", 6, 5, 2, 1)
		for s := uint64(7); s <= 70; s++ {
			b.ok(b.Publish(b.Context(), b.pub, b.release(s)))
		}
		b.offers("more than any walk", "", 70, 69, 1)
		b.offers("more than any walk", "eu", 70, 69, 2, 1)
		for s := uint64(70); s > 6; s-- {
			b.ok(b.Revoke(b.Context(), b.pub, b.id, s))
		}
		b.offers("a wall of revoked ones", "", 1)
		b.offers("a wall of revoked ones", "eu", 2, 1)
	})
}

// The operator's own many trials do not displace what is for all either.
func TestManyLiveReleasesKeepTheOneForAll(t *testing.T) {
	onEachChain(t, func(b *bench) {
		b.publish(14)
		b.rollout("", forAll, 1, 2)
		b.rollout("", ramp, 3, 4, 5, 6)
		b.offers("four live on top", "", 14, 13, 6, 5, 4, 3, 2)
		b.rollout("", ramp, 7, 8, 9, 10, 11)
		b.offers("nine", "", 14, 13, 11, 10, 9, 8, 2)
		b.ok(b.SetBarrier(b.Context(), b.operator, b.id, 1))
		b.offers("as many as there can be", "", 14, 13, 11, 10, 9, 8, 2, 1)
		b.ok(b.SetHalted(b.Context(), b.operator, b.id, 2, true))
		b.offers("the one for all is halted", "", 14, 13, 11, 10, 9, 8, 1)
		b.ok(b.SetHalted(b.Context(), b.operator, b.id, 2, false))
		b.rollout("", paused, 11, 10, 9, 8)
		b.offers("trials taken back", "", 14, 13, 7, 6, 5, 2, 1)
		b.rollout("", forAll, 7)
		b.offers("a trial succeeds", "", 14, 13, 7, 6, 5, 2, 1)
		b.rollout("eu", forAll, 3)
		b.rollout("eu", ramp, 4, 5, 6, 7, 8, 9, 10, 11)
		b.offers("a region's own", "eu", 14, 13, 11, 10, 9, 8, 3, 1)
	})
}

// While a region has few enough live releases to remember, its offer is exactly
// what the rule says, whatever the operator did in whatever order.
func TestOfferFollowsTheRule(t *testing.T) {
	t.Parallel()
	b := newBench(t, shared["devchain"])
	const releases = 8 // as many as are remembered
	b.publish(releases)
	rnd := rand.New(rand.NewPCG(5, 6))
	regions := []verify.Region{"", "eu", "us"}
	policies := map[verify.Region]map[uint64]verify.Rollout{"": {}, "eu": {}, "us": {}}
	halted, revoked := map[uint64]bool{}, map[uint64]bool{}
	barrier := uint64(0)
	for step := range 150 {
		s := 1 + rnd.Uint64N(releases)
		switch n := rnd.IntN(20); {
		case n == 0 && len(revoked) < 4 && !revoked[s]:
			b.ok(b.Revoke(b.Context(), b.pub, b.id, s))
			revoked[s] = true
		case n < 4:
			halted[s] = !halted[s]
			b.ok(b.SetHalted(b.Context(), b.operator, b.id, s, halted[s]))
		case n < 6 && !revoked[s]:
			barrier = s
			b.ok(b.SetBarrier(b.Context(), b.operator, b.id, s))
		case !revoked[s]:
			region := regions[rnd.IntN(len(regions))]
			policy := []verify.Rollout{forAll, paused, ramp, {Warm: true}, canary}[rnd.IntN(5)]
			b.rollout(region, policy, s)
			policies[region][s] = policy
		}
		for _, region := range regions {
			var want []uint64
			newest, live, stable := 0, 0, false
			for s := uint64(releases); s > 0; s-- {
				policy, own := policies[region][s]
				if !own {
					policy = policies[""][s]
				}
				all := policy.Mode == verify.RolloutAll && !halted[s]
				switch {
				case revoked[s]:
					continue
				case live < 4 && (policy.Mode != verify.RolloutPaused || policy.Warm), live == 4 && !stable && all:
					live, stable = live+1, stable || all
				case newest < 2, s == barrier:
				default:
					newest++
					continue
				}
				newest++
				want = append(want, s)
			}
			b.offers(fmt.Sprintf("step %d, region %q", step, region), region, want...)
		}
		if t.Failed() {
			return
		}
	}
}
