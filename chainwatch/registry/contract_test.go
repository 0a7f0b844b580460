package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"

	"camswarm/chainwatch/registry/bindings"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// change is one kind of change to a registry, who may make it, and whether it
// bears on the bench's product.
type change struct {
	name  string
	by    string // account, or "one or other"
	bears bool
	do    func(b *bench, ctx context.Context, key *sign.Key) (Tx, error)
}

// key returns the key of an account that may make the change.
func (c change) key() *sign.Key {
	who, _, _ := strings.Cut(c.by, " ")
	return allAccounts()[who]
}

var canary = verify.Rollout{
	Mode: verify.RolloutCanary, Warm: true, NotBefore: 10, Start: 20, Duration: 30, StartBps: 40, EndBps: 50,
	Label: "beta", Canaries: [][32]byte{{7}, {8}},
}

// changes returns every kind of change, in an order in which all are possible
// after releases 1 to 3 were published.
func changes(t *testing.T) []change {
	other := newKeys(t, 2, 1)
	otherDID := verify.DIDKey(other.Keys[0])
	otherProduct := verify.Product{Vendor: "example.com", Name: "doorbell"}
	return []change{
		{"publish", "publisher", true, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.Publish(ctx, k, b.release(4))
		}},
		{"revoke", "publisher", true, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.Revoke(ctx, k, b.id, 1)
		}},
		{"raise the minimum sequence", "publisher", true, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.SetMinSequence(ctx, k, b.id, 2)
		}},
		{"set keys", "publisher", true, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.SetKeys(ctx, k, b.did, other)
		}},
		{"set rollout", "operator", true, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.SetRollout(ctx, k, b.id, 3, "", canary)
		}},
		{"set a region's rollout", "operator", true, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.SetRollout(ctx, k, b.id, 3, "eu-west", canary)
		}},
		{"halt", "operator", true, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.SetHalted(ctx, k, b.id, 3, true)
		}},
		{"lift the halt", "operator", true, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.SetHalted(ctx, k, b.id, 3, false)
		}},
		{"set barrier", "operator", true, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.SetBarrier(ctx, k, b.id, 2)
		}},
		{"pause", "pauser or guardian", true, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.Pause(ctx, k)
		}},
		{"unpause", "pauser", true, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.Unpause(ctx, k)
		}},
		{"create manufacturer", "admin", false, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.CreateManufacturer(ctx, k, otherDID, other, address(accounts.another))
		}},
		{"create product", "admin", false, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.CreateProduct(ctx, k, otherProduct, otherDID, address(b.operator))
		}},
		{"propose a grant", "admin", false, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.ProposeGrant(ctx, k, OperatorRole(b.product), address(accounts.another))
		}},
		{"withdraw", "guardian", false, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.Withdraw(ctx, k, ManufacturerRole(b.did), address(b.stranger))
		}},
		{"propose a pauser", "admin", false, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.ProposeGrant(ctx, k, PauserRole(), address(accounts.another))
		}},
		{"propose the removal of a guardian", "admin", false, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.ProposeRemoval(ctx, k, address(b.guardian))
		}},
		{"change the delay", "admin", false, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.ChangeDelay(ctx, k, time.Minute)
		}},
		{"announce a new admin", "admin", false, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.BeginAdminTransfer(ctx, k, address(accounts.another))
		}},
		{"cancel the new admin", "admin or guardian", false, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.CancelAdminTransfer(ctx, k)
		}},
		{"cancel the new delay", "admin or guardian", false, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.CancelDelay(ctx, k)
		}},
		{"cancel a grant", "admin or guardian", false, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.CancelGrant(ctx, k, OperatorRole(b.product), address(accounts.another))
		}},
		{"continue a product", "admin", false, func(b *bench, ctx context.Context, k *sign.Key) (Tx, error) {
			return b.ContinueProduct(ctx, k, verify.Product{Vendor: "example.com", Name: "moved"}, otherDID, address(b.operator), 7)
		}},
	}
}

