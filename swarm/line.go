package swarm

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// LineProtocol measures an uplink. Who opens the stream writes one byte, which is
// answered with one, and then lineBytes, which are answered with one: what the second
// answer takes longer than the first is what the bytes take on its line. The value of
// the bytes does not matter.
//
// A camera whose uplink is slow beside its downlink must know that before it fetches.
// Its acknowledgements take 2 % of what it gets, and if blocks, possession messages or
// a release's envelope stand before them in the line, the sender takes that for
// congestion and stops to speed up: a seed of 1 Gbit/s then gave 250 kB/s to a camera
// with 1 Mbit/s up. See docs/SWARM.md.
const LineProtocol protocol.ID = "/camswarm/line/1"

var (
	errLineInUse = errors.New("swarm: the uplink is in use")
	errNoMeasure = errors.New("swarm: no peer to measure the uplink with")
	errLineKept  = errors.New("swarm: nothing is served over the uplink")
)

// SlowLine returns what the uplink was measured to carry, in bytes per second, if that
// is little: 0 otherwise, and as long as it is not known.
func (x *Exchange) SlowLine() int64 { return x.line.Load() }

// keepMeasuring measures the uplink now and then: what was in its way may have gone, and
// a line may have been changed.
func (x *Exchange) keepMeasuring(ctx context.Context) {
	for {
		x.measureLine(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(lineAgain):
		}
	}
}

// measureLine measures the uplink once.
func (x *Exchange) measureLine(ctx context.Context) {
	best, failed, wait, tried := int64(0), 0, lineAfter, map[peer.ID]bool{}
	for {
		x.mu.Lock()
		jitter := time.Duration(x.rng.Int64N(int64(wait)))
		x.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait + jitter):
		}
		rate, err := x.tryLine(ctx, tried)
		best = max(best, rate)
		nobody := errors.Is(err, errNoMeasure)
		switch {
		case best >= slowLine:
			x.setLine(0)
			return
		case errors.Is(err, errLineInUse),
			err == nil && len(tried) < lineTries: // another one: the peer may have been busy, or lie
			wait = lineAfter
		case errors.Is(err, errLineKept), nobody && best == 0:
			wait = min(2*wait, lineRetry)
		case err != nil && !nobody && failed < lineFails: // what one slow answer says is not enough
			x.log.Debug("uplink not measured", "err", err)
			failed, wait = failed+1, min(2*wait, lineRetry)
		default:
			if best > 0 {
				x.setLine(best)
			}
			return
		}
	}
}

// setLine takes note of a slow uplink, or with 0 of one that is not. Part of a slow one
// stays free for acknowledgements.
func (x *Exchange) setLine(rate int64) {
	switch before := x.line.Swap(rate); {
	case rate > 0:
		x.log.Info("the uplink is slow: a fetch goes before what others are served", "bytes_per_second", rate)
	case before > 0:
		x.log.Info("the uplink is not slow any more")
	}
	limit := int64(0)
	if rate > 0 {
		limit = max(rate*lineServes/100, int64(MinLimit))
	}
	x.lineGate.set(limit)
}

// near reports whether a peer is on this node's own network: not beyond the line.
func (x *Exchange) near(p peer.ID) bool { return x.opts.Near != nil && x.opts.Near(p) }

// gates returns what blocks for a peer have to pass.
func (x *Exchange) gates(p peer.ID) []*uploadGate {
	if x.near(p) {
		return []*uploadGate{x.gate}
	}
	return []*uploadGate{x.lineGate, x.gate} // in this order: who waits for the line is in nobody's way
}

