package chainwatch

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"camswarm/verify"
)

// jury is a panel of three witnesses, of whom two must agree, and their keys.
type jury struct {
	*Panel
	t     testing.TB
	keys  []ed25519.PrivateKey
	store *keptPanel
	cfg   WitnessConfig
}

func witnessKey(b byte) (ed25519.PrivateKey, verify.PublicKey) {
	k := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
	p, err := verify.NewPublicKey(verify.EdDSA, k.Public().(ed25519.PublicKey))
	if err != nil {
		panic(err)
	}
	return k, p
}

func newJury(t testing.TB, change ...func(*WitnessConfig)) *jury {
	t.Helper()
	b := &jury{t: t, store: &keptPanel{}, cfg: DefaultWitnessConfig()}
	b.cfg.Threshold = 2
	for i := range byte(3) {
		secret, public := witnessKey(i + 1)
		b.keys = append(b.keys, secret)
		b.cfg.Keys = append(b.cfg.Keys, public)
	}
	for _, f := range change {
		f(&b.cfg)
	}
	b.reopen()
	return b
}

// reopen starts the panel anew on what it kept.
func (b *jury) reopen() {
	b.t.Helper()
	var err error
	if b.Panel, err = NewPanel(context.Background(), b.cfg, testRegistry, testProduct, testRegion, PanelOptions{Store: b.store}); err != nil {
		b.t.Fatal(err)
	}
}

// keptPanel keeps what was saved.
type keptPanel struct{ b []byte }

func (s *keptPanel) Load(context.Context) ([]byte, error) { return s.b, nil }
func (s *keptPanel) Save(_ context.Context, b []byte) error {
	s.b = bytes.Clone(b)
	return nil
}

// seen is a view at a revision.
func seen(rev uint64, change ...func(v *verify.View)) verify.View {
	_, k := witnessKey(99)
	v := verify.View{
		Registry: testRegistry, Product: testProduct, Region: testRegion, Rev: rev, RevBlock: 100 + rev, Block: 200 + rev, Time: worldEpoch,
		Digest: [32]byte{byte(rev)}, Latest: rev, Keys: verify.KeySet{Threshold: 1, Keys: []verify.PublicKey{k}},
		Candidates: []verify.Candidate{release(rev)},
	}
	for _, f := range change {
		f(&v)
	}
	return v
}