// Only the manufacturer's admin publishes, only the operator steers, only the
// pauser pauses, only the admin sets up: nobody can do another's work.
func TestEachChangeIsForOneRoleOnly(t *testing.T) {
	onEachChain(t, func(b *bench) {
		b.publish(3)
		for _, c := range changes(b.T) {
			for who, key := range allAccounts() {
				if !strings.Contains(c.by, who) {
					_, err := c.do(b, b.Context(), key)
					if name := refusalName(err); name != "AccessControlUnauthorizedAccount" {
						b.Errorf("%s by %s: %v", c.name, who, err)
					}
				}
			}
			if _, err := c.do(b, b.Context(), c.key()); err != nil {
				b.Errorf("%s by %s: %v", c.name, c.by, err)
			}
		}
	})
}

func refusalName(err error) string {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Name
	}
	return ""
}

// rev grows by one and the digest changes with every change that bears on a
// product, for all regions alike, and with no other.
func TestEveryChangeRollsRevAndDigest(t *testing.T) {
	onEachChain(t, func(b *bench) {
		sibling := verify.Product{Vendor: "tenvis.com", Name: "doorbell"}
		b.ok(b.CreateProduct(b.Context(), b.admin, sibling, b.did, address(b.operator)))
		b.publish(3)
		last := b.check("")
		if last.Rev != 5 { // the manufacturer, the product, three releases
			b.Errorf("rev is %d after 5 changes", last.Rev)
		}
		digests := map[[32]byte]bool{last.Digest: true}
		siblingLast, err := b.Check(b.Context(), sibling.ID(), "")
		if err != nil {
			b.Fatal(err)
		}
		for _, c := range changes(b.T) {
			tx, err := c.do(b, b.Context(), c.key())
			b.ok(tx, err)
			v := b.check("")
			switch {
			case !c.bears && (v.Rev != last.Rev || v.Digest != last.Digest || v.RevBlock != last.RevBlock):
				b.Errorf("%s does not bear on the product, but rev went from %d to %d", c.name, last.Rev, v.Rev)
			case c.bears && (v.Rev != last.Rev+1 || digests[v.Digest] || v.RevBlock != tx.Block):
				b.Errorf("%s: rev %d to %d, revBlock %d (mined in %d), digest %x", c.name, last.Rev, v.Rev, v.RevBlock, tx.Block, v.Digest)
			}
			digests[v.Digest] = true
			last = v
			for _, region := range []verify.Region{"", "eu-west", "us"} {
				if r := b.check(region); r.Rev != v.Rev || r.Digest != v.Digest {
					b.Errorf("%s: region %q answers rev %d, the default region %d", c.name, region, r.Rev, v.Rev)
				}
			}
			s, err := b.Check(b.Context(), sibling.ID(), "")
			if err != nil {
				b.Fatal(err)
			}
			shared := c.name == "set keys" || c.name == "pause" || c.name == "unpause"
			if rolled := s.Rev != siblingLast.Rev; rolled != shared || rolled != (s.Digest != siblingLast.Digest) {
				b.Errorf("%s: the manufacturer's other product went from rev %d to %d", c.name, siblingLast.Rev, s.Rev)
			}
			siblingLast = s
		}
	})
}

// The digest commits to every change: it can be computed from the log alone.
func TestDigestFollowsFromTheLog(t *testing.T) {
	onEachChain(t, func(b *bench) {
		b.publish(3)
		for _, c := range changes(b.T) {
			b.ok(c.do(b, b.Context(), c.key()))
		}
		history, err := b.History(b.Context(), b.id, 0)
		if err != nil {
			b.Fatal(err)
		}
		tracks := map[[32]byte][32]byte{}
		for _, e := range history {
			call := crypto.Keccak256Hash(callOf(b.T, e))
			tracks[e.Subject] = crypto.Keccak256Hash(words(b.T, tracks[e.Subject], e.Block, e.Time, [32]byte(call)))
		}
		want := crypto.Keccak256Hash(words(b.T, tracks[b.id], tracks[b.did.Hash()], tracks[[32]byte{}]))
		if got := b.check("").Digest; got != want {
			b.Errorf("digest is %x, the log gives %x", got, want)
		}
	})
}

