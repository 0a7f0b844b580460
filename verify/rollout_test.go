package verify_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"camswarm/verify"
)

func rel(sequence uint64, r verify.Rollout) verify.Candidate {
	return verify.Candidate{
		Release: verify.Release{Sequence: sequence, Envelope: sha256.Sum256([]byte(fmt.Sprint("envelope ", sequence)))},
		Rollout: r,
	}
}

func offered(cs ...verify.Candidate) *verify.View {
	v := &verify.View{Candidates: cs}
	for _, c := range cs {
		v.Latest = max(v.Latest, c.Sequence)
	}
	return v
}

func TestChoose(t *testing.T) {
	const now = 1_790_000_000
	dev := verify.Device{DID: "did:io:0xab00000000000000000000000000000000000001", Installed: 5}
	me, other := verify.DID(dev.DID).Hash(), verify.DID("did:io:0x02").Hash()

	paused := verify.Rollout{}
	pausedWarm := verify.Rollout{Warm: true}
	all := verify.Rollout{Mode: verify.RolloutAll}
	halted := verify.Rollout{Mode: verify.RolloutAll, Halted: true, Warm: true}
	later := verify.Rollout{Mode: verify.RolloutAll, NotBefore: now + 60}
	later2 := verify.Rollout{Mode: verify.RolloutAll, NotBefore: now + 90}
	none := verify.Rollout{Mode: verify.RolloutPercent}
	whole := verify.Rollout{Mode: verify.RolloutPercent, EndBps: 10000}
	canary := verify.Rollout{Mode: verify.RolloutCanary, Canaries: [][32]byte{other, me}}
	notMe := verify.Rollout{Mode: verify.RolloutCanary, Canaries: [][32]byte{other}, Label: "beta"}

	install := func(sequence, next uint64) verify.Choice {
		return verify.Choice{Sequence: sequence, Fetch: true, Install: true, Reason: verify.ReasonEligible, NextAt: next}
	}
	wait := func(sequence uint64, reason string, next uint64) verify.Choice {
		return verify.Choice{Sequence: sequence, Reason: reason, NextAt: next}
	}
	warm := func(c verify.Choice) verify.Choice { c.Fetch = true; return c }
	with := func(v *verify.View, change func(*verify.View)) *verify.View { change(v); return v }
	device := func(change func(*verify.Device)) verify.Device { d := dev; change(&d); return d }

	for name, c := range map[string]struct {
		view *verify.View
		dev  verify.Device
		want verify.Choice
	}{
		"no view":                 {nil, dev, verify.Choice{Reason: verify.ReasonNoView}},
		"nothing published":       {offered(), dev, verify.Choice{Reason: verify.ReasonNoRelease}},
		"up to date":              {offered(rel(5, all), rel(4, all)), dev, verify.Choice{Reason: verify.ReasonCurrent}},
		"newer than the chain":    {offered(rel(4, all)), dev, verify.Choice{Reason: verify.ReasonCurrent}},
		"registry paused":         {with(offered(rel(6, all)), func(v *verify.View) { v.Paused = true }), dev, verify.Choice{Reason: verify.ReasonPaused}},
		"all":                     {offered(rel(6, all)), dev, install(6, 0)},
		"all, several steps":      {offered(rel(8, all), rel(7, all), rel(6, all)), dev, install(8, 0)},
		"unsorted view":           {offered(rel(6, all), rel(8, all), rel(7, all)), dev, install(8, 0)},
		"factory image":           {offered(rel(1, all)), verify.Device{DID: dev.DID}, install(1, 0)},
		"no policy":               {offered(rel(6, paused)), dev, wait(6, verify.ReasonModePaused, 0)},
		"no policy, warm":         {offered(rel(6, pausedWarm)), dev, warm(wait(6, verify.ReasonModePaused, 0))},
		"mode of the future":      {offered(rel(6, verify.Rollout{Mode: 9})), dev, wait(6, verify.ReasonModePaused, 0)},
		"halted overrides all":    {offered(rel(6, halted)), dev, wait(6, verify.ReasonHalted, 0)},
		"halted, older eligible":  {offered(rel(7, halted), rel(6, all)), dev, install(6, 0)},
		"halted, older warm":      {offered(rel(7, halted), rel(6, pausedWarm)), dev, warm(wait(6, verify.ReasonModePaused, 0))},
		"paused, older eligible":  {offered(rel(7, paused), rel(6, all)), dev, install(6, 0)},
		"revoked, older eligible": {offered(rel(7, all), rel(6, all)), dev, install(7, 0)},
		"not before":              {offered(rel(6, later)), dev, wait(6, verify.ReasonNotBefore, now+60)},
		"newer one opens later":   {offered(rel(7, later), rel(6, all)), dev, install(6, now+60)},
		"older one opens later":   {offered(rel(7, paused), rel(6, later)), dev, wait(7, verify.ReasonModePaused, now+60)},
		"both open, newer first":  {offered(rel(7, later), rel(6, later2)), dev, wait(7, verify.ReasonNotBefore, now+60)},
		"both open, older first":  {offered(rel(7, later2), rel(6, later)), dev, wait(7, verify.ReasonNotBefore, now+60)},
		"canary":                  {offered(rel(6, canary)), dev, install(6, 0)},
		"canary, DID in capitals": {offered(rel(6, canary)), device(func(d *verify.Device) { d.DID = "did:io:0xAB00000000000000000000000000000000000001" }), install(6, 0)},
		"canary by label":         {offered(rel(6, notMe)), device(func(d *verify.Device) { d.Label = "beta" }), install(6, 0)},
		"another label":           {offered(rel(6, notMe)), device(func(d *verify.Device) { d.Label = "gamma" }), wait(6, verify.ReasonNotCanary, 0)},
		"no labels are no match":  {offered(rel(6, verify.Rollout{Mode: verify.RolloutCanary})), dev, wait(6, verify.ReasonNotCanary, 0)},
		"not a canary":            {offered(rel(6, notMe), rel(5, all)), dev, wait(6, verify.ReasonNotCanary, 0)},
		"whole share":             {offered(rel(6, whole)), dev, install(6, 0)},
		"no share":                {offered(rel(6, none)), dev, wait(6, verify.ReasonOutside, 0)},
		"floor hides":             {with(offered(rel(6, all)), func(v *verify.View) { v.MinSequence = 7 }), dev, verify.Choice{Reason: verify.ReasonCurrent}},
		"floor itself":            {with(offered(rel(6, all)), func(v *verify.View) { v.MinSequence = 6 }), dev, install(6, 0)},
		"barrier first":           {with(offered(rel(9, all), rel(7, all)), func(v *verify.View) { v.Barrier = 7 }), dev, install(7, 0)},
		"barrier, on the way":     {with(offered(rel(9, all), rel(7, paused), rel(6, all)), func(v *verify.View) { v.Barrier = 7 }), dev, install(6, 0)},
		"barrier reached":         {with(offered(rel(9, all), rel(5, all)), func(v *verify.View) { v.Barrier = 5 }), dev, install(9, 0)},
		"barrier not open yet":    {with(offered(rel(9, all), rel(7, later)), func(v *verify.View) { v.Barrier = 7 }), dev, wait(7, verify.ReasonNotBefore, now+60)},
		"barrier not offered":     {with(offered(rel(9, all)), func(v *verify.View) { v.Barrier = 7 }), dev, verify.Choice{Reason: verify.ReasonBarrier}},
		"warmer fetches paused":   {offered(rel(6, paused)), verify.Device{Seed: true}, verify.Choice{Sequence: 6, Fetch: true, Reason: verify.ReasonWarming}},
		"warmer never installs":   {offered(rel(6, all)), verify.Device{Seed: true}, verify.Choice{Sequence: 6, Fetch: true, Reason: verify.ReasonWarming}},
		"warmer skips halted":     {offered(rel(7, halted), rel(6, paused)), verify.Device{Seed: true}, verify.Choice{Sequence: 6, Fetch: true, Reason: verify.ReasonWarming}},
		"warmer, all halted":      {offered(rel(7, halted)), verify.Device{Seed: true}, verify.Choice{Reason: verify.ReasonNoRelease}},
		"warmer, registry paused": {with(offered(rel(6, all)), func(v *verify.View) { v.Paused = true }), verify.Device{Seed: true}, verify.Choice{Reason: verify.ReasonPaused}},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "revoked, older eligible" {
				c.view.Candidates[0].Revoked = true
				c.want = install(6, 0)
			}
			before := fmt.Sprintf("%+v", c.view)
			if got := verify.Choose(c.view, c.dev, now); got != c.want {
				t.Errorf("chose %+v, want %+v", got, c.want)
			}
			if after := fmt.Sprintf("%+v", c.view); after != before {
				t.Error("the view was changed")
			}
		})
	}
}