// signedBy encodes a view as a statement of a key.
func signedBy(t testing.TB, k ed25519.PrivateKey, v verify.View) []byte {
	t.Helper()
	p, err := verify.NewPublicKey(verify.EdDSA, k.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	s := &verify.WitnessStatement{View: v}
	message, err := s.ToBeSigned(p)
	if err != nil {
		t.Fatal(err)
	}
	if s.Signature, err = verify.NewSignature(p, ed25519.Sign(k, message)); err != nil {
		t.Fatal(err)
	}
	raw, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// says has witness i say something, now being the chain's time of a world.
func (b *jury) says(i int, v verify.View) error {
	b.t.Helper()
	return b.Judge(context.Background(), signedBy(b.t, b.keys[i], v), worldEpoch)
}

// agreed is the revision that a quorum agrees on; 0: none.
func (b *jury) agreed() uint64 {
	v, _, _ := b.Said(worldEpoch)
	if v == nil {
		return 0
	}
	return v.Rev
}

func (b *jury) want(rev uint64, when string) {
	b.t.Helper()
	if got := b.agreed(); got != rev {
		b.t.Errorf("%s: a quorum agrees on revision %d, want %d", when, got, rev)
	}
}

func (b *jury) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// refused fails unless a statement was refused under a name.
func (b *jury) refused(err error, attack string, hard bool) {
	b.t.Helper()
	if verify.AttackName(err) != attack || verify.IsHard(err) != hard {
		b.t.Errorf("%v, want a refusal as %s (hard: %v)", err, attack, hard)
	}
}

// Two that agree are a quorum; of their heads the older counts. One that lags takes
// nothing back.
func TestPanelQuorum(t *testing.T) {
	b := newJury(t)
	b.want(0, "nobody spoke")
	b.must(b.says(0, seen(3, func(v *verify.View) { v.Block, v.Time = 500, worldEpoch+60 })))
	b.want(0, "one spoke")
	b.must(b.says(1, seen(3)))
	b.want(3, "two agree")
	if v, _, _ := b.Said(worldEpoch); v.Block != 203 || v.Time != worldEpoch {
		t.Errorf("head %d at %d", v.Block, v.Time)
	}
	b.must(b.says(0, seen(4)))
	b.want(3, "one went on")
	b.must(b.says(2, seen(4)))
	b.want(4, "two went on")
	b.refused(b.says(2, seen(3)), AttackWitnessReplay, false)
	b.want(4, "one repeats itself")
}

// A witness that lies alone, or one key that was stolen, brings nothing about; nor do
// two that lie differently.
func TestThreatWitnessLiar(t *testing.T) {
	b := newJury(t)
	b.must(b.says(0, seen(9, func(v *verify.View) { v.Candidates[0] = rogue(9) })))
	b.must(b.says(0, seen(10, func(v *verify.View) { v.Candidates[0] = rogue(10) })))
	b.want(0, "one lies, twice")
	b.must(b.says(1, seen(10, func(v *verify.View) { v.Candidates[0] = rogue(10); v.Candidates[0].Envelope[9]++ })))
	b.want(0, "two lie, and differ")
	b.must(b.says(1, seen(11)))
	b.must(b.says(2, seen(11)))
	b.want(11, "two are honest")
}

// A witness that says two things of one revision is set aside for good, also after a
// restart, with both statements as evidence; and what it said before loses its vote.
func TestThreatWitnessEquivocation(t *testing.T) {
	b := newJury(t)
	b.must(b.says(0, seen(3)))
	b.must(b.says(1, seen(3)))
	b.want(3, "two agree")
	other := seen(3, func(v *verify.View) { v.Paused = true })
	b.must(b.says(1, other)) // news: others must see it too
	b.want(0, "one of two contradicts itself")
	b.refused(b.says(1, seen(4)), AttackWitnessEquivocation, false)
	for range 2 {
		s := b.Status()
		if !s.Witnesses[1].SetAside || s.Witnesses[0].SetAside {
			t.Errorf("status %+v", s.Witnesses)
		}
		list := b.Statements(testRegion)
		evidence := 0
		for _, raw := range list {
			if w, err := verify.DecodeWitnessStatement(raw); err == nil && w.Witness() == b.cfg.Keys[1] {
				evidence++
			}
		}
		if evidence != 2 {
			t.Errorf("%d statements convict the witness", evidence)
		}
		b.refused(b.says(1, seen(5)), AttackWitnessEquivocation, false)
		b.reopen()
	}
	// Whoever asks is told, and finds out by himself.
	stranger := newJury(t)
	for _, raw := range b.Statements(testRegion) {
		b.must(stranger.Judge(context.Background(), raw, worldEpoch))
	}
	if !stranger.Status().Witnesses[1].SetAside {
		t.Error("the evidence does not convince")
	}
	b.must(b.says(0, seen(6)))
	b.must(b.says(2, seen(6)))
	b.want(6, "the other two agree")
}

// A contradiction is found also when the witness has said more since.
func TestThreatWitnessEquivocation_Later(t *testing.T) {
	for _, rev := range []uint64{4, 3} { // what it said first, too
		b := newJury(t)
		for rev := uint64(3); rev < 6; rev++ {
			b.must(b.says(0, seen(rev)))
		}
		for rev := uint64(6); b.says(2, seen(rev)) == nil; rev++ { // until it speaks too often
		}
		last := b.members[2].said[testRegion]
		b.must(b.says(2, seen(last[0].statement.View.Rev, func(v *verify.View) { v.Paused = true })))
		if !b.Status().Witnesses[2].SetAside {
			t.Error("who speaks too often may contradict himself")
		}
		b.must(b.says(0, seen(rev, func(v *verify.View) { v.Candidates[0] = rogue(rev) })))
		if !b.Status().Witnesses[0].SetAside {
			t.Errorf("it is believed on after two words about revision %d", rev)
		}
	}
}

// One of three may be set aside; then the others are waited for, and no two of them
// are left after the next.
func TestPanelWithoutAQuorumIsNotWaitedFor(t *testing.T) {
	b := newJury(t)
	for i, want := range []bool{true, true, false} {
		if b.Trusted() != want {
			t.Errorf("%d are set aside: trusted %v", i, b.Trusted())
		}
		b.must(b.says(i, seen(3)))
		b.must(b.says(i, seen(3, func(v *verify.View) { v.Paused = true })))
	}
}

// A witness that renews what it said is heard once a minute, one that is too old or
// behind the floor of a device that acts by it is not, and it speaks of few regions.
func TestPanelLimits(t *testing.T) {
	renewed := func(s uint64) verify.View { return seen(3, func(v *verify.View) { v.Time += s }) }
	b := newJury(t, func(c *WitnessConfig) { c.Install = true })
	b.must(b.says(0, seen(3)))
	b.refused(b.says(0, renewed(seconds(witnessRenewal)-1)), AttackWitnessReplay, false)
	b.must(b.says(0, renewed(seconds(witnessRenewal))))
	limit := seconds(b.cfg.MaxAge)
	b.refused(b.says(1, seen(3, func(v *verify.View) { v.Time -= limit + 1 })), AttackWitnessStale, false)
	b.must(b.says(1, seen(3, func(v *verify.View) { v.Time -= limit })))
	b.must(b.says(2, seen(3)))
	b.want(3, "three agree")
	b.must(b.says(1, renewed(3600))) // the floor is the revision's, not above it
	b.refused(b.says(1, seen(2)), AttackWitnessReplay, false)

	synctest.Test(t, func(t *testing.T) {
		b := newJury(t)
		region := func(i int) verify.View {
			return seen(3, func(v *verify.View) { v.Region = verify.Region("r" + strconv.Itoa(i)) })
		}
		for i := range maxWitnessRegions {
			b.must(b.says(0, region(i)))
			time.Sleep(witnessRefill)
		}
		b.refused(b.says(0, region(maxWitnessRegions)), AttackWitnessFlood, false)
		next := region(0)
		next.Rev = 4
		b.must(b.says(0, next))
		b.must(b.says(1, region(maxWitnessRegions)))
	})
}

// The quorum dates from when it said what it says, and who waits is woken when that
// changes, or becomes younger.
func TestPanelTellsOfChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newJury(t)
		both := func(v verify.View) {
			b.must(b.says(0, v))
			b.must(b.says(1, v))
		}
		woken := func(f func()) bool {
			_, _, changed := b.Said(worldEpoch)
			f()
			select {
			case <-changed:
				return true
			default:
				return false
			}
		}
		began := time.Now()
		if !woken(func() { both(seen(3)) }) {
			t.Error("nobody hears of a quorum")
		}
		time.Sleep(time.Minute)
		if !woken(func() { both(seen(3, func(v *verify.View) { v.Time += 60 })) }) {
			t.Error("nobody hears that it was renewed")
		}
		if _, since, _ := b.Said(worldEpoch); !since.Equal(began) {
			t.Errorf("renewed, it dates from %v", since.Sub(began))
		}
		if woken(func() { b.must(b.says(2, seen(3, func(v *verify.View) { v.Time += 30 }))) }) {
			t.Error("a third who says the same wakes everybody")
		}
		time.Sleep(time.Minute)
		if !woken(func() { both(seen(4, func(v *verify.View) { v.Time += 60 })) }) {
			t.Error("nobody hears of another revision")
		}
		if _, since, _ := b.Said(worldEpoch); since.Sub(began) != 2*time.Minute {
			t.Errorf("the next one dates from %v", since.Sub(began))
		}
	})
}