// callOf returns the call that made a change, as its event tells it.
func callOf(t *testing.T, e Event) []byte {
	switch d := e.Detail.(type) {
	case *bindings.FirmwareRegistryManufacturerCreated:
		return contract.PackCreateManufacturer(d.Manufacturer, d.Did, d.Threshold, d.Keys, d.Admin)
	case *bindings.FirmwareRegistryProductCreated:
		return contract.PackCreateProduct(d.Product, d.Name, d.Manufacturer, d.Operator)
	case *bindings.FirmwareRegistryProductContinued:
		return contract.PackContinueProduct(d.Product, d.Name, d.Manufacturer, d.Operator, d.Latest)
	case *bindings.FirmwareRegistryKeysSet:
		return contract.PackSetKeys(d.Manufacturer, d.Threshold, d.Keys)
	case *bindings.FirmwareRegistryPublished:
		return contract.PackPublish(d.Product, d.Sequence, d.Version, d.ImageSize, d.ImageSha256, d.Envelope)
	case *bindings.FirmwareRegistryRevoked:
		return contract.PackRevoke(d.Product, d.Sequence)
	case *bindings.FirmwareRegistryMinSequenceRaised:
		return contract.PackSetMinSequence(d.Product, d.Sequence)
	case *bindings.FirmwareRegistryRolloutSet:
		return contract.PackSetRollout(d.Product, d.Sequence, d.Region, d.Policy)
	case *bindings.FirmwareRegistryHaltedSet:
		return contract.PackSetHalted(d.Product, d.Sequence, d.Halted)
	case *bindings.FirmwareRegistryBarrierSet:
		return contract.PackSetBarrier(d.Product, d.Sequence)
	case *bindings.FirmwareRegistryPaused:
		return contract.PackPause()
	case *bindings.FirmwareRegistryUnpaused:
		return contract.PackUnpause()
	}
	t.Fatalf("event %s is no change", e.Name)
	return nil
}

