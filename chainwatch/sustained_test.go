package chainwatch

import (
	"testing"
	"time"

	"camswarm/verify"
)

// What is said for long counts by the device's own clock, as long as heads go on in
// step with it; a look that does not fit is passed over, and after a while it begins
// anew.
func TestSustainedCountsInStep(t *testing.T) {
	const head, slack = 1_800_000_000, 10 * time.Minute
	start := time.Now()
	type look struct {
		after time.Duration // since the first
		ahead time.Duration // of the head, since the first
		same  bool
		fits  bool
		sum   time.Duration
	}
	for name, looks := range map[string][]look{
		"in step":               {{10 * time.Minute, 10 * time.Minute, true, true, 10 * time.Minute}, {25 * time.Minute, 25 * time.Minute, true, true, 25 * time.Minute}},
		"a gap counts in part":  {{time.Hour, time.Hour, true, true, maxCredit}},
		"as late as may be":     {{15 * time.Minute, 5 * time.Minute, true, true, 15 * time.Minute}},
		"later":                 {{15 * time.Minute, 5*time.Minute - time.Second, true, false, 0}},
		"as early as may be":    {{15 * time.Minute, 25 * time.Minute, true, true, 15 * time.Minute}},
		"earlier":               {{15 * time.Minute, 25*time.Minute + time.Second, true, false, 0}},
		"passed over, and back": {{10 * time.Minute, 10 * time.Minute, false, false, 0}, {15 * time.Minute, 15 * time.Minute, true, true, 15 * time.Minute}},
		"something else, long":  {{30 * time.Minute, 30 * time.Minute, false, false, 0}, {31 * time.Minute, 31 * time.Minute, false, true, 0}, {41 * time.Minute, 41 * time.Minute, true, true, 10 * time.Minute}},
	} {
		var s sustained
		if !s.observe(head, true, false, start, slack) || s.For != 0 || s.Since != head {
			t.Fatalf("the first look: %+v", s)
		}
		for i, l := range looks {
			if fits := s.observe(head+seconds(l.ahead), l.same, false, start.Add(l.after), slack); fits != l.fits || s.For != l.sum {
				t.Errorf("%s, look %d: fits %v, counts %v", name, i, fits, s.For)
			}
		}
	}
	// A chain that makes blocks on demand has no step.
	s := sustained{Since: head, first: start, firstHead: head, last: start}
	if !s.observe(head, true, false, start.Add(time.Hour), 0) {
		t.Error("a head that stands still must go on")
	}
}

// Over a restart it is known since when, and for how long, but not when last: the
// first look adds nothing, and one that does not fit waits for the next.
func TestSustainedOverRestarts(t *testing.T) {
	const head, slack = 1_800_000_000, 10 * time.Minute
	start := time.Now()
	kept := sustained{Since: head, For: time.Hour}
	for _, c := range []struct {
		head uint64
		fits bool
	}{{head + 3600 - 600, true}, {head + 3600 - 601, false}, {head + 1e6, true}} {
		s := kept
		if fits := s.observe(c.head, true, false, start, slack); fits != c.fits || s.For != time.Hour {
			t.Errorf("head %d: fits %v, %v", c.head, fits, s.For)
		}
	}
	s := kept
	if s.observe(head, false, false, start, slack) || s.For != time.Hour {
		t.Error("something else, once, begins anew")
	}
	if s.observe(head, false, false, start.Add(2*maxCredit), slack) || s.For != time.Hour {
		t.Error("it begins anew too early")
	}
	if !s.observe(head, false, false, start.Add(2*maxCredit+1), slack) || s.For != 0 {
		t.Error("it does not begin anew")
	}
}

// While somebody contradicts, time counts less, from the next look on.
func TestOpposedTimeCountsLess(t *testing.T) {
	const head = 1_800_000_000
	start := time.Now()
	var s sustained
	s.observe(head, true, true, start, time.Hour)
	s.observe(head, true, true, start.Add(12*time.Minute), time.Hour)
	if s.For != 12*time.Minute/opposedFactor || !s.opposed {
		t.Errorf("counts %v", s.For)
	}
}