func TestWarmableAreAllThatASeedKeeps(t *testing.T) {
	all := verify.Rollout{Mode: verify.RolloutAll}
	v := offered(rel(9, verify.Rollout{}), rel(8, verify.Rollout{Halted: true}), rel(7, all), rel(3, all))
	v.Candidates[2].Revoked = true
	if got := verify.Warmable(v); !reflect.DeepEqual(got, []uint64{9, 3}) {
		t.Errorf("keeps %v", got)
	}
	v.Paused = true
	if got := verify.Warmable(v); got != nil {
		t.Errorf("keeps %v while the registry is paused", got)
	}
	if verify.Warmable(nil) != nil {
		t.Error("keeps something without a view")
	}
}

func fleet(n int) []verify.Device {
	devs := make([]verify.Device, n)
	for i := range devs {
		devs[i].DID = fmt.Sprintf("did:io:0x%040x", i)
	}
	return devs
}

func eligible(v *verify.View, devs []verify.Device, now uint64) map[string]bool {
	m := make(map[string]bool)
	for _, d := range devs {
		if verify.Choose(v, d, now).Install {
			m[d.DID] = true
		}
	}
	return m
}

// The share of 10,000 devices is the policy's, within four standard deviations.
func TestRampReachesItsShareOfDevices(t *testing.T) {
	const start, duration = 1_790_000_000, 10_000
	devs := fleet(10_000)
	v := offered(rel(1, verify.Rollout{Mode: verify.RolloutPercent, Start: start, Duration: duration, StartBps: 500, EndBps: 8000}))
	for at, want := range map[uint64]float64{
		0:                    0,
		start - 1:            0,
		start:                0.05,
		start + duration/4:   0.2375,
		start + duration/2:   0.425,
		start + duration:     0.8,
		start + 100*duration: 0.8,
		math.MaxUint64:       0.8,
	} {
		got := float64(len(eligible(v, devs, at))) / float64(len(devs))
		tolerance := 4 * math.Sqrt(want*(1-want)/float64(len(devs)))
		if math.Abs(got-want) > tolerance {
			t.Errorf("share %.4f at start%+d, want %.4f ± %.4f", got, int64(at)-start, want, tolerance)
		}
	}
}

