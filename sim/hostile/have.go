package hostile

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/multiformats/go-multihash"

	"camswarm/swarm"
)

// haveAll is the kind of the possession message that claims every block of a
// file: the kind and the file's root digest, after their length. Every kind of
// message begins with these 33 bytes.
const haveAll = 1

func claimAll(root [32]byte) []byte { return append([]byte{33, haveAll}, root[:]...) }

// readHaves listens to a victim's possession messages for files to claim.
func (p *Peer) readHaves(s network.Stream) {
	r := bufio.NewReader(s)
	for {
		n, err := binary.ReadUvarint(r)
		if err != nil || n < 33 || n > 1<<20 {
			return
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			return
		}
		p.learn([32]byte(b[1:33]))
	}
}

// claim claims to hold everything of every file that is known, until ctx ends.
func (p *Peer) claim(ctx context.Context, l *line) {
	var s network.Stream
	defer func() {
		if s != nil {
			s.Reset()
		}
	}()
	var again <-chan time.Time
	if p.cfg.Behaviour == Liar {
		t := time.NewTicker(reclaim)
		defer t.Stop()
		again = t.C
	}
	for {
		var todo [][32]byte
		select {
		case <-ctx.Done():
			return
		case root := <-l.roots:
			todo = append(todo, root)
		case <-again:
			todo = p.known()
		}
		for _, root := range todo {
			if s == nil {
				var err error
				if s, err = p.open(ctx, l.id, swarm.HaveProtocol); err != nil {
					if wait(ctx, redial) != nil {
						return
					}
					select {
					case l.roots <- root:
					default:
					}
					s = nil
					continue
				}
			}
			if p.write(ctx, s, claimAll(root)) != nil {
				s = nil
				continue
			}
			p.n.claims.Add(1)
		}
	}
}

// write writes to a stream within a time; it resets the stream on failure.
func (p *Peer) write(ctx context.Context, s network.Stream, b []byte) error {
	defer context.AfterFunc(ctx, func() { s.Reset() })()
	err := s.SetWriteDeadline(time.Now().Add(sendTimeout))
	if err == nil {
		_, err = s.Write(b)
	}
	if err != nil {
		s.Reset()
	}
	return err
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// digest is the SHA-256 digest in a CID.
func digest(c cid.Cid) (d [32]byte, ok bool) {
	mh, err := multihash.Decode(c.Hash())
	if err != nil || mh.Code != multihash.SHA2_256 || len(mh.Digest) != 32 {
		return d, false
	}
	return [32]byte(mh.Digest), true
}