// Where there is nothing to compare nothing is held against anybody.
func TestPanelComparesLikeWithLike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newJury(t)
		own := seen(3)
		if b.Compare(&own, time.Now()) || !b.Trusted() {
			t.Error("compared with nothing")
		}
		b.must(b.says(0, seen(3)))
		b.must(b.says(1, seen(3)))
		if b.Compare(&own, time.Now()) || !b.Trusted() {
			t.Error("the same is ahead, or contradicts")
		}
		elsewhere := seen(3, func(v *verify.View) { v.Registry.ChainID++; v.Paused = true })
		if b.Compare(&elsewhere, time.Now()) || !b.Trusted() {
			t.Error("another registry contradicts")
		}
		other := seen(3, func(v *verify.View) { v.Paused = true })
		b.Compare(&other, time.Now())
		until := b.Status().Until
		time.Sleep(time.Minute)
		if b.Compare(&other, time.Now()); b.Trusted() || !b.Status().Until.Equal(until) {
			t.Error("what is mistrusted already is doubted again and again")
		}
	})
}

// What was kept of witnesses is refused where it is none of that, and a store that
// cannot be read is an error.
func TestKeptPanelIsChecked(t *testing.T) {
	good := panelWire{Version: 1, Rev: 7, Time: worldEpoch, Evidence: [][2][]byte{}}
	pairs := func(n int) (out [][2][]byte) {
		for range n {
			out = append(out, [2][]byte{{1}, {2}})
		}
		return out
	}
	for name, c := range map[string]struct {
		change func(w *panelWire)
		ok     bool
	}{
		"as it is":              {func(w *panelWire) {}, true},
		"version 2":             {func(w *panelWire) { w.Version = 2 }, false},
		"revision at its limit": {func(w *panelWire) { w.Rev = maxCount }, true},
		"revision beyond":       {func(w *panelWire) { w.Rev = maxCount + 1 }, false},
		"all convicted":         {func(w *panelWire) { w.Evidence = pairs(verify.MaxWitnesses) }, true},
		"more than there are":   {func(w *panelWire) { w.Evidence = pairs(verify.MaxWitnesses + 1) }, false},
	} {
		w := good
		c.change(&w)
		if _, _, err := decodePanel(must(checkpointEnc.Marshal(w))); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg := newJury(t).cfg
	if _, err := NewPanel(t.Context(), cfg, testRegistry, testProduct, testRegion, PanelOptions{Store: brokenPanel{}}); err == nil {
		t.Error("a floor that cannot be read is none")
	}
}

type brokenPanel struct{}

func (brokenPanel) Load(context.Context) ([]byte, error) { return nil, errors.New("flash") }
func (brokenPanel) Save(context.Context, []byte) error   { return nil }

// For a device that acts by its witnesses alone: they take nothing back, and what its
// own quorum stopped stays stopped.
func TestThreatWitnessRollback_Instead(t *testing.T) {
	own := seen(4, func(v *verify.View) { v.MinSequence, v.Time, v.Block = 2, worldEpoch+60, 900 })
	if v, ok := Instead(nil, &own); !ok || !v.Witnessed || v.Rev != 4 {
		t.Errorf("%+v, %v", v, ok)
	}
	for name, c := range map[string]struct {
		change func(v *verify.View)
		ok     bool
	}{
		"the next revision": {func(v *verify.View) {}, true},
		"the same revision": {func(v *verify.View) { v.Rev = 4 }, false},
		"another registry":  {func(v *verify.View) { v.Registry.ChainID++ }, false},
		"another product":   {func(v *verify.View) { v.Product[0]++ }, false},
		"another region":    {func(v *verify.View) { v.Region = "us" }, false},
		"the same latest":   {func(v *verify.View) { v.Latest = own.Latest }, true},
		"an older latest":   {func(v *verify.View) { v.Latest = own.Latest - 1 }, false},
		"a higher floor":    {func(v *verify.View) { v.MinSequence = 3 }, true},
		"a lower floor":     {func(v *verify.View) { v.MinSequence = 1 }, false},
	} {
		said := seen(5, func(v *verify.View) { v.MinSequence = 2 })
		c.change(&said)
		v, ok := Instead(&own, &said)
		if ok != c.ok {
			t.Errorf("%s: %v", name, ok)
		}
		if ok && (!v.Witnessed || v.Paused || v.Time != own.Time || v.Block != own.Block || v.Candidates[0].Rollout.Halted) {
			t.Errorf("%s: %+v", name, v)
		}
	}
	for _, paused := range []struct{ own, said, want bool }{{true, false, true}, {false, true, true}, {false, false, false}} {
		own, said := own, seen(5, func(v *verify.View) { v.MinSequence = 2; v.Paused = paused.said })
		own.Paused = paused.own
		if v, ok := Instead(&own, &said); !ok || v.Paused != paused.want {
			t.Errorf("%+v: paused %v, %v", paused, v.Paused, ok)
		}
	}
	listed := seen(5, func(v *verify.View) { v.MinSequence = 2; v.Candidates = []verify.Candidate{release(5), release(4)} })
	if v, ok := Instead(&own, &listed); !ok || v.Candidates[0].Rollout.Halted || v.Candidates[1].Rollout.Halted {
		t.Errorf("halted by nobody: %+v, %v", v.Candidates, ok)
	}
}

// Kept evidence that proves nothing convicts nobody.
func TestThreatWitnessEquivocation_MadeUp(t *testing.T) {
	b := newJury(t)
	x, y := signedBy(t, b.keys[0], seen(3)), signedBy(t, b.keys[0], seen(4))
	b.store.b = encodePanel(panelFloor{}, [][2][]byte{{x, y}})
	b.reopen()
	if b.Status().Witnesses[0].SetAside {
		t.Error("two honest statements convict")
	}
}

// What is too old does not count when it comes, and does not count any more when it
// has become so.
func TestThreatWitnessStale(t *testing.T) {
	b := newJury(t)
	limit := seconds(b.cfg.MaxAge)
	old := seen(3, func(v *verify.View) { v.Time -= limit + 1 })
	b.refused(b.says(0, old), AttackWitnessStale, false)
	b.must(b.says(0, seen(4)))
	b.must(b.says(1, seen(4)))
	b.want(4, "two agree")
	if v, _, _ := b.Said(worldEpoch + limit); v == nil {
		t.Error("what is young enough does not count")
	}
	if v, _, _ := b.Said(worldEpoch + limit + 1); v != nil {
		t.Error("what is too old counts")
	}
	// Renewed, it counts again.
	for i := range 2 {
		raw := signedBy(t, b.keys[i], seen(4, func(v *verify.View) { v.Time += 3600 }))
		b.must(b.Judge(context.Background(), raw, worldEpoch+3600))
	}
	if v, _, _ := b.Said(worldEpoch + 3600 + limit); v == nil {
		t.Error("what was renewed does not count")
	}
}

// Statements about another product, registry or region say nothing of this one.
func TestThreatWitnessReplay(t *testing.T) {
	b := newJury(t)
	for i := range 2 {
		b.refused(b.says(i, seen(3, func(v *verify.View) {
			v.Product[0]++
			v.Candidates = nil
		})), verify.AttackWrongSoftware, true)
		b.refused(b.says(i, seen(3, func(v *verify.View) { v.Registry.ChainID++ })), verify.AttackWrongChain, false)
		b.must(b.says(i, seen(3, func(v *verify.View) { v.Region = "us-west" })))
	}
	b.want(0, "elsewhere two agree")
	if n := len(b.Statements("us-west")); n != 2 {
		t.Errorf("%d statements about another region are told to those there", n)
	}
	raw := signedBy(t, b.keys[0], seen(4))
	b.must(b.Judge(context.Background(), raw, worldEpoch))
	b.refused(b.Judge(context.Background(), raw, worldEpoch), AttackWitnessReplay, false)
	b.want(0, "one spoke, and was repeated")
}

// A stranger's statement is refused before its signature is looked at; a witness's
// name on it costs one look, and whoever sent it his score. A witness that speaks too
// often is not heard.
func TestThreatWitnessFlood(t *testing.T) {
	b := newJury(t)
	stranger, _ := witnessKey(50)
	raw := signedBy(t, stranger, seen(3))
	raw[len(raw)-1] ^= 1
	b.refused(b.Judge(context.Background(), raw, worldEpoch), AttackWitnessUnknown, false)
	raw = signedBy(t, b.keys[0], seen(3))
	raw[len(raw)-1] ^= 1
	for range 2 * witnessBurst { // in its name, which takes nothing of what it may say
		b.refused(b.Judge(context.Background(), raw, worldEpoch), AttackWitnessForged, true)
	}
	b.must(b.says(0, seen(3)))

	heard := 0
	for rev := uint64(1); rev < 1000; rev++ {
		err := b.says(1, seen(rev))
		if err == nil {
			heard++
		} else {
			b.refused(err, AttackWitnessFlood, false)
		}
	}
	if heard > witnessBurst+2 {
		t.Errorf("%d statements of one witness were heard at once", heard)
	}
	b.must(b.says(2, seen(3)))
}

// The device's own quorum wins against witnesses, at once where it knows the revision
// and after a while where it does not, and they count for nothing for an hour.
func TestThreatWitnessesContradicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newJury(t)
		lie := seen(5, func(v *verify.View) { v.Candidates[0] = rogue(5) })
		b.must(b.says(0, lie))
		b.must(b.says(1, lie))
		own := seen(4)
		if !b.Compare(&own, time.Now()) || b.agreed() != 5 {
			t.Error("witnesses may be a moment ahead")
		}
		time.Sleep(witnessLead)
		b.Compare(&own, time.Now())
		b.want(0, "the own quorum still knows nothing of it")
		if s := b.Status(); s.Conflict == "" || b.Trusted() {
			t.Errorf("status %+v", s)
		}
		time.Sleep(witnessMistrust)
		b.want(5, "an hour later")
		own = seen(5)
		b.Compare(&own, time.Now())
		b.want(0, "the own quorum knows better")
		own = seen(6)
		time.Sleep(witnessMistrust)
		b.Compare(&own, time.Now())
		if s := b.Status(); s.Conflict != "" {
			t.Errorf("an older word contradicts nothing: %+v", s)
		}
	})
}