// The same homes are not always first: of two releases with the same share,
// the chosen devices overlap as independent ones do.
func TestRampIsSaltedByRelease(t *testing.T) {
	devs := fleet(10_000)
	half := verify.Rollout{Mode: verify.RolloutPercent, EndBps: 5000}
	a, b := eligible(offered(rel(1, half)), devs, 1), eligible(offered(rel(2, half)), devs, 1)
	both := 0
	for d := range a {
		if b[d] {
			both++
		}
	}
	if both < 2500-175 || both > 2500+175 {
		t.Errorf("%d of 10000 devices are in both halves, want about 2500", both)
	}
	if reflect.DeepEqual(a, b) {
		t.Error("two releases choose the same devices")
	}
}

// An eligible device stays eligible while the policy stands, and NextAt is the
// very second at which the answer changes.
func TestRampIsMonotonicAndForetold(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	edge := func(values ...uint64) uint64 { return values[rnd.IntN(len(values))] }
	foretold := 0
	for range 20_000 {
		r := verify.Rollout{
			Mode:      verify.RolloutPercent,
			Start:     edge(0, 1, 1_790_000_000, uint64(rnd.IntN(1e6)), math.MaxUint64, math.MaxUint64-5),
			Duration:  uint32(edge(0, 1, 7, uint64(rnd.IntN(1e6)), math.MaxUint32)),
			StartBps:  uint16(edge(0, 1, 5000, 10000, 65535, uint64(rnd.IntN(10001)))),
			EndBps:    uint16(edge(0, 1, 5000, 10000, 65535, uint64(rnd.IntN(10001)))),
			NotBefore: edge(0, 0, 1_790_000_100, uint64(rnd.IntN(1e6)), math.MaxUint64),
			Warm:      rnd.IntN(2) == 0,
		}
		v := offered(rel(1, r))
		dev := verify.Device{DID: fmt.Sprint("did:example:", rnd.Uint64())}
		now := edge(0, 1, uint64(rnd.IntN(2e6)), 1_790_000_050, math.MaxUint64-1)
		c := verify.Choose(v, dev, now)
		switch {
		case c.Install:
			for _, later := range []uint64{now + 1, now + 1000, math.MaxUint64} {
				if !verify.Choose(v, dev, max(now, later)).Install {
					t.Fatalf("%+v: eligible at %d, not at %d", r, now, later)
				}
			}
			if now < r.NotBefore || now < r.Start {
				t.Fatalf("%+v: eligible at %d, too early", r, now)
			}
		case c.NextAt != 0:
			foretold++
			if c.NextAt <= now {
				t.Fatalf("%+v: at %d the next change is at %d", r, now, c.NextAt)
			}
			if !verify.Choose(v, dev, c.NextAt).Install {
				t.Fatalf("%+v: not eligible at %d, as was foretold at %d", r, c.NextAt, now)
			}
			if verify.Choose(v, dev, c.NextAt-1).Install {
				t.Fatalf("%+v: eligible before %d, which was foretold", r, c.NextAt)
			}
		default:
			if verify.Choose(v, dev, math.MaxUint64-1).Install {
				t.Fatalf("%+v: becomes eligible without being foretold", r)
			}
		}
		if c.Fetch != (r.Warm || c.Install) {
			t.Fatalf("%+v: fetch is %v", r, c.Fetch)
		}
	}
	if foretold < 1000 {
		t.Errorf("only %d answers foretold a change: the test proves little", foretold)
	}
}