func words(t *testing.T, values ...any) []byte {
	t.Helper()
	var args abi.Arguments
	for _, v := range values {
		kind := "bytes32"
		if _, ok := v.(uint64); ok {
			kind = "uint64" // encoded as a uint256 is
		}
		typ, err := abi.NewType(kind, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, abi.Argument{Type: typ})
	}
	packed, err := args.Pack(values...)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// fast_forward: a sequence is the latest plus one and nothing else.
func TestSequenceGrowsByExactlyOne(t *testing.T) {
	onEachChain(t, func(b *bench) {
		b.refused("SequenceNotNext", "sequence must be 1, not 0")(b.Publish(b.Context(), b.pub, b.release(0)))
		b.refused("SequenceNotNext", "sequence must be 1, not 2", "without gaps")(b.Publish(b.Context(), b.pub, b.release(2)))
		b.publish(3)
		b.refused("SequenceNotNext", "sequence must be 4, not 7")(b.Publish(b.Context(), b.pub, b.release(7)))
		b.refused("SequenceNotNext", "sequence must be 4, not 3", "already")(b.Publish(b.Context(), b.pub, b.release(3)))
		b.refused("SequenceNotNext")(b.Publish(b.Context(), b.pub, b.release(1<<64-1)))
		b.ok(b.Revoke(b.Context(), b.pub, b.id, 3))
		b.refused("SequenceNotNext")(b.Publish(b.Context(), b.pub, b.release(3))) // a revoked number is not used again
		b.ok(b.Publish(b.Context(), b.pub, b.release(4)))
		if v := b.check(""); v.Latest != 4 {
			b.Errorf("latest is %d", v.Latest)
		}
	})
}

// A device reads exactly what the manufacturer published and the operator set.
func TestCheckAnswersWhatWasSet(t *testing.T) {
	onEachChain(t, func(b *bench) {
		rel := b.release(1)
		tx := b.ok(b.Publish(b.Context(), b.pub, rel))
		b.ok(b.SetRollout(b.Context(), b.operator, b.id, 1, "", canary))
		b.ok(b.SetHalted(b.Context(), b.operator, b.id, 1, true))
		b.ok(b.SetMinSequence(b.Context(), b.pub, b.id, 1))
		b.ok(b.SetBarrier(b.Context(), b.operator, b.id, 1))
		last := b.ok(b.Pause(b.Context(), b.pauser))
		v := b.check("eu-west")
		if v.Block < last.Block || v.Time == 0 || v.RevBlock != last.Block || v.Digest == ([32]byte{}) || v.Rev != 8 {
			b.Errorf("view is at block %d, time %d, rev %d of block %d, digest %x; the last change was in %d", v.Block, v.Time, v.Rev, v.RevBlock, v.Digest, last.Block)
		}
		if published := v.Candidates[0].PublishedAt; published == 0 || published > v.Time {
			b.Errorf("published at %d, now %d, in block %d", published, v.Time, tx.Block)
		}
		rel.PublishedAt = v.Candidates[0].PublishedAt
		policy := canary
		policy.Halted = true
		want := verify.View{
			Registry: b.Ref(), Product: b.id, Region: "eu-west",
			Rev: v.Rev, RevBlock: v.RevBlock, Digest: v.Digest, Block: v.Block, Time: v.Time,
			Paused: true, Latest: 1, MinSequence: 1, Barrier: 1, Keys: b.keys, Manufacturer: b.did,
			Candidates: []verify.Candidate{{Release: rel, Rollout: policy}},
		}
		if got, want := fmt.Sprintf("%+v", v), fmt.Sprintf("%+v", want); got != want {
			b.Errorf("got  %s\nwant %s", got, want)
		}
		info, err := b.Product(b.Context(), b.id)
		if err != nil || info.Product != b.product || info.Manufacturer != b.did.Hash() {
			b.Errorf("product: %+v, %v", info, err)
		}
	})
}

func TestRevocationIsForEver(t *testing.T) {
	onEachChain(t, func(b *bench) {
		b.publish(2)
		b.refused("UnknownRelease", "no release 3", "1 to 2")(b.Revoke(b.Context(), b.pub, b.id, 3))
		b.refused("UnknownRelease")(b.Revoke(b.Context(), b.pub, b.id, 0))
		b.ok(b.Revoke(b.Context(), b.pub, b.id, 2))
		b.refused("ReleaseRevoked", "release 2 is revoked")(b.Revoke(b.Context(), b.pub, b.id, 2))
		b.refused("ReleaseRevoked")(b.SetRollout(b.Context(), b.operator, b.id, 2, "", canary))
		b.refused("ReleaseRevoked")(b.SetBarrier(b.Context(), b.operator, b.id, 2))
		v := b.check("")
		if _, offered := v.Candidate(2); offered || v.Latest != 2 || len(v.Candidates) != 1 {
			b.Errorf("view after the revocation: %+v", v)
		}
		releases, err := b.Releases(b.Context(), b.id, 1)
		if err != nil || len(releases) != 2 || releases[0].Revoked || !releases[1].Revoked {
			b.Errorf("releases: %+v, %v", releases, err)
		}
	})
}

// rollback: the floor never sinks, and stays among what exists.
func TestMinSequenceOnlyRises(t *testing.T) {
	onEachChain(t, func(b *bench) {
		b.refused("UnknownRelease", "none was published")(b.SetMinSequence(b.Context(), b.pub, b.id, 1))
		b.publish(3)
		b.refused("MinSequenceNotRaised")(b.SetMinSequence(b.Context(), b.pub, b.id, 0))
		b.ok(b.SetMinSequence(b.Context(), b.pub, b.id, 2))
		b.refused("MinSequenceNotRaised", "is 2 and can only be raised")(b.SetMinSequence(b.Context(), b.pub, b.id, 2))
		b.refused("MinSequenceNotRaised")(b.SetMinSequence(b.Context(), b.pub, b.id, 1))
		b.refused("UnknownRelease")(b.SetMinSequence(b.Context(), b.pub, b.id, 4))
		b.ok(b.SetMinSequence(b.Context(), b.pub, b.id, 3))
		if v := b.check(""); v.MinSequence != 3 {
			b.Errorf("minimum sequence is %d", v.MinSequence)
		}
	})
}

// While paused nothing is published, but everything that stops still works.
func TestPauseStopsPublishingOnly(t *testing.T) {
	onEachChain(t, func(b *bench) {
		b.publish(2)
		b.refused("ExpectedPause")(b.Unpause(b.Context(), b.pauser))
		b.ok(b.Pause(b.Context(), b.pauser))
		if !b.check("").Paused {
			b.Error("check does not say that the registry is paused")
		}
		b.refused("EnforcedPause", "paused")(b.Pause(b.Context(), b.pauser))
		b.refused("EnforcedPause")(b.Publish(b.Context(), b.pub, b.release(3)))
		b.ok(b.Revoke(b.Context(), b.pub, b.id, 2))
		b.ok(b.SetHalted(b.Context(), b.operator, b.id, 1, true))
		b.ok(b.SetKeys(b.Context(), b.pub, b.did, newKeys(b.T, 1, 1)))
		b.ok(b.Withdraw(b.Context(), b.guardian, OperatorRole(b.product), address(b.operator)))
		b.refused("AccessControlUnauthorizedAccount")(b.Unpause(b.Context(), b.guardian))
		b.ok(b.Unpause(b.Context(), b.pauser))
		b.ok(b.Publish(b.Context(), b.pub, b.release(3)))
		if b.check("").Paused {
			b.Error("still paused")
		}
	})
}

// The search for candidates is bounded, and history is read page by page.
func TestLongHistory(t *testing.T) {
	onEachChain(t, func(b *bench) {
		const newest, walk = 66, 64
		b.publish(newest)
		releases, err := b.Releases(b.Context(), b.id, 1)
		if err != nil || len(releases) != newest {
			b.Fatalf("%d releases, want %d over several pages: %v", len(releases), newest, err)
		}
		for i, r := range releases {
			if r.Sequence != uint64(i+1) || r.ImageSize != 1000+r.Sequence {
				b.Fatalf("release %d is %+v", i+1, r)
			}
		}
		for from, n := range map[uint64]int{0: newest, 3: newest - 2, newest: 1, newest + 1: 0, 1<<64 - 1: 0} {
			if releases, err := b.Releases(b.Context(), b.id, from); err != nil || len(releases) != n {
				b.Errorf("%d releases from %d, want %d: %v", len(releases), from, n, err)
			}
		}
		// The contract itself starts at 1 and cuts a page that is too long.
		page, err := ask(b.Context(), b.Registry, "releases", contract.PackReleases(b.id, 0, 1<<64-1), contract.UnpackReleases)
		if err != nil || len(page) != pageSize || page[0].Sequence != 1 {
			b.Errorf("a page of %d releases: %v", len(page), err)
		}
		for s := uint64(newest); s > newest-walk+1; s-- {
			b.ok(b.Revoke(b.Context(), b.pub, b.id, s))
		}
		if v := b.check(""); len(v.Candidates) != 1 || v.Candidates[0].Sequence != newest-walk+1 {
			b.Errorf("the last release within the walk is not offered: %+v", v.Candidates)
		}
		b.ok(b.Revoke(b.Context(), b.pub, b.id, newest-walk+1))
		if v := b.check(""); len(v.Candidates) != 0 {
			b.Errorf("the walk went on: %+v", v.Candidates)
		}
		b.ok(b.SetBarrier(b.Context(), b.operator, b.id, 1))
		if v := b.check(""); len(v.Candidates) != 1 || v.Candidates[0].Sequence != 1 {
			b.Errorf("the barrier beyond the walk is not offered: %+v", v.Candidates)
		}
	})
}

// A region without a policy of its own follows the default region.
func TestRegionFallsBackToDefault(t *testing.T) {
	onEachChain(t, func(b *bench) {
		b.publish(2)
		mode := func(region verify.Region) string {
			b.Helper()
			v := b.check(region)
			c1, _ := v.Candidate(1)
			c2, _ := v.Candidate(2)
			return fmt.Sprint(c1.Rollout.Mode, " ", c2.Rollout.Mode)
		}
		want := func(step, home, eu, us string) {
			b.Helper()
			if h, e, u := mode(""), mode("eu"), mode("us"); h != home || e != eu || u != us {
				b.Errorf("%s: default %q, eu %q, us %q", step, h, e, u)
			}
		}
		want("no policy", "paused paused", "paused paused", "paused paused")
		b.ok(b.SetRollout(b.Context(), b.operator, b.id, 2, "eu", verify.Rollout{Mode: verify.RolloutAll}))
		want("one region's own", "paused paused", "paused all", "paused paused")
		b.ok(b.SetRollout(b.Context(), b.operator, b.id, 2, "", verify.Rollout{Mode: verify.RolloutPercent, EndBps: 100}))
		want("and a default", "paused percent", "paused all", "paused percent")
		b.ok(b.SetRollout(b.Context(), b.operator, b.id, 2, "eu", verify.Rollout{}))
		want("a region paused for itself", "paused percent", "paused paused", "paused percent")
		b.ok(b.SetRollout(b.Context(), b.operator, b.id, 2, "", verify.Rollout{Mode: verify.RolloutAll}))
		want("a policy replaced", "paused all", "paused paused", "paused all")
	})
}

// A shorter canary list replaces a longer one and leaves nothing of it.
func TestPolicyIsReplacedWhole(t *testing.T) {
	onEachChain(t, func(b *bench) {
		b.publish(1)
		b.ok(b.SetRollout(b.Context(), b.operator, b.id, 1, "", canary))
		short := verify.Rollout{Mode: verify.RolloutCanary, Canaries: [][32]byte{{9}}}
		b.ok(b.SetRollout(b.Context(), b.operator, b.id, 1, "", short))
		if got := b.check("").Candidates[0].Rollout; fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", short) {
			b.Errorf("policy is %+v, want %+v", got, short)
		}
		keys := newKeys(b.T, 1, 1)
		b.ok(b.SetKeys(b.Context(), b.pub, b.did, keys))
		if got := b.check("").Keys; !got.Equal(keys) {
			b.Errorf("keys are %v, want %v", got, keys)
		}
	})
}

