package announce

import (
	"encoding/binary"
	"testing"

	"camswarm/verify"
)

// BenchmarkThreatGossipFlood is what one hostile announcement costs a node, from
// the decoder to the verdict, by kind. None costs a look at the chain; each names
// how many it took.
func BenchmarkThreatGossipFlood(b *testing.B) {
	m := newMaker(b, "ucam-2")
	one, two, three := m.genuine(b, 1), m.genuine(b, 2), m.genuine(b, 3)
	unsigned := m.release(b, 3, 40<<10, verify.MinBlockSize)
	big := m.release(b, 3, 64<<20, verify.MinBlockSize, m.keys...)
	for _, c := range []struct {
		name string
		raw  func(i uint64) []byte
	}{
		{"malformed", func(i uint64) []byte { return binary.BigEndian.AppendUint64(nil, i) }},
		{"replay", func(i uint64) []byte {
			a := m.news(one, 2)
			a.Block = i
			return encode(b, a)
		}},
		{"unsigned", func(i uint64) []byte {
			a := m.news(unsigned, 4)
			a.Block = i
			return encode(b, a)
		}},
		{"wrong-signature", func(i uint64) []byte { return encode(b, m.news(spoilt(three, i), 4)) }},
		{"wrong-signature-140kB", func(i uint64) []byte { return encode(b, m.news(spoilt(big, i), 4)) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			n := newNet(b)
			stranger := n.host()
			g, err := New(n.host(), DefaultConfig(), Options{})
			if err != nil {
				b.Fatal(err)
			}
			chain, v := newChain(m.view(3, 2, two, one)), m.verifier
			fresh := func() *subject {
				s, err := newSubject(Subject{Product: v.Product, Verifier: &v, Chain: chain, Accepted: func(a Accepted) {
					if a.Sequence != 1 {
						b.Errorf("accepted release %d", a.Sequence)
					}
				}})
				if err != nil {
					b.Fatal(err)
				}
				g.judge(b.Context(), s, stranger.ID(), encode(b, m.news(one, 2)), viaGossip) // news once, then replays
				return s
			}
			s := fresh()
			raws := make([][]byte, 256)
			for i := range raws {
				raws[i] = c.raw(uint64(i))
			}
			b.SetBytes(int64(len(raws[0])))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				raw := raws[i%len(raws)]
				if d, _ := g.judge(b.Context(), s, stranger.ID(), raw, viaGossip); d == accept || d == hold {
					b.Fatalf("verdict %s", d)
				}
				if i%len(raws) == len(raws)-1 {
					b.StopTimer()
					s = fresh() // forgets what it has seen, as a flood of ever new messages makes it
					b.StartTimer()
				}
			}
			b.ReportMetric(float64(chain.count())/float64(b.N), "looks/op")
		})
	}
}

// spoilt is a release with one byte of a signature changed, each time another envelope.
func spoilt(p pack, i uint64) pack {
	e := append([]byte(nil), p.envelope...)
	binary.BigEndian.PutUint16(e[len(e)-8:], uint16(i)^0x5aa5)
	p.envelope = e
	return p
}