// A device that acts by its witnesses does not go back behind what they agreed on,
// restarts included; another begins anew.
func TestThreatWitnessRollback(t *testing.T) {
	moved := newJury(t, func(c *WitnessConfig) { c.Install = true })
	moved.must(moved.says(0, seen(7)))
	moved.must(moved.says(1, seen(7)))
	other := testRegistry
	other.ChainID++
	moved.Follow(other)
	moved.reopen()
	if err := moved.says(0, seen(1)); err != nil {
		t.Errorf("after a move and a restart: %v", err)
	}
	for _, install := range []bool{true, false} {
		b := newJury(t, func(c *WitnessConfig) { c.Install = install })
		b.must(b.says(0, seen(7)))
		b.must(b.says(1, seen(7)))
		b.reopen()
		err := b.says(0, seen(6))
		if install {
			b.refused(err, AttackWitnessStale, false)
		} else {
			b.must(err)
		}
	}
}

// What witnesses add to a view lets nothing be installed that it did not allow, and
// what they may not say they do not add.
func TestWiden(t *testing.T) {
	own := seen(4)
	own.Candidates = []verify.Candidate{release(4), release(3)}
	own.Candidates[0].Rollout = verify.Rollout{Mode: verify.RolloutCanary}
	plain := func(v *verify.View) { v.Candidates = []verify.Candidate{release(5), own.Candidates[0], release(3)} }
	device := verify.Device{DID: "did:key:zX", Installed: 3}
	for name, c := range map[string]struct {
		said  verify.View
		add   bool
		fetch uint64
	}{
		"a newer release":        {seen(5, plain), true, 5},
		"one that is held back":  {seen(5, plain, func(v *verify.View) { v.Candidates[0].Rollout = verify.Rollout{Mode: verify.RolloutCanary} }), true, 0},
		"one that is halted":     {seen(5, plain, func(v *verify.View) { v.Candidates[0].Rollout.Halted = true }), true, 0},
		"a wider rollout":        {seen(5, plain, func(v *verify.View) { v.Latest = 4; v.Candidates = []verify.Candidate{release(4), release(3)} }), true, 4},
		"an old one pushed out":  {seen(5, plain, func(v *verify.View) { v.Candidates = v.Candidates[:2] }), true, 5},
		"one to be warmed":       {seen(5, plain, func(v *verify.View) { v.Candidates[0].Rollout = verify.Rollout{Mode: verify.RolloutCanary, Warm: true} }), true, 5},
		"one for all":            {seen(5, plain, func(v *verify.View) { v.Candidates[0].Rollout.Warm = false }), true, 5},
		"as far ahead as may be": {seen(5, plain, func(v *verify.View) { v.Latest = 4 + verify.MaxLead }), true, 5},
		"nothing newer":          {seen(4, plain), false, 0},
		"a pause":                {seen(5, plain, func(v *verify.View) { v.Paused = true }), false, 0},
		"a halt":                 {seen(5, plain, func(v *verify.View) { v.Candidates[2].Rollout.Halted = true }), false, 0},
		"a rollout taken back":   {seen(5, plain, func(v *verify.View) { v.Candidates[2].Rollout.Mode = verify.RolloutPaused }), false, 0},
		"a release withdrawn":    {seen(5, plain, func(v *verify.View) { v.Latest = 4; v.Candidates = v.Candidates[2:] }), false, 0},
		"a floor":                {seen(5, plain, func(v *verify.View) { v.MinSequence = 5 }), false, 0},
		"a barrier":              {seen(5, plain, func(v *verify.View) { v.Barrier = 4 }), false, 0},
		"other keys":             {seen(5, plain, func(v *verify.View) { v.Keys.Keys = nil }), false, 0},
		"another envelope":       {seen(5, plain, func(v *verify.View) { v.Candidates[2].Envelope[0]++ }), false, 0},
		"another registry":       {seen(5, plain, func(v *verify.View) { v.Registry.ChainID++ }), false, 0},
		"another region":         {seen(5, plain, func(v *verify.View) { v.Region = "us" }), false, 0},
		"a sequence far ahead":   {seen(5, plain, func(v *verify.View) { v.Latest = 5 + verify.MaxLead }), false, 0},
		"the end of a stop here": {seen(5, plain), true, 5},
	} {
		t.Run(name, func(t *testing.T) {
			base := clone(own)
			if name == "the end of a stop here" {
				base.Candidates[1].Rollout.Halted = true
				c.said.Candidates[2].Rollout.Halted = true
			}
			wide, ok := Widen(&base, &c.said)
			if ok != c.add {
				t.Fatalf("added: %v", ok)
			}
			if !ok {
				return
			}
			if !wide.Witnessed || wide.Rev != c.said.Rev || wide.Block != base.Block || wide.Time != base.Time {
				t.Errorf("%+v", wide)
			}
			choice := verify.Choose(&wide, device, worldEpoch)
			if choice.Install || choice.Fetch != (c.fetch != 0) || choice.Fetch && choice.Sequence != c.fetch {
				t.Errorf("%+v, want to fetch %d", choice, c.fetch)
			}
		})
	}
	halted := clone(own)
	halted.Candidates[1].Rollout.Halted = true
	on := seen(5, plain)
	if _, ok := Widen(&halted, &on); ok {
		t.Error("witnesses end a halt")
	}
	instead, ok := Instead(&halted, &on)
	if c, _ := instead.Candidate(3); !ok || !c.Rollout.Halted {
		t.Error("witnesses end a halt where they may be acted by")
	}
}

