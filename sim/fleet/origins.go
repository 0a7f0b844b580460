package fleet

import (
	"cmp"
	"fmt"
	"slices"
)

// client is cameras of one class, rate and round trip that fetch from a server.
type client struct {
	enter    masses  // when they hear of the release
	rate     float64 // of their line
	mass     float64 // cameras
	toOrigin float64 // s before their bytes flow at the full rate
	toEdge   float64

	entered []float64 // by step
	heard   history   // enter, summed up
	last    float64   // of it, at the step before
	got     []float64 // bytes that one of them had got by the end of a step, had it been there
	first   int       // oldest step of entered that is not done
	active  float64
}

// origins computes what S3, capped S3 and a CDN take.
func (m *model) origins() error {
	clients := m.clients()
	need := float64(m.f.ImageBytes) * wireHTTP
	sum, slowest := 0.0, 0.0
	for _, c := range clients {
		sum += c.mass * c.rate
		for k, x := range c.enter.m {
			if x == 0 {
				continue
			}
			t := float64(k+1) * c.enter.dt
			m.s3 = append(m.s3, timed{t + c.toOrigin + need/c.rate, x * c.mass})
			m.cdn = append(m.cdn, timed{t + c.toEdge + need/c.rate, x * c.mass})
		}
		slowest = max(slowest, c.enter.end()+c.toOrigin+need/c.rate)
	}
	if limit := m.f.Origin.Capped / 8; sum > limit {
		return m.capOrigin(clients, need, limit, slowest)
	}
	m.capped = m.s3
	return nil
}

// clients are the cameras as clients of servers.
func (m *model) clients() (out []*client) {
	f, o := m.f, m.f.Origin
	edge := o.EdgeRTT.Seconds()
	for _, c := range f.Classes {
		lo, hi := m.rtt(0, c.Region)
		parts := factors(c.Spread)
		for _, factor := range parts {
			rate := c.Down * factor / 8
			if c.Site > 1 {
				rate = min(rate/min(float64(c.Site), float64(c.Cameras)), c.LAN/8)
			}
			rtts := middles(lo, hi, 7)
			for _, rtt := range rtts {
				out = append(out, &client{
					enter: m.heard[c.Region], rate: rate, mass: float64(c.Cameras) / float64(len(parts)*len(rtts)),
					toOrigin: f.lead(rtt, o.FirstByte.Seconds(), rate) + rtt/2, toEdge: f.lead(edge, o.EdgeFirstByte.Seconds(), rate) + edge/2,
				})
			}
		}
	}
	return out
}

// lead is what set-up and slow start take of a download from a server, beyond the
// time of the bytes at the full rate, s.
func (f *Fleet) lead(rtt, firstByte, rate float64) float64 {
	t := f.Origin.EdgeRTT.Seconds() + 3*rtt + firstByte
	sent := 0.0
	for w := float64(quicWindow); w < rate*rtt && sent+w < float64(f.ImageBytes); w *= 2 {
		t += rtt - w/rate
		sent += w
	}
	return t
}

// capOrigin integrates an origin of limit bytes a second, shared equally as far as the
// clients' lines allow; need are the bytes of each.
func (m *model) capOrigin(clients []*client, need, limit, slowest float64) error {
	slices.SortStableFunc(clients, func(a, b *client) int { return cmp.Compare(a.rate, b.rate) })
	total := float64(m.f.Cameras())
	dt := (slowest + total*need/limit) / 4000
	for _, c := range clients {
		c.heard = history{dt: c.enter.dt}
		for _, x := range c.enter.m {
			c.heard.add(x)
		}
	}
	finished := 0.0
	for step := 0; total-finished > 1e-6*total; step++ {
		if step > maxSteps {
			return fmt.Errorf("%w: the capped origin does not finish", ErrModel)
		}
		now := float64(step+1) * dt
		active := 0.0
		for _, c := range clients {
			at := c.heard.at(now - c.toOrigin)
			x := (at - c.last) * c.mass
			c.last = at
			c.entered = append(c.entered, x)
			c.active += x
			active += c.active
		}
		left := limit
		for _, c := range clients {
			held := sumBefore(c.got, step)
			if c.active <= 0 {
				c.got = append(c.got, held)
				continue
			}
			rate := min(c.rate, left/active)
			left -= rate * c.active
			active -= c.active
			c.got = append(c.got, held+rate*dt)
			for c.first <= step && c.got[step]-sumBefore(c.got, c.first) >= need-1e-6 {
				if x := c.entered[c.first]; x > 0 {
					c.active = max(0, c.active-x)
					finished += x
					m.capped = append(m.capped, timed{now, x})
				}
				c.first++
			}
		}
	}
	return nil
}
