package chainwatch

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"camswarm/verify"
)

// A history is what operators do to a device, phase by phase, until they are
// honest again: all but as many as can never make up for a start quorum.
type history struct {
	operators int
	phases    []phase
	after     phase // goes on for ever: at most operators-start lie
}

// A phase lasts until enough looks went by. Liars tell one story, so that they
// can be a quorum.
type phase struct {
	Looks   int    // that the phase lasts; each comes when the watcher wants it
	Liars   uint16 // bit set of operators
	Silent  uint16
	Flap    byte // an operator does not answer with this chance in 256
	Story   byte // what the liars say, see stories
	Size    byte // how large a lie it is
	Publish bool // the honest chain changes at the beginning
	Reboot  byte // the device restarts after every so many looks; 0: never
}

// stories are the kinds of lies; size scales them.
var stories = []struct {
	name string
	tell func(v *verify.View, size byte, w *world)
}{
	{"rev", func(v *verify.View, size byte, _ *world) { v.Rev += 1 << (size % 30); v.Digest[0] ^= 0xff }},
	{"rev and pause", func(v *verify.View, size byte, _ *world) { v.Rev += uint64(size); v.Digest[1] ^= 0xff; v.Paused = true }},
	{"digest", func(v *verify.View, _ byte, _ *world) { v.Digest[2] ^= 0xff }},
	{"next digest", func(v *verify.View, _ byte, _ *world) { v.Rev++; v.Digest[3] ^= 0xff }},
	{"time", func(v *verify.View, size byte, _ *world) { v.Time += uint64(size) * 1e6 }},
	{"598 s", func(v *verify.View, _ byte, _ *world) { v.Time += 598 }},
	{"past time", func(v *verify.View, size byte, _ *world) { v.Time -= min(v.Time, uint64(size)*1e6) }},
	{"keys", func(v *verify.View, _ byte, _ *world) { v.Keys.Threshold ^= 1 }},
	{"candidates", func(v *verify.View, size byte, _ *world) {
		v.Latest += uint64(size)
		v.Candidates = []verify.Candidate{rogue(v.Latest)}
	}},
	{"no candidates", func(v *verify.View, _ byte, _ *world) { v.Candidates = nil }},
	{"rogue at a new rev", func(v *verify.View, size byte, _ *world) {
		v.Rev += 1 + uint64(size)
		v.Latest += 1 + uint64(size)
		v.Candidates = []verify.Candidate{rogue(v.Latest)}
		v.Digest[4] ^= 0xff
	}},
	{"the past, fresh", func(v *verify.View, _ byte, w *world) {
		past := w.at(w.epoch)
		past.Time, past.Block = v.Time, v.Block
		*v = past
	}},
	{"frozen", func(v *verify.View, size byte, w *world) { *v = w.at(w.epoch + uint64(size)) }},
	{"everything", func(v *verify.View, size byte, _ *world) {
		v.Rev += 1e6
		v.Time += uint64(size) * 1e5
		v.Digest, v.Keys, v.Paused, v.MinSequence, v.Latest = [32]byte{9}, verify.KeySet{}, true, 1e6, 1e6
	}},
}

func (p phase) String() string {
	s := fmt.Sprintf("%d looks", p.Looks)
	if p.Liars != 0 {
		s += fmt.Sprintf(", %d lie (%04b): %s %d", bits.OnesCount16(p.Liars), p.Liars, stories[int(p.Story)%len(stories)].name, p.Size)
	}
	if p.Silent != 0 {
		s += fmt.Sprintf(", silent %04b", p.Silent)
	}
	if p.Flap != 0 {
		s += fmt.Sprintf(", flapping %d/256", p.Flap)
	}
	if p.Publish {
		s += ", after a publication"
	}
	if p.Reboot != 0 {
		s += fmt.Sprintf(", a restart every %d looks", p.Reboot)
	}
	return s
}