// The second of eligibility is that of docs/FORMAT.md, worked out with
// fractions, also for ranks at the very edge of a second's share.
func TestRampIsTheFormulaInExactArithmetic(t *testing.T) {
	two64 := new(big.Int).Lsh(big.NewInt(1), 64)
	share := func(r verify.Rollout, at uint64) *big.Rat {
		switch {
		case at < r.Start:
			return new(big.Rat)
		case at-r.Start >= uint64(r.Duration):
			return big.NewRat(int64(r.EndBps), 10000)
		}
		grown := big.NewRat(int64(r.EndBps-r.StartBps)*int64(at-r.Start), int64(r.Duration))
		return grown.Add(grown, big.NewRat(int64(r.StartBps), 1)).Mul(grown, big.NewRat(1, 10000))
	}
	for _, r := range []verify.Rollout{
		{Start: 1000, Duration: 7, StartBps: 0, EndBps: 10000},
		{Start: 1000, Duration: 7, StartBps: 3, EndBps: 9998},
		{Start: 1000, Duration: 10, StartBps: 500, EndBps: 600},
		{Start: 1000, Duration: 64, StartBps: 0, EndBps: 8192},
		{Start: 1000, Duration: 5, StartBps: 2500, EndBps: 2500},
		{Start: 1000, Duration: 0, StartBps: 1, EndBps: 5000},
		{Start: 0, Duration: 3, StartBps: 0, EndBps: 1},
		{Start: 1000, Duration: 3},
	} {
		ranks := []uint64{0, 1, 1 << 63, math.MaxUint64}
		end := r.Start + uint64(r.Duration)
		for at := r.Start; at <= end; at++ {
			s := share(r, at)
			edge := new(big.Int).Div(new(big.Int).Mul(s.Num(), two64), s.Denom()).Uint64() // wraps to 0 for the whole
			ranks = append(ranks, edge-1, edge, edge+1)
		}
		for _, rank := range ranks {
			for _, at := range []uint64{0, max(r.Start, 1) - 1, r.Start, r.Start + 1, r.Start + 2, r.Start + 3, max(end, 1) - 1, end, end + 1, math.MaxUint64 - 1} {
				want := new(big.Rat).SetFrac(new(big.Int).SetUint64(rank), two64).Cmp(share(r, at)) < 0
				if got := verify.RampAt(r, rank) <= at; got != want {
					t.Errorf("%+v, rank %d: eligible at %d is %v, want %v", r, rank, at, got, want)
				}
			}
		}
	}
	if at := verify.RampAt(verify.Rollout{Start: math.MaxUint64 - 1, Duration: 10, EndBps: 10000}, 1<<63); at != math.MaxUint64 {
		t.Errorf("a ramp beyond the end of time opens at %d", at)
	}
	h := sha256.Sum256(append([]byte("camswarm/rollout/v1did:io:0x01"), make([]byte, 32)...))
	if got, want := verify.Rank("did:io:0x01", [32]byte{}), binary.BigEndian.Uint64(h[:]); got != want {
		t.Errorf("rank is %x, want %x", got, want)
	}
}

