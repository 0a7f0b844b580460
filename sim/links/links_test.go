package links

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

const testProtocol = "/links-test/1"

type kind struct {
	name string
	make func(*Topology) (Network, error)
}

var kinds = []kind{{"quic", NewQUIC}, {"fast", NewFast}}

// bubble runs f over both networks with a host on every node.
func bubble(t *testing.T, topo func() *Topology, f func(t *testing.T, n Network, hosts []host.Host)) {
	t.Helper()
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { inBubble(t, k, topo(), f) })
		})
	}
}

func inBubble(t *testing.T, k kind, topo *Topology, f func(t *testing.T, n Network, hosts []host.Host)) {
	t.Helper()
	time.Sleep(time.Until(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)))
	n, err := k.make(topo)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	hosts := make([]host.Host, len(topo.Nodes))
	for i := range hosts {
		if hosts[i], err = Host(n, i, nil); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		var wg sync.WaitGroup
		for _, h := range hosts {
			wg.Go(func() { h.Close() })
		}
		wg.Wait()
	}()
	f(t, n, hosts)
}

func connect(a, b host.Host) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return a.Connect(ctx, peer.AddrInfo{ID: b.ID(), Addrs: b.Addrs()})
}

// push sends size bytes from a to b over one stream and returns how long it
// took until b's answer was there.
func push(a, b host.Host, size int) (time.Duration, error) {
	b.SetStreamHandler(testProtocol, func(s network.Stream) {
		defer s.Close()
		n, err := io.Copy(io.Discard, s)
		if err == nil {
			fmt.Fprint(s, n)
		}
	})
	start := time.Now()
	s, err := a.NewStream(context.Background(), b.ID(), testProtocol)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	if _, err := s.Write(make([]byte, size)); err != nil {
		return 0, err
	}
	if err := s.CloseWrite(); err != nil {
		return 0, err
	}
	if got, err := io.ReadAll(s); err != nil || string(got) != fmt.Sprint(size) {
		return 0, fmt.Errorf("answered %q, %v", got, err)
	}
	return time.Since(start), nil
}

func TestATransferTakesWhatTheSlowerLineAllows(t *testing.T) {
	for _, rates := range [][2]float64{{20e6, 50e6}, {100e6, 10e6}, {1e6, 0}, {0, 20e6}} {
		t.Run(fmt.Sprint(rates), func(t *testing.T) {
			bubble(t, func() *Topology {
				return &Topology{Nodes: []Node{{Up: rates[0], Down: rates[0]}, {Up: rates[1], Down: rates[1]}}, Delay: func(a, b int) time.Duration { return 10 * time.Millisecond }}
			}, func(t *testing.T, n Network, hosts []host.Host) {
				if err := connect(hosts[0], hosts[1]); err != nil {
					t.Fatal(err)
				}
				slow := min(rates[0], rates[1])
				if slow == 0 {
					slow = max(rates[0], rates[1])
				}
				took, err := push(hosts[0], hosts[1], int(slow)) // 8 s
				if err != nil {
					t.Fatal(err)
				}
				t.Log(took)
				if took < 8*time.Second || took > 9*time.Second {
					t.Errorf("8 s worth of bytes took %v", took)
				}
			})
		})
	}
}

// A connection that has been used finds that the line carries packets of 1441 bytes
// beside IP and UDP, and fills them: where it kept to 1280 headers would take 4.7 % of
// what the blocks take, not 4.2.
func TestPacketsGrowToWhatTheLineCarries(t *testing.T) {
	bubble(t, func() *Topology {
		return &Topology{Nodes: []Node{{Up: 100e6, Down: 100e6}, {Up: 100e6, Down: 100e6}}, Delay: delay(10 * time.Millisecond)}
	}, func(t *testing.T, n Network, hosts []host.Host) {
		if err := connect(hosts[0], hosts[1]); err != nil {
			t.Fatal(err)
		}
		const size = 1 << 20
		for range 10 {
			if _, err := push(hosts[0], hosts[1], size); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		before, _ := n.Traffic(0)
		if _, err := push(hosts[0], hosts[1], size); err != nil {
			t.Fatal(err)
		}
		after, _ := n.Traffic(0)
		if headers := float64(after-before)/size - 1; headers < 0.040 || headers > 0.044 {
			t.Errorf("headers take %.2f %% of the bytes, not 4.0 to 4.4", 100*headers)
		}
	})
}