// Everything that the contract stores has a bound, so that its answers do too.
func TestBounds(t *testing.T) {
	onEachChain(t, func(b *bench) {
		b.publish(1)
		long := func(n int) string { return strings.Repeat("x", n) }
		key := func(n int) []byte { return []byte(long(n)) }
		keys := func(n int) (list [][]byte) {
			for i := range n {
				list = append(list, []byte{byte(i), 1})
			}
			return list
		}
		id := func(text string) [32]byte { return verify.DID(text).Hash() }
		publish := func(version string, size uint64, image, envelope byte) []byte {
			return contract.PackPublish(b.id, 2, version, size, [32]byte{image}, [32]byte{envelope})
		}
		policy := func(p bindings.FirmwareRegistryPolicy) []byte {
			return contract.PackSetRollout(b.id, 1, [32]byte{}, p)
		}
		someone := common.Address(address(accounts.another))
		maker := func(did string, threshold uint8, keys [][]byte) []byte {
			return contract.PackCreateManufacturer(id(did), did, threshold, keys, someone)
		}
		for name, c := range map[string]struct {
			key  *sign.Key
			data []byte
			want string // "": accepted
			says string
		}{
			"longest version":       {b.pub, publish(long(128), 1, 1, 1), "", ""},
			"version too long":      {b.pub, publish(long(129), 1, 1, 1), "OutOfBounds", "version: 129 (or its length) must be from 1 to 128"},
			"no version":            {b.pub, publish("", 1, 1, 1), "OutOfBounds", "version"},
			"largest image":         {b.pub, publish("1", verify.MaxImageSize, 1, 1), "", ""},
			"image too large":       {b.pub, publish("1", verify.MaxImageSize+1, 1, 1), "OutOfBounds", "imageSize"},
			"empty image":           {b.pub, publish("1", 0, 1, 1), "OutOfBounds", "imageSize"},
			"no image digest":       {b.pub, publish("1", 1, 0, 1), "ZeroValue", "imageSha256 must not be zero"},
			"no envelope digest":    {b.pub, publish("1", 1, 1, 0), "ZeroValue", "envelope"},
			"most keys":             {b.pub, contract.PackSetKeys(b.did.Hash(), 16, keys(16)), "", ""},
			"too many keys":         {b.pub, contract.PackSetKeys(b.did.Hash(), 1, keys(17)), "OutOfBounds", "keys"},
			"no keys":               {b.pub, contract.PackSetKeys(b.did.Hash(), 0, nil), "OutOfBounds", "keys"},
			"threshold too high":    {b.pub, contract.PackSetKeys(b.did.Hash(), 3, keys(2)), "OutOfBounds", "threshold"},
			"no threshold":          {b.pub, contract.PackSetKeys(b.did.Hash(), 0, keys(2)), "OutOfBounds", "threshold"},
			"longest key":           {b.pub, contract.PackSetKeys(b.did.Hash(), 1, [][]byte{key(40)}), "", ""},
			"key too long":          {b.pub, contract.PackSetKeys(b.did.Hash(), 1, [][]byte{key(41)}), "OutOfBounds", "key"},
			"empty key":             {b.pub, contract.PackSetKeys(b.did.Hash(), 1, [][]byte{{}}), "OutOfBounds", "key"},
			"key twice":             {b.pub, contract.PackSetKeys(b.did.Hash(), 2, [][]byte{{1}, {2}, {1}}), "DuplicateKey", "key number 3 is listed twice"},
			"keys of nobody":        {b.pub, contract.PackSetKeys([32]byte{9}, 1, keys(1)), "UnknownManufacturer", "no manufacturer 09"},
			"highest mode":          {b.operator, policy(bindings.FirmwareRegistryPolicy{Mode: 3}), "", ""},
			"no such mode":          {b.operator, policy(bindings.FirmwareRegistryPolicy{Mode: 4}), "OutOfBounds", "mode"},
			"full ramp":             {b.operator, policy(bindings.FirmwareRegistryPolicy{StartBps: 10000, EndBps: 10000}), "", ""},
			"ramp beyond all":       {b.operator, policy(bindings.FirmwareRegistryPolicy{EndBps: 10001}), "OutOfBounds", "endBps"},
			"ramp downwards":        {b.operator, policy(bindings.FirmwareRegistryPolicy{StartBps: 2, EndBps: 1}), "OutOfBounds", "startBps"},
			"longest label":         {b.operator, policy(bindings.FirmwareRegistryPolicy{Label: long(32)}), "", ""},
			"label too long":        {b.operator, policy(bindings.FirmwareRegistryPolicy{Label: long(33)}), "OutOfBounds", "label"},
			"most canaries":         {b.operator, policy(bindings.FirmwareRegistryPolicy{Canaries: make([][32]byte, 64)}), "", ""},
			"too many canaries":     {b.operator, policy(bindings.FirmwareRegistryPolicy{Canaries: make([][32]byte, 65)}), "OutOfBounds", "canaries"},
			"policy of nothing":     {b.operator, contract.PackSetRollout(b.id, 2, [32]byte{}, bindings.FirmwareRegistryPolicy{}), "UnknownRelease", "choose from 1 to 1"},
			"longest DID":           {b.admin, maker(long(128), 1, keys(1)), "", ""},
			"DID too long":          {b.admin, maker(long(129), 1, keys(1)), "OutOfBounds", "did"},
			"no DID":                {b.admin, maker("", 1, keys(1)), "OutOfBounds", "did"},
			"manufacturer twice":    {b.admin, maker(string(b.did), 1, keys(1)), "AlreadyExists", ""},
			"DID of another id":     {b.admin, contract.PackCreateManufacturer(id("a"), "b", 1, keys(1), someone), "IdMismatch", "SHA-256"},
			"manufacturer's nobody": {b.admin, contract.PackCreateManufacturer(id("a"), "a", 1, keys(1), common.Address{}), "ZeroValue", "account"},
			"product twice":         {b.admin, contract.PackCreateProduct(b.id, b.product.String(), b.did.Hash(), someone), "AlreadyExists", ""},
			"product of nobody":     {b.admin, contract.PackCreateProduct(id("a/b"), "a/b", id("a"), someone), "UnknownManufacturer", ""},
			"name of another id":    {b.admin, contract.PackCreateProduct(id("a/b"), "a/c", b.did.Hash(), someone), "IdMismatch", ""},
			"name too long":         {b.admin, contract.PackCreateProduct(id(long(129)), long(129), b.did.Hash(), someone), "OutOfBounds", "name"},
			"operator nobody":       {b.admin, contract.PackCreateProduct(id("a/b"), "a/b", b.did.Hash(), common.Address{}), "ZeroValue", "account"},
			"role for nobody":       {b.admin, contract.PackProposeGrant(PauserRole().id, common.Address{}), "ZeroValue", "account"},
			"unknown product":       {b.pub, contract.PackRevoke([32]byte{9}, 1), "UnknownProduct", "no product 09"},
			"check of nothing":      {b.pub, contract.PackCheck([32]byte{9}, [32]byte{}), "UnknownProduct", ""},
		} {
			_, err := b.raw(c.key, c.data)
			if got := refusalName(err); got != c.want || (err != nil) != (c.want != "") {
				b.Errorf("%s: %v, want %q", name, err, c.want)
			} else if c.want != "" && !strings.Contains(err.Error(), c.says) {
				b.Errorf("%s: %q does not say %q", name, err, c.says)
			}
		}
	})
}