func TestWitnessConfig(t *testing.T) {
	good := newJury(t).cfg
	for name, change := range map[string]func(c *WitnessConfig){
		"half":           func(c *WitnessConfig) { c.Threshold = 1 },
		"twice":          func(c *WitnessConfig) { c.Keys[1] = c.Keys[0] },
		"no keys":        func(c *WitnessConfig) { c.Keys = nil },
		"young":          func(c *WitnessConfig) { c.MaxAge = time.Second },
		"old":            func(c *WitnessConfig) { c.MaxAge = 48*time.Hour + 1 },
		"too young":      func(c *WitnessConfig) { c.MaxAge = time.Minute - 1 },
		"no time":        func(c *WitnessConfig) { c.Wait = -1 },
		"too patient":    func(c *WitnessConfig) { c.Wait = time.Minute + 1 },
		"two of four":    func(c *WitnessConfig) { _, k := witnessKey(40); c.Keys = append(c.Keys, k) },
		"none, but two":  func(c *WitnessConfig) { *c = WitnessConfig{Threshold: 2} },
		"install no one": func(c *WitnessConfig) { *c = WitnessConfig{Install: true} },
	} {
		c := good
		c.Keys = append([]verify.PublicKey(nil), good.Keys...)
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%s: %+v is accepted", name, c)
		}
	}
	for _, wait := range []time.Duration{0, time.Minute} {
		for _, age := range []time.Duration{time.Minute, 48 * time.Hour} {
			c := good
			if c.Wait, c.MaxAge = wait, age; c.Validate() != nil {
				t.Errorf("%+v: %v", c, c.Validate())
			}
		}
	}
	if err := DefaultWitnessConfig().Validate(); err != nil {
		t.Error(err)
	}
}

// What is kept of witnesses is read strictly.
func FuzzDecodePanel(f *testing.F) {
	k, _ := witnessKey(1)
	f.Add(encodePanel(panelFloor{}, nil))
	f.Add(encodePanel(panelFloor{7, worldEpoch}, [][2][]byte{{signedBy(f, k, seen(3)), signedBy(f, k, seen(3, func(v *verify.View) { v.Paused = true }))}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		floor, evidence, err := decodePanel(b)
		if err == nil && !bytes.Equal(encodePanel(floor, evidence), b) {
			t.Fatalf("decoded from %x, encoded otherwise", b)
		}
	})
}