// Claims against what was accepted must follow from one another.
func TestDoubtsGoOnFromOneAnother(t *testing.T) {
	start, x, y := time.Now(), [32]byte{1}, [32]byte{2}
	claim := func(rev uint64, digest byte) *verify.View {
		return &verify.View{Rev: rev, Digest: [32]byte{digest}, Time: 1_800_000_000}
	}
	for name, c := range map[string]struct {
		next    *verify.View
		content [32]byte
		kept    bool // what was said before the restart is all that is known
		on      bool
	}{
		"the same":               {claim(10, 1), x, false, true},
		"the next":               {claim(11, 2), y, false, true},
		"an older":               {claim(9, 1), x, false, false},
		"another history":        {claim(10, 2), x, false, false},
		"another content":        {claim(10, 1), y, false, false},
		"any content, restarted": {claim(10, 1), y, true, true},
	} {
		var d doubt
		d.observe(claim(10, 1), x, false, start, time.Hour)
		if c.kept {
			d.content = [32]byte{}
		}
		d.observe(c.next, c.content, false, start.Add(10*time.Minute), time.Hour)
		if on := d.For == 10*time.Minute; on != c.on {
			t.Errorf("%s: counts %v", name, d.For)
		}
		if on := d.Rev == c.next.Rev && d.content == c.content && d.Digest == c.next.Digest; on != c.on {
			t.Errorf("%s: %+v", name, d)
		}
		if want := refuteFor - d.For; d.left() != want {
			t.Errorf("%s: %v left, want %v", name, d.left(), want)
		}
	}
	settled := doubt{sustained: sustained{Since: 1, For: refuteFor}, Rev: 10}
	if settled.observe(claim(99, 9), y, false, start, time.Hour); settled.Rev != 10 || settled.left() != 0 {
		t.Error("what is settled goes on")
	}
}

// The chain's time goes on from the first head by the device's own clock; one that is
// far ahead of it counts once it was sustained, and not a moment before.
func TestClockGoesOnFromTheFirstHead(t *testing.T) {
	const head, slack = 1_800_000_000, 10 * time.Minute
	start := time.Now()
	var c clock
	c.accepted(head, start, slack)
	if c.least(start) != head {
		t.Errorf("at least %d", c.least(start))
	}
	at := start.Add(100 * time.Second)
	c.accepted(head+500, at, slack)
	if got := c.least(at); got != head+100 {
		t.Errorf("at least %d after a head ahead, want %d", got, head+100)
	}
	most := c.most(at, slack)
	if want := head + seconds(100*time.Second+100*time.Second/drift+2*slack); most != want {
		t.Errorf("at most %d, want %d", most, want)
	}
	if c.accepted(most, at, slack); c.ahead() {
		t.Error("the bound itself is beyond it")
	}
	far := uint64(head + 1e6)
	for i := range int(refuteFor/maxCredit) + 1 {
		if c.ceiling != head {
			t.Fatalf("believed after %d looks", i)
		}
		c.accepted(far+uint64(i)*seconds(maxCredit), at.Add(time.Duration(i)*maxCredit), slack)
		if !c.ahead() {
			t.Error("nothing tells that the heads are ahead")
		}
	}
	if c.ceiling == head {
		t.Error("never believed")
	}
}

// Looks on demand: some at once, then one in a while.
func TestBudgetOfLooks(t *testing.T) {
	var b budget
	now := time.Now()
	for range lookBurst {
		if at := b.take(now); !at.Equal(now) {
			t.Errorf("a look of the burst waits for %v", at.Sub(now))
		}
	}
	for i := range 2 {
		if at := b.take(now); at.Sub(now) != time.Duration(i+1)*lookRefill {
			t.Errorf("look %d after the burst waits for %v", i+1, at.Sub(now))
		}
	}
	now = now.Add(3 * lookRefill)
	if at := b.take(now); !at.Equal(now) {
		t.Errorf("after a pause a look waits for %v", at.Sub(now))
	}
}