func (h history) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d operators, %d must agree\n", h.operators, DefaultThresholds(h.operators).Start)
	for _, p := range h.phases {
		fmt.Fprintf(&b, "  %s\n", p)
	}
	fmt.Fprintf(&b, "  for ever: %s\n", h.after)
	return b.String()
}

// recovery is how long a device may take, once start quorums are honest, to
// follow them again: four hours, six times as long when somebody keeps
// contradicting, and more for what liars said last, for looks that found no
// quorum, and for what was not saved before a restart.
func (h history) recovery() time.Duration {
	d := refuteFor
	if h.after.Liars != 0 {
		d *= opposedFactor
	}
	if h.after.Reboot != 0 || h.after.Flap != 0 {
		d *= 3
	}
	return d + d/2
}

// run plays a history to a watcher without endpoints, by a clock of its own, and
// says what was wrong.
func (h history) run(seed uint64) error {
	now := time.Unix(1_750_000_000, 0)
	sleep := func(d time.Duration) { now = now.Add(d) }
	since := func(t time.Time) time.Duration { return now.Sub(t) }
	rnd := rand.New(rand.NewPCG(seed, 3))
	world, store := newWorldBy(func() time.Time { return now }), &memStore{}
	cfg := DefaultConfig()
	cfg.ChainID, cfg.Registry = testRegistry.ChainID, testRegistry.Address.String()
	for i := range h.operators {
		cfg.Endpoints = append(cfg.Endpoints, Endpoint{URL: fmt.Sprintf("https://n%d.example", i), Operator: fmt.Sprint("op", i)})
	}
	need := cfg.Thresholds().Start
	var w *Watcher
	boot := func() {
		var err error
		w, err = New(cfg, testProduct, testRegion, Options{Store: store, Dial: func(Endpoint) (Caller, error) { return nil, nil }, Rand: rnd})
		if err != nil {
			panic(err)
		}
		w.load(context.Background(), now)
	}
	boot()
	var (
		sequence  = uint64(1)
		device    verify.Device
		confirmed = now       // the last look that accepted something
		was       verify.View // accepted last
		out       Outcome
		looks     int
		claims    int // looks since then that ended with a quorum for something else
		liars     int // that lied together at most so far
	)
	publish := func() { sequence++; world.publish(sequence) }
	holds := func() bool {
		v, want := w.view, world.at(world.now())
		return v != nil && out.Accepted != nil && v.Rev == want.Rev && v.Digest == want.Digest &&
			reflect.DeepEqual(v.Candidates, want.Candidates) && v.Keys.Equal(want.Keys) && !v.Paused && device.Installed == sequence
	}
	following := false // at the end of the last look, before a restart

	// look is one look of the watcher, and what must hold of it.
	look := func(p phase) error {
		looks++
		var answers []Answer
		for i := range h.operators {
			if p.Silent>>i&1 == 1 || byte(rnd.IntN(256)) < p.Flap {
				continue
			}
			v := world.at(world.now() - uint64(rnd.IntN(6)))
			if p.Liars>>i&1 == 1 {
				stories[int(p.Story)%len(stories)].tell(&v, p.Size, world)
			}
			answers = append(answers, Answer{Endpoint: i, Operator: fmt.Sprint("op", i), View: v, Content: quickDigest(v)})
		}
		out = w.heed(context.Background(), answers, true, now)
		next := w.conclude(&out, answers)
		liars = max(liars, bits.OnesCount16(p.Liars))
		if out.Claim != nil {
			claims++
		}
		if a := out.Accepted; a != nil {
			if liars < need {
				if v, ok := world.state(a.Rev); !ok || v.Digest != a.Digest || !reflect.DeepEqual(v.Candidates, a.Candidates) || a.Time > world.now() {
					return fmt.Errorf("look %d: %d liars brought %+v about", looks, liars, a)
				}
			}
			lower := a.Rev < was.Rev || a.Rev == was.Rev && a.Digest != was.Digest
			if lower && (since(confirmed) < refuteFor || claims < int(refuteFor/maxCredit)) {
				return fmt.Errorf("look %d: revision %d was accepted only %v and %d claims after revision %d", looks, a.Rev, since(confirmed), claims, was.Rev)
			}
			if out.Votes < need {
				return fmt.Errorf("look %d: %d votes sufficed", looks, out.Votes)
			}
			was, confirmed, claims = *a, now, 0
			// What the device makes of it: only what is signed is installed.
			choice := verify.Choose(out.Effective, device, out.Effective.Time)
			if c, ok := a.Candidate(choice.Sequence); ok && choice.Install && c.Envelope == release(c.Sequence).Envelope {
				if c.Sequence <= device.Installed {
					return fmt.Errorf("look %d: release %d was installed over %d", looks, c.Sequence, device.Installed)
				}
				device.Installed = c.Sequence
			}
		}
		following = holds()
		sleep(next)
		if p.Reboot != 0 && looks%int(p.Reboot) == 0 {
			boot()
		}
		return nil
	}
	for _, p := range h.phases {
		if p.Publish {
			publish()
		}
		for range p.Looks {
			if err := look(p); err != nil {
				return err
			}
		}
	}

	honest := now
	publish()
	following = false
	for !following {
		if since(honest) > h.recovery()+26*time.Hour {
			return fmt.Errorf("%v after the quorum became honest the device holds %+v with release %d, the chain %+v: %v", since(honest), w.view, device.Installed, world.at(world.now()), out.Err)
		}
		if err := look(h.after); err != nil {
			return err
		}
	}
	// And so on: what is published then is followed at the next quorum.
	publish()
	following = false
	for n := 0; !following; n++ {
		if n > 100 {
			return fmt.Errorf("the device does not follow any more: %+v, %v", w.view, out.Err)
		}
		if err := look(h.after); err != nil {
			return err
		}
	}
	// Time, which nothing waits for, is healed last.
	for since(honest) < h.recovery() || !following {
		if err := look(h.after); err != nil {
			return err
		}
	}
	if v, now := out.Accepted, world.now(); v.Time > now+seconds(cfg.MaxStale) || v.Time+seconds(3*cfg.MaxStale)+seconds(cfg.Poll+cfg.PollJitter) < now {
		return fmt.Errorf("the device takes it to be %d s, it is %d s", v.Time, now)
	}
	return nil
}

