package announce

import (
	"slices"
	"testing"
	"time"

	"camswarm/verify"
)

// subjectOf is what is remembered of a product, with nobody around.
func subjectOf(t *testing.T, m *maker) *subject {
	t.Helper()
	v := m.verifier
	s, err := newSubject(Subject{Product: v.Product, Verifier: &v, Chain: newChain(m.view(1, 0)), Accepted: func(Accepted) {}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// digestOf is some digest.
func digestOf(n byte) [32]byte { return [32]byte{n} }

// What a node knows already is told apart from news without asking anybody.
func TestStaleNews(t *testing.T) {
	m := newMaker(t, "ucam-2")
	one, two, three := m.genuine(t, 1), m.genuine(t, 2), m.genuine(t, 3)
	elsewhere := verify.RegistryRef{ChainID: 4690, Address: verify.Address{9}}
	moved := m.movedTo(t, 1, elsewhere)
	view := m.view(5, 2, two)
	witnessed := view
	witnessed.Witnessed = true
	for _, c := range []struct {
		name   string
		passed uint64 // highest rev that did
		view   verify.View
		a      Announcement
		known  bool // its envelope passed
		stale  bool
	}{
		{"hint ahead", 5, view, m.hint(6), false, false},
		{"hint of the view, which passed", 5, view, m.hint(5), false, true},
		{"hint of the view, which rose by itself", 3, view, m.hint(5), false, false},
		{"hint behind the view", 3, view, m.hint(4), false, true},
		{"hint ahead, and behind a lie that was refuted", 9, view, m.hint(6), false, false},
		{"release that passed", 5, view, m.news(two, 5), true, true},
		{"release that passed, with news", 5, view, m.news(two, 6), true, false},
		{"release that did not pass", 5, view, m.news(two, 5), false, false},
		{"latest, from an older rev, not offered", 5, m.view(5, 1), m.news(one, 4), false, true},
		{"older, from an older rev, not offered", 5, view, m.news(one, 4), false, true},
		{"offered, from an older rev", 5, view, m.news(two, 4), false, false},
		{"not offered, of the view's rev", 5, view, m.news(one, 5), false, false},
		{"not offered by witnesses", 5, witnessed, m.news(one, 4), false, false},
		{"newer than the latest, from an older rev", 5, view, m.news(three, 4), false, false},
		{"of another registry", 5, view, m.news(moved, 4), false, false},
	} {
		s := subjectOf(t, m)
		s.registry, s.rev = m.verifier.Registry, c.passed
		if c.known {
			s.accepted.Add(digestOf(1), struct{}{})
		}
		if err := s.stale(&c.a, digestOf(1), &c.view); (err != nil) != c.stale {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Revs of another registry are counted anew; no view is none of another.
func TestRevsAreCountedForEachRegistry(t *testing.T) {
	m := newMaker(t, "ucam-2")
	other := m.view(2, 0)
	other.Registry.Address[0]++
	for _, c := range []struct {
		name string
		view verify.View
		want uint64
	}{
		{"the same", m.view(9, 0), 9}, {"none", verify.View{}, 9}, {"another", other, 0},
	} {
		s := subjectOf(t, m)
		s.registry, s.rev, s.told, s.tellAt = m.verifier.Registry, 9, 9, time.Now()
		if s.countIn(&c.view); s.rev != c.want || s.told != c.want || s.tellAt.IsZero() != (c.want == 0) {
			t.Errorf("%s: rev %d, told %d at %v", c.name, s.rev, s.told, s.tellAt)
		}
	}
}

// Each rev of the chain is news once, and each envelope.
func TestAdmittedOnce(t *testing.T) {
	m := newMaker(t, "ucam-2")
	one := m.genuine(t, 1)
	for _, c := range []struct {
		name                 string
		passed, before, view uint64
		a                    Announcement
		known, news          bool
	}{
		{"rev that the look brought", 5, 5, 6, m.hint(6), false, true},
		{"rev that passed", 5, 4, 5, m.hint(5), false, false},
		{"rev of the view, which was there before", 5, 6, 6, m.hint(6), false, true},
		{"rev between what passed and what was known", 5, 7, 7, m.hint(6), false, false},
		{"rev that was known, the view rose meanwhile", 5, 6, 7, m.hint(6), false, false},
		{"rev that was news, the view rose further", 5, 5, 8, m.hint(6), false, true},
		{"release", 5, 5, 5, m.news(one, 5), false, true},
		{"release that passed", 5, 5, 5, m.news(one, 5), true, false},
		{"rev below a lie that was refuted", 9, 5, 6, m.hint(6), false, false},
		{"rev above a lie that was refuted", 6, 5, 6, m.hint(7), false, true},
	} {
		s, v := subjectOf(t, m), m.view(c.view, 0)
		s.registry, s.rev = m.verifier.Registry, c.passed
		if c.known {
			s.accepted.Add(digestOf(1), struct{}{})
		}
		if got := s.admit(&c.a, digestOf(1), c.before, &v); got != c.news {
			t.Errorf("%s: news %v", c.name, got)
		}
		if want := max(min(c.passed, c.view), c.a.Rev); s.rev != want {
			t.Errorf("%s: %d passed, want %d", c.name, s.rev, want)
		}
	}
}

// Signatures are verified once per envelope, good ones and bad ones.
func TestSignaturesAreCheckedOnce(t *testing.T) {
	m := newMaker(t, "ucam-2")
	s := subjectOf(t, m)
	if _, err := s.checkSigned(m.genuine(t, 1).envelope, digestOf(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.checkSigned(nil, digestOf(2)); err == nil {
		t.Fatal("nothing is signed")
	}
	if signed, err := s.checkSigned(nil, digestOf(1)); err != nil || signed == nil {
		t.Errorf("a good one is checked again: %v", err)
	}
	if _, err := s.checkSigned(m.genuine(t, 1).envelope, digestOf(2)); err == nil {
		t.Error("a bad one is checked again")
	}
}

// Each signed envelope has one look, and all together have few.
func TestFirstLooks(t *testing.T) {
	s, now := subjectOf(t, newMaker(t, "ucam-2")), time.Now()
	if !s.firstLook(digestOf(0), now) || s.firstLook(digestOf(0), now) {
		t.Error("an envelope has not one look")
	}
	for i := range releaseLooks - 1 {
		if !s.firstLook(digestOf(byte(i+1)), now) {
			t.Errorf("%d envelopes had a look", i+1)
		}
	}
	if s.firstLook(digestOf(100), now) {
		t.Error("there is no end of looks")
	}
	if !s.firstLook(digestOf(100), now.Add(releaseEvery)) {
		t.Error("an envelope that had no look has none later")
	}
}

// Of claims about one thing the lower rev is held, of envelopes the newest releases;
// what strangers say takes one place and none of theirs.
func TestHeldPlaces(t *testing.T) {
	m := newMaker(t, "ucam-2")
	s := subjectOf(t, m)
	keep := func(id byte, sequence, rev uint64, want bool) {
		t.Helper()
		h := &held{announcement: &Announcement{Sequence: sequence, Rev: rev}, key: [32]byte{id, byte(rev)}}
		if id > 0 {
			h.digest, h.signed = digestOf(id), new(verify.Signed)
		}
		if got := s.hold(h); got != want {
			t.Errorf("%d, release %d, rev %d: kept %v", id, sequence, rev, got)
		}
	}
	sequences := func() (out []uint64) {
		for _, h := range s.held {
			out = append(out, h.announcement.Sequence)
		}
		return out
	}
	keep(0, 0, 9, true)
	keep(0, 0, 9, false)
	keep(0, 0, 7, true)
	for i := range uint64(MaxHeld) {
		keep(byte(i+1), 10+i, 20, true)
	}
	keep(2, 11, 21, false)
	keep(2, 11, 19, true)
	if got := sequences(); !slices.Equal(got, []uint64{0, 10, 12, 13, 11}) {
		t.Fatalf("held %v", got)
	}
	keep(50, 9, 1, false)
	keep(51, 10, 1, false)
	keep(52, 20, 30, true) // in the place of 10
	if got := sequences(); !slices.Equal(got, []uint64{0, 12, 13, 11, 20}) {
		t.Errorf("held %v", got)
	}
	keep(0, 0, 6, true)
	if len(s.held) != MaxHeld+1 || s.waiting() != MaxHeld+1 {
		t.Errorf("%d held", len(s.held))
	}
}

// What is held is judged when the view is there, given up in time, and looked for at
// the lowest rev of all, ahead of strangers' claims only where it is signed news.
func TestHeldIsDue(t *testing.T) {
	m := newMaker(t, "ucam-2")
	two := m.genuine(t, 2)
	now := time.Now()
	later, long := now.Add(lastRetry), now.Add(time.Hour)
	moved := m.movedTo(t, 7, verify.RegistryRef{ChainID: 4690, Address: verify.Address{9}})
	for _, c := range []struct {
		name           string
		held           []Announcement
		until, at      time.Time
		latest         uint64 // of the view, at rev 5
		ready, expired int
		retry          uint64
		proven         bool
	}{
		{"the view's rev", []Announcement{m.hint(5)}, long, later, 1, 1, 0, 0, false},
		{"the view's rev, after its time", []Announcement{m.hint(5)}, now, later, 1, 1, 0, 0, false},
		{"ahead", []Announcement{m.hint(6)}, long, later, 1, 0, 0, 6, false},
		{"ahead, too early for a look", []Announcement{m.hint(6)}, long, now, 1, 0, 0, 0, false},
		{"ahead, after its time", []Announcement{m.hint(6)}, now, later, 1, 0, 1, 0, false},
		{"hint that names a release", []Announcement{{Product: m.hint(6).Product, Sequence: 9, Rev: 6}}, long, later, 1, 0, 0, 6, false},
		{"signed news", []Announcement{m.news(two, 8)}, long, later, 1, 0, 0, 8, true},
		{"signed, and no news", []Announcement{m.news(two, 8)}, long, later, 2, 0, 0, 8, false},
		{"signed news behind a hint", []Announcement{m.hint(6), m.news(two, 8)}, long, later, 1, 0, 0, 6, true},
		{"signed news before a hint", []Announcement{m.news(two, 8), m.hint(6)}, long, later, 1, 0, 0, 6, true},
		{"hint far ahead of another", []Announcement{m.news(two, 8), m.hint(9)}, long, later, 2, 0, 0, 8, false},
		{"of another registry", []Announcement{m.news(moved, 3)}, long, later, 1, 0, 0, 0, false},
		{"of another registry, before a hint", []Announcement{m.news(moved, 3), m.hint(6)}, long, later, 1, 0, 0, 6, false},
		{"of another registry, after its time", []Announcement{m.news(moved, 3)}, now, later, 1, 0, 1, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := subjectOf(t, m)
			for i, a := range c.held {
				h := &held{announcement: &a, key: digestOf(byte(i)), until: c.until}
				if !a.Bare() {
					h.digest = digestOf(byte(i + 1))
					var err error
					if h.signed, err = s.checkSigned(a.Envelope, h.digest); err != nil {
						t.Fatal(err)
					}
				}
				s.hold(h)
			}
			view := m.view(5, c.latest)
			ready, expired, retry, proven := s.due(c.at, &view)
			if len(ready) != c.ready || len(expired) != c.expired || retry != c.retry || proven != c.proven {
				t.Fatalf("%d ready, %d expired, look for %d, proven %v", len(ready), len(expired), retry, proven)
			}
			if left := len(c.held) - c.ready - c.expired; s.waiting() != left {
				t.Errorf("%d still held, want %d", s.waiting(), left)
			}
			if retry == 0 {
				return
			}
			if _, _, again, _ := s.due(c.at, &view); again != 0 {
				t.Error("two looks at once")
			}
			s.retried(c.at)
			if _, _, again, _ := s.due(c.at.Add(2*firstRetry-1), &view); again != 0 {
				t.Error("the pause before the next look is too short")
			}
			if _, _, again, _ := s.due(c.at.Add(2*firstRetry), &view); again != c.retry {
				t.Errorf("after the pause a look for %d", again)
			}
		})
	}
}

// What witnesses add confirms a release or says nothing of it.
func TestWitnessesRefuseNothing(t *testing.T) {
	m := newMaker(t, "ucam-2")
	one, two := m.genuine(t, 1), m.genuine(t, 2)
	s := subjectOf(t, m)
	signed, err := s.checkSigned(two.envelope, digestOf(2))
	if err != nil {
		t.Fatal(err)
	}
	own, witnessed := m.view(5, 1, one), m.view(5, 1, one)
	witnessed.Witnessed = true
	confirmed := m.view(5, 2, two)
	confirmed.Witnessed = true
	for _, c := range []struct {
		name   string
		signed *verify.Signed
		view   verify.View
		want   bool
	}{
		{"hint, own view", nil, own, true}, {"hint, of witnesses", nil, witnessed, true},
		{"not offered, own view", signed, own, true}, {"not offered, of witnesses", signed, witnessed, false},
		{"offered, of witnesses", signed, confirmed, true},
	} {
		if got := s.agrees(c.signed, &c.view); got != c.want {
			t.Errorf("%s: agrees %v", c.name, got)
		}
	}
}

// A seed tells of each rev once, however often it is woken.
func TestSeedTellsOnce(t *testing.T) {
	m := newMaker(t, "ucam-2")
	s, view, now := subjectOf(t, m), m.view(5, 0), time.Now()
	for i, want := range []bool{true, false} {
		if tell, at := s.toTell(&view, now, 0); tell != want || !at.IsZero() {
			t.Errorf("look %d: tells %v, again at %v", i, tell, at)
		}
	}
}
