package p2p

import (
	"context"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// converse has talk speak a protocol with a connected peer, for at most as long as
// limit. The stream ends with it.
func (n *Network) converse(ctx context.Context, p peer.ID, id protocol.ID, limit time.Duration, talk func(network.Stream) error) error {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, string(id)), limit)
	defer cancel()
	s, err := n.host.NewStream(ctx, p, id)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Reset() })
	defer stop()
	defer func() { _ = s.Reset() }()
	return talk(s)
}

// say writes all that this side has to say.
func say(s network.Stream, b []byte) error {
	if _, err := s.Write(b); err != nil {
		return err
	}
	return s.CloseWrite()
}

// attend has answer serve the streams of a protocol, each for at most as long as limit.
// One that was answered is closed, any other reset: over QUIC a reset would overtake
// the answer.
func (n *Network) attend(id protocol.ID, limit time.Duration, answer func(network.Stream) (answered bool)) {
	n.host.SetStreamHandler(id, func(s network.Stream) {
		_ = s.SetDeadline(time.Now().Add(limit))
		if !answer(s) || s.Close() != nil {
			_ = s.Reset()
		}
	})
}

// repeatedly calls round until ctx ends: after first, whenever woken (nil: nothing does)
// says so, and after the time that the round before returned.
func repeatedly(ctx context.Context, first time.Duration, woken <-chan struct{}, round func(context.Context) time.Duration) {
	timer := time.NewTimer(first)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-woken:
		case <-timer.C:
		}
		timer.Reset(round(ctx))
	}
}
