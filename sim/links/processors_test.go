package links

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/transport"
)

// Nothing that is written to a stream is lost, and nobody who waits is forgotten,
// however many processors the goroutines of a bubble run on: streams with readers
// and writers of every temper, in many bubbles, while the collector stops the world
// again and again. LINKS_BUBBLES (default 12) makes it a stress test: thousands
// have been run.
func TestEveryByteArrivesOnSeveralProcessors(t *testing.T) {
	bubbles := 12
	if n, err := strconv.Atoi(os.Getenv("LINKS_BUBBLES")); err == nil {
		bubbles = n
	}
	if !raceEnabled { // on several, timers of a bubble break the race detector (golang/go#78156)
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	}
	stop, noise := make(chan struct{}), sync.WaitGroup{}
	defer noise.Wait()
	defer close(stop)
	noise.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	for i := range bubbles {
		synctest.Test(t, func(t *testing.T) {
			topo := pairTopology()
			if i%3 == 2 {
				topo.Nodes[0].Loss, topo.Seed = 0.02, uint64(i)
			}
			n, err := NewFast(topo)
			if err != nil {
				t.Fatal(err)
			}
			defer n.Close()
			a, b := newTransport(t, n, 0, nil, nil), newTransport(t, n, 1, nil, nil)
			defer a.close()
			defer b.close()
			l, err := b.Listen(n.Addr(1))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			x, err := a.Dial(context.Background(), n.Addr(1), b.id)
			if err != nil {
				t.Fatal(err)
			}
			defer x.Close()
			y, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer y.Close()
			everyByte(t, uint64(i), x, y)
		})
	}
}

// everyByte has both sides open streams and compares what comes out of them with
// what was put in. A stream carries a sum and the bytes that have it.
func everyByte(t *testing.T, seed uint64, x, y transport.CapableConn) {
	t.Helper()
	const streams, patience = 12, 10 * time.Minute
	ends := time.Now().Add(patience)
	var w sync.WaitGroup
	for side, c := range []transport.CapableConn{x, y} {
		w.Go(func() {
			for range streams {
				s, err := c.AcceptStream()
				if err != nil {
					t.Error(err)
					return
				}
				w.Go(func() {
					if err := readAll(s, seed, ends); err != nil {
						t.Errorf("bubble %d, side %d: %v", seed, side, err)
					}
				})
			}
		})
		for k := range streams {
			w.Go(func() {
				if err := writeAll(c, rand.New(rand.NewPCG(seed, uint64(100*side+k))), ends); err != nil {
					t.Errorf("bubble %d, side %d: %v", seed, side, err)
				}
			})
		}
	}
	w.Wait()
}

// writeAll writes in pieces of all sizes, with pauses and deadlines.
func writeAll(c transport.CapableConn, r *rand.Rand, ends time.Time) error {
	time.Sleep(time.Duration(r.IntN(50)) * time.Millisecond)
	s, err := c.OpenStream(context.Background())
	if err != nil {
		return err
	}
	data := make([]byte, 1+r.IntN(150_000))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	sum := sha256.Sum256(data)
	for rest := append(sum[:], data...); len(rest) > 0; {
		n := min(len(rest), 1+r.IntN([]int{40, 1500, 70_000}[r.IntN(3)]))
		if r.IntN(3) == 0 {
			time.Sleep(time.Duration(r.IntN(30)) * time.Millisecond)
		}
		deadline := ends
		if r.IntN(3) == 0 {
			deadline = time.Now().Add(time.Duration(r.IntN(20)) * time.Millisecond)
		}
		if err := s.SetWriteDeadline(deadline); err != nil {
			return err
		}
		m, err := s.Write(rest[:n])
		rest = rest[m:]
		if err != nil && !(errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(ends)) {
			return fmt.Errorf("%d bytes are still to be written: %w", len(rest), err)
		}
	}
	if err := s.CloseWrite(); err != nil {
		return err
	}
	// The other side answers with one byte when it has read everything.
	if err := s.SetReadDeadline(ends); err != nil {
		return err
	}
	if b, err := io.ReadAll(s); err != nil || len(b) != 1 {
		return fmt.Errorf("no answer to %d bytes, but %d bytes, %w", len(data), len(b), err)
	}
	return s.Close()
}