// A policy whose end is below its start, which the contract refuses, keeps the
// share of the start instead of taking eligibility back.
func TestRampNeverShrinks(t *testing.T) {
	devs := fleet(2000)
	v := offered(rel(1, verify.Rollout{Mode: verify.RolloutPercent, Start: 100, Duration: 100, StartBps: 5000, EndBps: 1000}))
	if a, b := eligible(v, devs, 100), eligible(v, devs, 1000); len(a) < 800 || !reflect.DeepEqual(a, b) {
		t.Errorf("%d devices at the start, %d at the end", len(a), len(b))
	}
}

func TestClockAt1970(t *testing.T) {
	at := func(s string) uint64 {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return uint64(d.Unix())
	}
	const day = 24 * 60 * 60
	chain := at("2026-10-01")
	for name, c := range map[string]struct{ clock, chain, want uint64 }{
		"1970":                       {0, chain, chain},
		"2099":                       {at("2099-01-01"), chain, chain},
		"a second behind":            {chain - 1, chain, chain},
		"in step":                    {chain, chain, chain},
		"an hour ahead":              {chain + 3600, chain, chain + 3600},
		"a day ahead":                {chain + day, chain, chain + day},
		"over a day ahead":           {chain + day + 1, chain, chain},
		"absurd":                     {math.MaxUint64, chain, chain},
		"chain not known":            {chain, 0, chain},
		"chain not known, also 1970": {5, 0, 5},
	} {
		if got := verify.Now(c.clock, c.chain); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}

	// With either clock a camera takes the release that is due and refuses the
	// one that expired.
	m := newMaker(t)
	for _, clock := range []uint64{0, at("2099-01-01"), chain} {
		now := verify.Now(clock, chain)
		due := offered(rel(2, verify.Rollout{Mode: verify.RolloutAll, NotBefore: chain - 10}))
		if !verify.Choose(due, verify.Device{Installed: 1}, now).Install {
			t.Errorf("clock %d: a release that is due is not installed", clock)
		}
		early := offered(rel(2, verify.Rollout{Mode: verify.RolloutAll, NotBefore: chain + 10}))
		if verify.Choose(early, verify.Device{Installed: 1}, now).Install {
			t.Errorf("clock %d: a release that is not due is installed", clock)
		}
		for expires, attack := range map[uint64]string{chain + 10: "", chain - 10: verify.AttackExpired} {
			man := m.manifest(t, 1, []byte{1})
			man.Expires = expires
			env := envelope(t, man, m.keys[0], m.keys[1])
			s, err := m.verifier.CheckSigned(env)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.verifier.Approve(s, m.view(release(man, env)), now); verify.AttackName(err) != attack {
				t.Errorf("clock %d, expiry %+d s: %v", clock, int64(expires)-int64(chain), err)
			}
		}
	}
}
