package swarm

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ipfs/boxo/bitswap/message"
	"github.com/ipfs/boxo/bitswap/server"
	blocks "github.com/ipfs/go-block-format"
	"github.com/libp2p/go-libp2p/core/peer"
)

// lazyServer is boxo's engine while somebody wants something. The engine wakes ten
// times a second for as long as it exists, which a camera that serves nobody for
// weeks must not pay for: it is made with the first want, and ended when no peer
// has wanted anything for engineIdle. What is lost with it is its count of the bytes
// exchanged with each peer, by which it orders those that wait at one moment.
type lazyServer struct {
	start func() *server.Server

	mu     sync.RWMutex // held for reading in every call of the engine
	engine *server.Server
	peers  map[peer.ID]struct{} // connected
	used   time.Time            // when the last message came; guarded by usedMu
	usedMu sync.Mutex
	check  *time.Timer
	closed bool
	ending sync.WaitGroup
}

func newLazyServer(start func() *server.Server) *lazyServer {
	return &lazyServer{start: start, peers: make(map[peer.ID]struct{})}
}

// PeerConnected tells of a peer that speaks bitswap.
func (l *lazyServer) PeerConnected(id peer.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.peers[id] = struct{}{}
	if l.engine != nil {
		l.engine.PeerConnected(id)
	}
}

// PeerDisconnected tells that a peer has gone, with all that it wanted.
func (l *lazyServer) PeerDisconnected(id peer.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.peers, id)
	if l.engine != nil {
		l.engine.PeerDisconnected(id)
	}
}

// NotifyNewBlocks offers blocks to peers that want them.
func (l *lazyServer) NotifyNewBlocks(ctx context.Context, blks ...blocks.Block) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.engine != nil {
		l.engine.NotifyNewBlocks(ctx, blks...)
	}
}

// ReceivedBlocks counts blocks that a peer sent.
func (l *lazyServer) ReceivedBlocks(from peer.ID, blks []blocks.Block) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.engine != nil {
		l.engine.ReceivedBlocks(from, blks)
	}
}

// ReceiveMessage hands wants to the engine.
func (l *lazyServer) ReceiveMessage(ctx context.Context, p peer.ID, msg message.BitSwapMessage) {
	wants := slices.ContainsFunc(msg.Wantlist(), func(e message.Entry) bool { return !e.Cancel })
	l.mu.RLock()
	defer l.mu.RUnlock()
	for l.engine == nil {
		if !wants {
			return // who has no engine has nothing to cancel
		}
		l.mu.RUnlock()
		ok := l.wake()
		l.mu.RLock()
		if !ok {
			return
		}
	}
	l.usedMu.Lock()
	l.used = time.Now()
	l.usedMu.Unlock()
	l.engine.ReceiveMessage(ctx, p, msg)
}

// wake makes the engine if there is none. It reports false after Close.
func (l *lazyServer) wake() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	if l.engine == nil {
		l.engine = l.start()
		for id := range l.peers {
			l.engine.PeerConnected(id)
		}
		l.check = time.AfterFunc(engineIdle, l.rest)
	}
	return true
}

// rest ends the engine if nobody has wanted anything for a while, and looks again
// later otherwise.
func (l *lazyServer) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.engine == nil {
		return
	}
	l.usedMu.Lock()
	left := engineIdle - time.Since(l.used)
	l.usedMu.Unlock()
	if left <= 0 && l.wanted() {
		left = engineIdle
	}
	if left > 0 {
		l.check.Reset(left)
		return
	}
	old := l.engine
	l.engine = nil
	l.ending.Go(old.Close)
}

// wanted reports whether a peer waits for something. The caller holds mu.
func (l *lazyServer) wanted() bool {
	st, err := l.engine.Stat()
	return err != nil || slices.ContainsFunc(st.Peers, func(text string) bool {
		id, err := peer.Decode(text)
		return err != nil || len(l.engine.WantlistForPeer(id)) > 0
	})
}

// Close ends the engine and waits for what it does.
func (l *lazyServer) Close() {
	l.mu.Lock()
	l.closed = true
	old := l.engine
	l.engine = nil
	if l.check != nil {
		l.check.Stop()
	}
	l.mu.Unlock()
	if old != nil {
		old.Close()
	}
	l.ending.Wait()
}