// The largest answer that the contract can give fits the 64 KiB that a camera
// reads, and costs far less gas than any endpoint allows a call.
func TestLargestAnswerFitsACamera(t *testing.T) {
	onEachChain(t, func(b *bench) {
		b.ok(b.SetKeys(b.Context(), b.pub, b.did, newKeys(b.T, verify.MaxSigners, 1)))
		full := verify.Rollout{Mode: verify.RolloutCanary, Label: strings.Repeat("l", 32)}
		for i := range verify.MaxCanaries {
			full.Canaries = append(full.Canaries, [32]byte{31: byte(i)})
		}
		const published = 12
		for s := range uint64(published) {
			rel := b.release(s + 1)
			rel.Version = strings.Repeat("v", verify.MaxText)
			b.ok(b.Publish(b.Context(), b.pub, rel))
			b.ok(b.SetRollout(b.Context(), b.operator, b.id, s+1, "", full))
			if s < published-2 { // the two newest go by the default region
				b.ok(b.SetRollout(b.Context(), b.operator, b.id, s+1, "eu", full))
			}
		}
		own := full
		own.Mode = verify.RolloutPaused
		b.ok(b.SetRollout(b.Context(), b.operator, b.id, published, "eu", own))
		b.ok(b.SetRollout(b.Context(), b.operator, b.id, published-1, "eu", own))
		full.Mode = verify.RolloutAll
		b.ok(b.SetRollout(b.Context(), b.operator, b.id, 3, "eu", full))
		b.ok(b.SetBarrier(b.Context(), b.operator, b.id, 1))
		if v := b.check("eu"); len(v.Candidates) != verify.MaxCandidates || len(v.Candidates[7].Rollout.Canaries) != verify.MaxCanaries {
			b.Fatalf("%d candidates", len(v.Candidates))
		}
		msg := message{To: b.Address().String(), Data: contract.PackCheck(b.id, verify.Region("eu").Bytes32())}
		var out string
		if err := b.server.client.rpc.CallContext(b.Context(), &out, "eth_call", msg, "latest"); err != nil {
			b.Fatal(err)
		}
		var gas hexutil.Uint64
		if err := b.server.client.rpc.CallContext(b.Context(), &gas, "eth_estimateGas", msg); err != nil {
			b.Fatal(err)
		}
		b.Logf("largest answer: %d bytes of JSON, %d gas", len(out), gas)
		if len(out) > 60<<10 || gas > 5_000_000 {
			b.Errorf("%d bytes, %d gas", len(out), gas)
		}
	})
}

// The role ids that this package computes are the contract's.
func TestRoleIDs(t *testing.T) {
	t.Parallel()
	b := newBench(t, shared["devchain"])
	for role, data := range map[Role][]byte{
		ManufacturerRole(b.did): contract.PackManufacturerRole(b.did.Hash()),
		OperatorRole(b.product): contract.PackOperatorRole(b.id),
		PauserRole():            contract.PackPAUSERROLE(),
		AdminRole():             contract.PackDEFAULTADMINROLE(),
	} {
		got, err := ask(t.Context(), b.Registry, "role", data, contract.UnpackOperatorRole)
		if err != nil || got != role.id {
			t.Errorf("%s: %x, want %x (%v)", role, role.id, got, err)
		}
	}
}
