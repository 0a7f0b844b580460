package swarm

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"github.com/ipfs/boxo/bitswap/message"
	"github.com/libp2p/go-libp2p/core/network"
)

// tape is a stream that plays what a peer has written, a few bytes at a time.
type tape struct {
	network.Stream
	r io.Reader
}

func (t *tape) Read(b []byte) (int, error) { return t.r.Read(b[:min(len(b), 7)]) }
func (t *tape) Reset() error               { return nil }

// Whatever a peer writes: bitswap's reader is given no length over the limit, the
// bytes arrive as they are, and no turn of the peer's is kept.
func FuzzFrames(f *testing.F) {
	var wants, block bytes.Buffer
	_ = wantsOf(nil, 40).ToNetV1(&wants)
	m := message.New(true)
	_ = m.ToNetV1(&block)
	f.Add(append(wants.Bytes(), block.Bytes()...))
	f.Add(binary.AppendUvarint(nil, maxFrame+1))
	f.Add(append(binary.AppendUvarint(nil, maxFrame), 1, 2, 3))
	f.Add([]byte{0, 0, 0, 0x80, 0x00})
	f.Add(bytes.Repeat([]byte{0xff}, 12))
	x, err := NewExchange(nil, DefaultExchangeConfig(), ExchangeOptions{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := newRemotePeer(x, "peer", 1, func() {})
		s := &meteredStream{Stream: &tape{r: bytes.NewReader(data)}, p: p}
		got, buf := []byte(nil), make([]byte, 1<<10)
		for {
			if s.left > maxFrame {
				t.Fatalf("%d bytes are to be read", s.left)
			}
			if len(p.frames) > 1 {
				t.Fatalf("one stream has %d turns", len(p.frames))
			}
			n, err := s.Read(buf)
			got = append(got, buf[:n]...)
			if err != nil {
				break
			}
		}
		if !bytes.HasPrefix(data, got) {
			t.Error("the bytes differ")
		}
		if s.done(); len(p.frames) != 0 {
			t.Error("a turn is kept")
		}
	})
}