// quickDigest stands for contentDigest without the contract's encoding.
func quickDigest(v verify.View) [32]byte {
	v.Time, v.Block = 0, 0
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return sha256.Sum256(b)
}

// random draws a history.
func random(r *rand.Rand) history {
	h := history{operators: []int{1, 1, 2, 3, 4, 4, 4, 5, 7}[r.IntN(9)]}
	all := uint16(1)<<h.operators - 1
	some := func() uint16 { return uint16(r.Uint32()) & all }
	for range 1 + r.IntN(6) {
		p := phase{Looks: 1 + r.IntN(30), Story: byte(r.IntN(len(stories))), Size: byte(r.Uint32()), Publish: r.IntN(2) == 0}
		switch r.IntN(4) {
		case 0:
			p.Liars = all
		case 1:
			p.Liars = some()
		case 2:
			p.Liars = all &^ (1 << r.IntN(h.operators))
		}
		if r.IntN(4) == 0 {
			p.Silent = some()
		}
		if r.IntN(3) == 0 {
			p.Flap = byte(r.IntN(200))
		}
		if r.IntN(3) == 0 {
			p.Looks = 1
		}
		if r.IntN(5) == 0 {
			p.Reboot = byte(1 + r.IntN(20))
		}
		h.phases = append(h.phases, p)
	}
	spare := h.operators - DefaultThresholds(h.operators).Start
	h.after = phase{Story: byte(r.IntN(len(stories))), Size: byte(r.Uint32())}
	for range r.IntN(spare + 1) {
		h.after.Liars |= 1 << r.IntN(h.operators)
	}
	if r.IntN(2) == 0 {
		h.after.Flap = byte(r.IntN(40))
	}
	if r.IntN(3) == 0 {
		h.after.Reboot = byte(16 + r.IntN(20))
	}
	return h
}

