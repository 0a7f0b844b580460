package torrent

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func randomFile(n int) []byte {
	file := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(file)
	return file
}

// memory is what a client without the file has.
type memory struct {
	mu   sync.Mutex
	data []byte
}

func (m *memory) keep(off int, piece []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	copy(m.data[off:], piece)
	return nil
}

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return copy(p, m.data[off:]), nil
}

func (m *memory) is(file []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Equal(m.data, file)
}

// slow is a connection that takes a while for every write, as a line would.
type slow struct {
	net.Conn
	perByte time.Duration
}

func (s slow) Write(b []byte) (int, error) {
	time.Sleep(time.Duration(len(b)) * s.perByte)
	return s.Conn.Write(b)
}

func join(a, b *Client, perByte time.Duration) {
	x, y := net.Pipe()
	a.Add(slow{x, perByte})
	b.Add(slow{y, perByte})
}

type crowd struct {
	file    []byte
	info    *Info
	clients []*Client
	kept    []*memory // of clients[1:]
}

func newCrowd(t *testing.T, n int, cfg Config, size, piece int) *crowd {
	t.Helper()
	c := &crowd{file: randomFile(size)}
	var err error
	if c.info, err = Describe("f", c.file, piece); err != nil {
		t.Fatal(err)
	}
	seed, err := New(c.info, cfg, bytes.NewReader(c.file), nil, rand.New(rand.NewPCG(1, 0)))
	if err != nil {
		t.Fatal(err)
	}
	c.clients = append(c.clients, seed)
	for i := range n {
		m := &memory{data: make([]byte, size)}
		x, err := New(c.info, cfg, m, m.keep, rand.New(rand.NewPCG(1, uint64(i)+1)))
		if err != nil {
			t.Fatal(err)
		}
		c.clients, c.kept = append(c.clients, x), append(c.kept, m)
	}
	return c
}

func (c *crowd) connectAll(perByte time.Duration) {
	for i := range c.clients {
		for j := range i {
			join(c.clients[i], c.clients[j], perByte)
		}
	}
}

func (c *crowd) close() {
	for _, x := range c.clients {
		x.Close()
	}
}

func TestEverybodyGetsTheFile(t *testing.T) {
	for _, choking := range []Choking{TitForTat, Credit, Everybody} {
		for _, size := range []int{1, RequestBytes, 300_001} {
			t.Run(string(choking), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					cfg := DefaultConfig()
					cfg.Choking = choking
					c := newCrowd(t, 8, cfg, size, 32<<10)
					defer c.close()
					c.connectAll(time.Microsecond)
					for _, x := range c.clients[1:] {
						x.Begin()
					}
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
					defer cancel()
					for i, x := range c.clients[1:] {
						if err := x.Wait(ctx); err != nil || !c.kept[i].is(c.file) {
							t.Fatalf("client %d: %v, %+v", i, err, x.Stats())
						}
					}
					if sent := c.clients[0].Stats().Sent; size > RequestBytes && sent >= 8*int64(size) {
						t.Errorf("the seed sent all %d bytes itself", sent)
					}
				})
			})
		}
	}
}

// At most four interested neighbours are served at a time, and the choice changes.
func TestTitForTatServesFour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 12, DefaultConfig(), 8<<20, 256<<10)
		defer c.close()
		c.connectAll(10 * time.Microsecond)
		for _, x := range c.clients[1:] {
			x.Begin()
		}
		everServed := map[*peer]bool{}
		for range 60 {
			time.Sleep(time.Second)
			for _, x := range c.clients {
				x.mu.Lock()
				served := 0
				for _, p := range x.peers {
					if p.interested && !p.choking {
						served++
						everServed[p] = true
					}
				}
				if served > 4 {
					t.Errorf("%d are served", served)
				}
				x.mu.Unlock()
			}
		}
		seed := c.clients[0]
		seed.mu.Lock()
		defer seed.mu.Unlock()
		n := 0
		for _, p := range seed.peers {
			if everServed[p] {
				n++
			}
		}
		if n < 9 {
			t.Errorf("a seed served %d of 12 in a minute: it serves in turn", n)
		}
	})
}