// tryLine measures the uplink with a peer that was not tried: bytes per second.
func (x *Exchange) tryLine(ctx context.Context, tried map[peer.ID]bool) (int64, error) {
	x.mu.Lock()
	if x.serveScope != ScopeAll { // busy with live video, metered: not the bytes of a measurement either
		x.mu.Unlock()
		return 0, errLineKept
	}
	if len(x.fetches)+len(x.sending) > 0 {
		x.mu.Unlock()
		return 0, errLineInUse
	}
	var with []peer.ID
	for id := range x.peers {
		if !tried[id] && !x.near(id) { // else it is another line
			with = append(with, id)
		}
	}
	slices.Sort(with)
	x.rng.Shuffle(len(with), func(i, j int) { with[i], with[j] = with[j], with[i] })
	if r := x.opts.Reputations; r != nil { // first those who deliver: three that lie can be met
		slices.SortStableFunc(with, func(a, b peer.ID) int {
			one, _ := r.Of(a)
			other, _ := r.Of(b)
			return cmp.Compare(min(other, 1), min(one, 1))
		})
	}
	x.mu.Unlock()
	for _, id := range with {
		if ok, err := x.h.Peerstore().SupportsProtocols(id, LineProtocol); err == nil && len(ok) > 0 {
			rate, err := x.sendLine(ctx, id)
			if err == nil {
				tried[id] = true
			}
			return rate, err
		}
	}
	return 0, errNoMeasure
}

func (x *Exchange) sendLine(ctx context.Context, id peer.ID) (int64, error) {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "the line is measured over the connections that there are"), lineTimeout)
	defer cancel()
	s, err := x.h.NewStream(ctx, id, LineProtocol)
	if err != nil {
		return 0, err
	}
	defer s.Reset()
	defer context.AfterFunc(ctx, func() { s.Reset() })()
	took := func(n int) (time.Duration, error) {
		start := time.Now()
		if _, err := s.Write(make([]byte, n)); err != nil {
			return 0, err
		}
		_, err := io.ReadFull(s, make([]byte, 1))
		return time.Since(start), err
	}
	// The first exchange may have negotiated the protocol.
	if _, err := took(1); err != nil {
		return 0, err
	}
	rtt, err := took(1)
	if err != nil {
		return 0, err
	}
	all, err := took(lineBytes)
	if err != nil {
		return 0, err
	}
	return lineRate(s.Conn().ConnState().Transport, rtt, all), nil
}

// lineRate is what an uplink carries, in bytes per second, over which lineBytes were
// answered after all. TCP sends 14 kB of them at first, and the others a round trip later
// (RFC 6928): where the line is the narrow part, that makes it seem wider than it is.
func lineRate(transport string, rtt, all time.Duration) int64 {
	if transport == "tcp" {
		rtt *= 2
	}
	return int64(lineBytes / max(all-rtt, time.Millisecond).Seconds())
}

// answerLine is the other side of sendLine.
func answerLine(s network.Stream) {
	defer s.Reset()
	if s.SetDeadline(time.Now().Add(lineTimeout)) != nil {
		return
	}
	for _, n := range []int64{1, 1, lineBytes} {
		if _, err := io.CopyN(io.Discard, s, n); err != nil {
			return
		}
		if _, err := s.Write([]byte{0}); err != nil {
			return
		}
	}
	_ = s.CloseWrite()
	_, _ = s.Read(make([]byte, 1)) // the other side ends it
}

// silent reports whether a peer is told nothing of a file, because it is being fetched
// over a slow uplink that acknowledgements need. The caller holds mu.
func (x *Exchange) silent(root [32]byte, p peer.ID) bool {
	f := x.fetches[root]
	return f != nil && f.silent && !x.near(p)
}

// speakUp ends the silence of a fetch that the uplink does not hold up: what comes
// is little beside what it can send, or it is not slow any more. The caller holds mu.
func (x *Exchange) speakUp(f *fetch) {
	if !f.silent {
		return
	}
	age, line := time.Since(f.start), float64(x.line.Load())
	enough := line
	if age >= silentFor {
		enough *= silentAbove
	}
	if line == 0 || age >= silentFor/2 && f.speed() <= enough {
		x.tell(f)
	}
}

// tell tells peers of all that was kept from them. The caller holds mu.
func (x *Exchange) tell(f *fetch) {
	f.silent = false
	if g := x.lendings[f.file.Key]; g != nil && g.file == f.file {
		x.barPeers(g)
		x.lend(g)
	}
}