// readAll reads in pieces of all sizes, with pauses and deadlines.
func readAll(s network.MuxedStream, seed uint64, ends time.Time) error {
	r := rand.New(rand.NewPCG(seed, rand.Uint64()))
	var all bytes.Buffer
	for buf := make([]byte, 70_000); ; {
		if r.IntN(4) == 0 {
			time.Sleep(time.Duration(r.IntN(30)) * time.Millisecond)
		}
		deadline := ends
		if r.IntN(3) == 0 {
			deadline = time.Now().Add(time.Duration(r.IntN(20)) * time.Millisecond)
		}
		if err := s.SetReadDeadline(deadline); err != nil {
			return err
		}
		n, err := s.Read(buf[:1+r.IntN([]int{40, 1500, 70_000}[r.IntN(3)])])
		all.Write(buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil && !(errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(ends)) {
			return fmt.Errorf("after %d bytes: %w", all.Len(), err)
		}
	}
	var want [sha256.Size]byte
	if all.Len() <= len(want) {
		return fmt.Errorf("%d bytes came", all.Len())
	}
	copy(want[:], all.Next(len(want)))
	if sha256.Sum256(all.Bytes()) != want {
		return fmt.Errorf("%d other bytes came than were sent", all.Len())
	}
	if err := s.SetWriteDeadline(ends); err != nil {
		return err
	}
	if _, err := s.Write([]byte("!")); err != nil {
		return err
	}
	return s.Close()
}

// The end of a stream is no data: it does not wait behind a stream whose reader
// has left the connection's window full.
func TestAnEndComesThroughAFullWindow(t *testing.T) {
	conns(t, func(t *testing.T, x, y transport.CapableConn) {
		var w sync.WaitGroup
		defer w.Wait()
		for range 2 { // one alone fills its own window only
			full, err := x.OpenStream(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = full.Reset() }()
			w.Go(func() {
				if _, err := full.Write(make([]byte, 40<<20)); err == nil {
					t.Error("40 MB were written and nobody has read them")
				}
			})
		}
		time.Sleep(time.Minute)
		short, err := x.OpenStream(context.Background())
		if err == nil {
			err = short.CloseWrite()
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := y.AcceptStream(); err != nil {
				t.Fatal(err)
			}
		}
		type accepted struct {
			s   network.MuxedStream
			err error
		}
		third := make(chan accepted, 1)
		go func() {
			s, err := y.AcceptStream()
			third <- accepted{s, err}
		}()
		var s network.MuxedStream
		select {
		case a := <-third:
			s, err = a.s, a.err
		case <-time.After(time.Second): // a ping of the connection would let it slip through later
			t.Fatal("the stream did not come")
		}
		if err == nil {
			err = s.SetReadDeadline(time.Now().Add(time.Minute))
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("got %v, want the end of the stream", err)
		}
	})
}

// Somebody else answers a dialler that has just given up. The network must not
// stand still for it.
func TestAWrongAnswerToADiallerThatHasGoneStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, err := NewFast(pairTopology())
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		a, b := newTransport(t, n, 0, nil, nil), newTransport(t, n, 1, nil, nil)
		defer a.close()
		defer b.close()
		l, err := b.Listen(n.Addr(1))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		c := n.(*fastNetwork).core
		c.mu.Lock()
		s, err := a.Transport.(*fastTransport).dialer()
		if err != nil {
			t.Fatal(err)
		}
		c.run()
		x := newFastConn(s, 1, port, network.DirOutbound)
		x.scope, x.remoteID, x.remote = &network.NullScope{}, a.id, n.Addr(1) // b is there
		x.dialed = make(chan error, 1)                                        // nobody reads it
		x.hello(true, 0)
		c.arm()
		c.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
		if !c.mu.TryLock() {
			t.Error("the network stands still")
			<-x.dialed
			return
		}
		c.mu.Unlock()
		if err := <-x.dialed; err == nil {
			t.Error("connected to somebody else")
		}
	})
}