// FuzzHistory plays histories that are made of bytes, six for a phase.
func FuzzHistory(f *testing.F) {
	f.Add([]byte{3, 0, 0, 0}, []byte{1, 0b0111, 0, 0, 0, 20})
	f.Add([]byte{0, 0, 20, 0}, []byte{1, 1, 0, 0, 4, 99, 9, 1, 0, 200, 13, 7})
	f.Add([]byte{3, 0b1000, 30, 0}, []byte{12, 0b0110, 0b0001, 60, 5, 0, 40, 0b1111, 0, 0, 11, 16 + 3})
	f.Fuzz(func(t *testing.T, after, phases []byte) {
		if len(after) != 4 || len(phases) > 6*8 {
			return
		}
		h := history{operators: 1 + int(after[0]%7)}
		all := uint16(1)<<h.operators - 1
		for b := phases; len(b) >= 6; b = b[6:] {
			h.phases = append(h.phases, phase{
				Looks: 1 + int(b[0]%40), Liars: uint16(b[1]) & all, Silent: uint16(b[2]) & all, Flap: b[3], Story: b[4] & 0x3f, Size: b[5],
				Publish: b[4]&0x40 != 0, Reboot: b[5] % 32 * (b[4] >> 7),
			})
		}
		spare := h.operators - DefaultThresholds(h.operators).Start
		h.after = phase{Liars: uint16(after[1]) & all, Story: after[3] & 0x3f, Size: after[2], Flap: after[2] % 40}
		for bits.OnesCount16(h.after.Liars) > spare {
			h.after.Liars &= h.after.Liars - 1
		}
		if after[3]&0x40 != 0 {
			h.after.Reboot = 16 + after[2]%20
		}
		if err := h.run(1); err != nil {
			t.Fatalf("%v\n%s", err, h)
		}
	})
}

// shrink drops and simplifies phases as long as the history still fails.
func (h history) shrink(fails func(history) bool) history {
	for again := true; again; {
		again = false
		var smaller []history
		for i := range h.phases {
			without := h
			without.phases = slices.Delete(slices.Clone(h.phases), i, i+1)
			smaller = append(smaller, without)
			for _, simpler := range []func(p *phase){
				func(p *phase) { p.Looks = 1 }, func(p *phase) { p.Looks /= 2 }, func(p *phase) { p.Flap = 0 }, func(p *phase) { p.Silent = 0 },
				func(p *phase) { p.Reboot = 0 }, func(p *phase) { p.Publish = false }, func(p *phase) { p.Liars = 0 },
			} {
				s := h
				s.phases = slices.Clone(h.phases)
				if simpler(&s.phases[i]); s.phases[i] != h.phases[i] && s.phases[i].Looks > 0 {
					smaller = append(smaller, s)
				}
			}
		}
		for _, simpler := range []func(p *phase){func(p *phase) { p.Flap = 0 }, func(p *phase) { p.Reboot = 0 }, func(p *phase) { p.Liars = 0 }} {
			s := h
			if simpler(&s.after); s.after != h.after {
				smaller = append(smaller, s)
			}
		}
		for _, s := range smaller {
			if fails(s) {
				h, again = s, true
				break
			}
		}
	}
	return h
}

// TestThreatFastForward_NoLieOutlivesItsLiars: whatever any number of operators
// said, once start quorums are honest the device follows them again by itself,
// over restarts and although the others go on lying; and nothing that contradicts
// what quorums confirmed is believed before quorums contradicted it for long
// enough.
func TestThreatFastForward_NoLieOutlivesItsLiars(t *testing.T) {
	histories := uint64(500)
	if testing.Short() {
		histories = 100
	}
	for seed := range histories {
		h := random(rand.New(rand.NewPCG(seed, 5)))
		if err := h.run(seed); err != nil {
			h = h.shrink(func(h history) bool { return h.run(seed) != nil })
			t.Fatalf("seed %d: %v\n%s%v", seed, err, h, h.run(seed))
		}
	}
}