// A neighbour that gives most is served, one that gives nothing waits for its luck.
func TestTitForTatPrefersWhoGives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1, DefaultConfig(), 1<<20, 32<<10)
		defer c.close()
		x := c.clients[1]
		x.mu.Lock()
		for i := range 10 {
			p := &peer{c: x, conn: nothing{}, have: make([]bool, len(x.have)), interested: true, choking: true, out: map[block]bool{}}
			p.wake.L = &x.mu
			x.peers = append(x.peers, p)
			for range i {
				p.down.add(100_000)
			}
		}
		givers := slices.Clone(x.peers[7:])
		x.choose()
		x.mu.Unlock()
		time.Sleep(time.Second) // not at the moment of the choice
		for range 12 {
			time.Sleep(10 * time.Second)
			x.mu.Lock()
			for i, p := range givers {
				p.down.add((i + 8) * 100_000)
				if p.choking {
					t.Error("one of the three that give most is choked")
				}
			}
			x.mu.Unlock()
		}
	})
}

type nothing struct{}

func (nothing) Read([]byte) (int, error)    { return 0, io.EOF }
func (nothing) Write(b []byte) (int, error) { return len(b), nil }
func (nothing) Close() error                { return nil }

// The rarest piece that a neighbour has is asked for, and one that was begun before it.
func TestRarestPieceFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1, DefaultConfig(), 10*32<<10, 32<<10)
		defer c.close()
		x := c.clients[1]
		x.mu.Lock()
		defer x.mu.Unlock()
		for i := range 5 { // beyond the pieces at random
			x.have[i] = true
			x.left--
			x.unasked -= x.info.blocks(i)
		}
		p := &peer{c: x, have: make([]bool, 10), out: map[block]bool{}}
		for i := range p.have {
			p.have[i], x.spread[i] = true, 5
		}
		x.spread[7] = 1
		first, ok := x.next(p)
		if !ok || first != (block{7, 0}) {
			t.Fatalf("%+v is asked for", first)
		}
		x.pieces[7].asked[0]++
		x.unasked--
		x.spread[8], x.spread[7] = 1, 9
		if second, _ := x.next(p); second != (block{7, 1}) {
			t.Errorf("%+v is asked for while a piece is begun", second)
		}
	})
}

// What everybody was asked for is asked of others at the end, and cancelled.
func TestEndGameCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1, DefaultConfig(), RequestBytes, 32<<10)
		defer c.close()
		x := c.clients[1]
		x.Begin()
		var conns []net.Conn
		for range 2 {
			near, far := net.Pipe()
			x.Add(near)
			conns = append(conns, far)
			go func() {
				_, _ = far.Write(append(greeting(c.info.Hash(), [20]byte{}), append(bitfield([]bool{true}), message(unchokeMessage)...)...))
			}()
		}
		got := make([]map[byte]int, 2)
		var wg sync.WaitGroup
		for i, conn := range conns {
			got[i] = map[byte]int{}
			wg.Go(func() {
				head := make([]byte, 68)
				if _, err := io.ReadFull(conn, head); err != nil {
					return
				}
				for {
					var n [4]byte
					if _, err := io.ReadFull(conn, n[:]); err != nil {
						return
					}
					m := make([]byte, binary.BigEndian.Uint32(n[:]))
					if _, err := io.ReadFull(conn, m); err != nil {
						return
					}
					got[i][m[0]]++
				}
			})
		}
		synctest.Wait()
		_, _ = conns[0].Write(append(pieceHead(block{}, RequestBytes), c.file...))
		if err := x.Wait(t.Context()); err != nil || !c.kept[0].is(c.file) {
			t.Error(err)
		}
		synctest.Wait()
		for _, conn := range conns {
			_ = conn.Close()
		}
		wg.Wait()
		if got[0][requestMessage] != 1 || got[1][requestMessage] != 1 || got[1][cancelMessage] != 1 {
			t.Errorf("%v", got)
		}
	})
}

func TestWrongBytesAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1, DefaultConfig(), 100_000, 32<<10)
		defer c.close()
		liar, err := New(c.info, DefaultConfig(), bytes.NewReader(make([]byte, 100_000)), nil, rand.New(rand.NewPCG(2, 2)))
		if err != nil {
			t.Fatal(err)
		}
		defer liar.Close()
		x := c.clients[1]
		x.Begin()
		join(x, liar, time.Microsecond)
		time.Sleep(time.Minute)
		if s := x.Stats(); s.Pieces > 0 || x.Peers() > 0 {
			t.Errorf("%+v, %d neighbours", s, x.Peers())
		}
		join(x, c.clients[0], time.Microsecond)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := x.Wait(ctx); err != nil || !c.kept[0].is(c.file) {
			t.Error(err)
		}
	})
}

// A neighbour that goes takes nothing with it.
func TestANeighbourGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 2, DefaultConfig(), 2_000_000, 32<<10)
		defer c.close()
		other, err := New(c.info, DefaultConfig(), bytes.NewReader(c.file), nil, rand.New(rand.NewPCG(2, 2)))
		if err != nil {
			t.Fatal(err)
		}
		c.connectAll(time.Microsecond)
		join(c.clients[1], other, time.Microsecond)
		for _, x := range c.clients[1:] {
			x.Begin()
		}
		time.Sleep(300 * time.Millisecond)
		other.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for i, x := range c.clients[1:] {
			if err := x.Wait(ctx); err != nil || !c.kept[i].is(c.file) {
				t.Error(err, x.Stats())
			}
		}
	})
}

func TestPieceLengthsAreThoseOfTools(t *testing.T) {
	for length, want := range map[int]int{1: 16 << 10, 2_600_000: 16 << 10, 6_200_000: 32 << 10, 16_000_000: 32 << 10, 256_000_000: 128 << 10, 1_000_000_000: 256 << 10} {
		if got := PieceBytes(length); got != want {
			t.Errorf("%d bytes: pieces of %d, expected %d", length, got, want)
		}
	}
	for _, bad := range []int{1, 100_000, 8 << 10} {
		if _, err := Describe("f", []byte("x"), bad); !errors.Is(err, ErrInfo) {
			t.Error(bad, err)
		}
	}
	if _, err := New(nil, Config{}, nil, nil, nil); !errors.Is(err, ErrConfig) {
		t.Error(err)
	}
}

func FuzzMessages(f *testing.F) {
	f.Add(append(bitfield([]bool{true, true, true, true}), message(unchokeMessage)...))
	f.Add(message(requestMessage, 1, 0, RequestBytes))
	f.Add(append(pieceHead(block{0, 0}, 1), 'x'))
	f.Add(append(message(haveMessage, 3), message(cancelMessage, 1, 0, RequestBytes)...))
	file := randomFile(100_000)
	info, err := Describe("f", file, 32<<10)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		synctest.Test(t, func(t *testing.T) {
			m := &memory{data: make([]byte, len(file))}
			x, err := New(info, DefaultConfig(), m, m.keep, rand.New(rand.NewPCG(1, 1)))
			if err != nil {
				t.Fatal(err)
			}
			x.Begin()
			near, far := net.Pipe()
			x.Add(near)
			go func() { _, _ = io.Copy(io.Discard, far) }()
			_, _ = far.Write(append(greeting(info.Hash(), [20]byte{}), sent...))
			synctest.Wait()
			if s := x.Stats(); s.Pieces > 0 && int64(len(sent)) < int64(RequestBytes) {
				t.Errorf("%d bytes made %d pieces", len(sent), s.Pieces)
			}
			_ = far.Close()
			x.Close()
		})
	})
}
