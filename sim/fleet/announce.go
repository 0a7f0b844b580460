package fleet

import (
	"fmt"
	"math"
)

// announcing is the integration of the spread of the announcement.
type announcing struct {
	m     *model
	dt    float64
	total float64   // cameras
	look  []float64 // how long one takes to accept what it heard of, by step
	relay float64   // s that a camera's uplink needs to pass it on

	// The publisher's seed floods its neighbours: messages of equal length side by
	// side, of which the first is through after about half the time that all take.
	flood  float64 // neighbours
	serial float64 // s

	regions []*listeners
	news    float64 // when somebody accepted it last
}

// listeners are the cameras of a region, and its seeds.
type listeners struct {
	n          float64
	untouched  float64
	told       float64   // by the publisher's seed
	pending    []float64 // acceptances to come, a ring as long as look
	accepted   history   // cameras
	fanout     history   // messages that accepted cameras send
	gossip     history   // and names of messages
	seeds      history   // seeds that accepted it, but the publisher's
	seedsSoon  []float64
	seedFan    float64
	seedGossip float64
}

// announce integrates the spread of the announcement.
func (m *model) announce() error {
	if m.f.instant {
		for range m.f.Regions {
			m.heard = append(m.heard, masses{dt: 0.001, m: []float64{1}})
		}
		return nil
	}
	widest := 0.0
	for a := range m.f.Regions {
		for b := range m.f.Regions {
			_, hi := m.rtt(a, b)
			widest = max(widest, hi)
		}
	}
	a := m.newAnnouncing(min(max(widest/50, 0.001), 0.01))
	m.heard = make([]masses, len(m.f.Regions))
	limit := int((600 + a.serial) / a.dt)
	for step := 0; ; step++ {
		t := float64(step+1) * a.dt
		left := a.accept(step, t)
		for b := range a.regions {
			a.tell(b, step, t)
		}
		if left < 1e-6*a.total && left < 0.01 {
			break
		}
		// Whom neither messages nor names of them reached hears at the daily look:
		// there the model ends.
		if step >= limit || t-a.news > 4*heartbeat+2*widest+float64(len(a.look))*a.dt {
			if left > 0.01*a.total {
				return fmt.Errorf("%w: the announcement reached only %.0f of %.0f cameras; give seeds more connections or cameras a larger announcement degree",
					ErrModel, a.total-left, a.total)
			}
			break
		}
	}
	for b := range m.heard {
		m.heard[b].dt = a.dt
		m.heard[b].normalise()
	}
	return nil
}

func (m *model) newAnnouncing(dt float64) *announcing {
	f := m.f
	a := &announcing{m: m, dt: dt, total: float64(f.Cameras()), look: m.look(dt)}
	k := float64(f.Connections())
	for r := range f.Regions {
		n := m.share[r] * a.total
		l := &listeners{n: n, untouched: n, pending: make([]float64, len(a.look)), seedsSoon: make([]float64, len(a.look))}
		for _, h := range []*history{&l.accepted, &l.fanout, &l.gossip, &l.seeds} {
			h.dt = dt
		}
		l.seedFan = min(float64(f.SeedAnnounceDegree), n)
		l.seedGossip = min(max(float64(f.SeedAnnounceDegree), 0.25*k), n)
		a.regions = append(a.regions, l)
	}
	envelope := float64(envelopeBytes + 32*((f.ImageBytes+f.BlockBytes-1)/f.BlockBytes))
	a.flood = min(k, a.regions[0].n)
	a.serial = a.flood * envelope * (1 + f.Params.Header) / (f.Regions[0].SeedUp / 8)
	a.news = a.serial
	up, lines := 0.0, 0.0
	for _, c := range m.cohorts {
		up, lines = up+c.mass*c.up, lines+c.mass
	}
	a.relay = float64(f.AnnounceDegree-1) * envelope * lines / up
	return a
}

// accept takes those whose look at the chain has ended, and returns how many
// cameras have not accepted yet.
func (a *announcing) accept(step int, t float64) (left float64) {
	degree := float64(a.m.f.AnnounceDegree)
	i := step % len(a.look)
	for b, l := range a.regions {
		now := l.pending[i]
		if now > 1e-9*a.total && t > a.news {
			a.news = t
		}
		l.pending[i] = 0
		l.accepted.add(now)
		l.fanout.add(now * (degree - 1))
		l.gossip.add(now * degree)
		soon := l.seedsSoon[i]
		l.seedsSoon[i] = 0
		l.seeds.add(soon)
		a.m.heard[b].m = append(a.m.heard[b].m, now)
		left += l.n - l.accepted.cum[step]
	}
	return left
}

// tell lets the seeds and cameras of region b hear of it in a step that ends at t.
func (a *announcing) tell(b, step int, t float64) {
	l, dt := a.regions[b], a.dt
	lo, hi := a.m.rtt(0, b)
	// Seeds hear of it from the publisher.
	count := float64(a.m.f.Regions[b].Seeds)
	if b == 0 {
		count--
	}
	if count > 0 {
		if x := count * (uniform(t, lo/2, hi/2) - uniform(t-dt, lo/2, hi/2)); x > 0 {
			a.soon(l.seedsSoon, step, x)
		}
	}
	if l.n == 0 {
		return
	}
	offers := a.offers(b, t)
	// The publisher's seed tells each neighbour once.
	direct := 0.0
	if b == 0 {
		direct = a.flood * (uniform(t, lo/2+a.serial/2, hi/2+a.serial) - uniform(t-dt, lo/2+a.serial/2, hi/2+a.serial))
	}
	if l.untouched <= 0 || offers+direct <= 0 {
		return
	}
	fresh := l.untouched * (1 - math.Exp(-offers/l.n))
	if rest := l.n - l.told; direct > 0 && rest > 0 {
		fresh += (l.untouched - fresh) * min(1, direct/rest)
		l.told += direct
	}
	l.untouched -= fresh
	a.soon(l.pending, step, fresh)
}

// soon enters what was heard in a step into a ring of acceptances to come.
func (a *announcing) soon(ring []float64, step int, heard float64) {
	for d, p := range a.look {
		ring[(step+1+d)%len(a.look)] += heard * p
	}
}

// offers are the messages that reach cameras of region b at random in the step
// that ends at t: from its seeds, from cameras, and what was asked for by name.
func (a *announcing) offers(b int, t float64) float64 {
	l := a.regions[b]
	own0, own1 := a.m.rtt(b, b)
	out := l.seeds.window(t, own0/2, own1/2) * l.seedFan
	for beat := range 3 {
		at := heartbeat * float64(beat)
		out += l.seeds.window(t, at+1.5*own0, at+heartbeat+1.5*own1) * l.seedGossip
	}
	for r, o := range a.regions {
		if o.n == 0 {
			continue
		}
		lo, hi := a.m.rtt(r, b)
		out += o.fanout.window(t, a.relay+lo/2, a.relay+hi/2) * a.m.share[b]
		for beat := range 3 {
			at := heartbeat * float64(beat)
			out += o.gossip.window(t, at+1.5*lo, at+heartbeat+1.5*hi) * a.m.share[b]
		}
	}
	return out
}

// normalise makes the masses sum to 1, unless there are none.
func (d *masses) normalise() {
	sum := 0.0
	for _, x := range d.m {
		sum += x
	}
	for i := range d.m {
		if sum > 0 {
			d.m[i] /= sum
		}
	}
}
