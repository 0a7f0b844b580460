package links

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	manet "github.com/multiformats/go-multiaddr/net"
)

// sockets runs f with bare UDP sockets on all nodes.
func sockets(t *testing.T, topo *Topology, f func(t *testing.T, n *quicNetwork, s []*socket)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network, err := NewQUIC(topo)
		if err != nil {
			t.Fatal(err)
		}
		n := network.(*quicNetwork)
		s := make([]*socket, len(topo.Nodes))
		for i := range s {
			if s[i], err = n.listen(i, &net.UDPAddr{IP: net.IPv4zero, Port: port}); err != nil {
				t.Fatal(err)
			}
		}
		f(t, n, s)
		n.Close()
		for _, s := range s {
			if _, _, err := s.ReadFrom(make([]byte, mtu)); !errors.Is(err, net.ErrClosed) {
				t.Error("read after the network was closed:", err)
			}
		}
	})
}

func put(t *testing.T, from, to *socket, size int) {
	t.Helper()
	addr := *to.addr
	if n := to.core.nodes[to.node]; n.nat != nil {
		addr.IP = n.outside.AsSlice()
	}
	if _, err := from.WriteTo(make([]byte, size), &addr); err != nil {
		t.Fatal(err)
	}
}

// got waits up to a time for packets and returns their number and when the last came.
func got(s *socket, wait time.Duration) (n int, last time.Time) {
	_ = s.SetReadDeadline(time.Now().Add(wait))
	b := make([]byte, mtu)
	for {
		if _, _, err := s.ReadFrom(b); err != nil {
			return n, last
		}
		n, last = n+1, time.Now()
	}
}

func delay(d time.Duration) func(a, b int) time.Duration {
	return func(a, b int) time.Duration { return d }
}

func TestAPacketTakesItsTimeOnTheLines(t *testing.T) {
	// 1250 bytes with headers: 10 ms up, 5 ms down.
	topo := &Topology{Nodes: []Node{{Up: 1e6}, {Down: 2e6}}, Delay: delay(30 * time.Millisecond)}
	sockets(t, topo, func(t *testing.T, n *quicNetwork, s []*socket) {
		start := time.Now()
		for range 10 {
			put(t, s[0], s[1], 1250-overhead)
		}
		count, last := got(s[1], time.Second)
		want := 10*10*time.Millisecond + 30*time.Millisecond + 5*time.Millisecond
		if took := last.Sub(start); count != 10 || took < want || took > want+tick {
			t.Errorf("%d packets took %v, not %v", count, took, want)
		}
		sent, _ := n.Traffic(0)
		_, received := n.Traffic(1)
		if sent != 12500 || received != 12500 {
			t.Errorf("%d bytes sent, %d received", sent, received)
		}
	})
}

func TestPacketsAreLostOnBothLines(t *testing.T) {
	topo := &Topology{Nodes: []Node{{Loss: 0.1}, {Loss: 0.2}}, Seed: 3}
	var counts [2]int
	for i := range counts {
		sockets(t, topo, func(t *testing.T, n *quicNetwork, s []*socket) {
			for range 10000 {
				put(t, s[0], s[1], 10)
			}
			counts[i], _ = got(s[1], time.Second)
			if want := 7200; math.Abs(float64(counts[i]-want)) > 3*45 { // three standard deviations
				t.Errorf("%d of 10000 arrived, not %d or so", counts[i], want)
			}
		})
	}
	if counts[0] != counts[1] {
		t.Errorf("the same seed lost %d and %d", 10000-counts[0], 10000-counts[1])
	}
}

func TestFlowsShareALineFairly(t *testing.T) {
	// Node 0 floods 1 and sends little to 2.
	topo := &Topology{Nodes: []Node{{Up: 10e6}, {}, {}}}
	sockets(t, topo, func(t *testing.T, n *quicNetwork, s []*socket) {
		for range 1000 {
			put(t, s[0], s[1], 1250-overhead)
		}
		for range 20 {
			start := time.Now()
			put(t, s[0], s[2], 100)
			_ = s[2].SetReadDeadline(time.Now().Add(time.Second))
			if _, _, err := s[2].ReadFrom(make([]byte, mtu)); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took > 3*time.Millisecond {
				t.Errorf("a small packet waited %v behind another flow's", took)
			}
		}
	})
}

func TestEqualTransfersEndTogether(t *testing.T) {
	bubble(t, func() *Topology {
		topo := &Topology{Nodes: []Node{{Up: 20e6, Down: 20e6}}, Delay: func(a, b int) time.Duration {
			return time.Duration(max(a, b)) * 10 * time.Millisecond
		}}
		for range 4 {
			topo.Nodes = append(topo.Nodes, Node{Up: 50e6, Down: 50e6})
		}
		return topo
	}, func(t *testing.T, n Network, hosts []host.Host) {
		took := make([]time.Duration, 5)
		var wg sync.WaitGroup
		for i := 1; i < 5; i++ {
			wg.Go(func() {
				err := connect(hosts[0], hosts[i])
				if err == nil {
					took[i], err = push(hosts[0], hosts[i], 2_500_000)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		t.Log(took[1:])
		for _, d := range took[1:] { // 4 s of bytes, with headers
			if d < 3500*time.Millisecond || d > 5*time.Second {
				t.Errorf("transfers that share a line took %v", took[1:])
			}
		}
	})
}

func TestQueuesStayShortUnderABulkTransfer(t *testing.T) {
	bubble(t, func() *Topology {
		return &Topology{Nodes: []Node{{Up: 10e6, Down: 10e6}, {Up: 50e6, Down: 50e6}}, Delay: delay(20 * time.Millisecond)}
	}, func(t *testing.T, n Network, hosts []host.Host) {
		if err := connect(hosts[0], hosts[1]); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			_, err := push(hosts[0], hosts[1], 12_500_000) // 10 s
			done <- err
		}()
		hosts[1].SetStreamHandler("/echo", func(s network.Stream) {
			_, _ = io.Copy(s, s)
			_ = s.Close()
		})
		s, err := hosts[0].NewStream(context.Background(), hosts[1].ID(), "/echo")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		var sum time.Duration
		for range 50 {
			start := time.Now()
			if _, err := s.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(s, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			sum += time.Since(start)
			time.Sleep(100 * time.Millisecond)
		}
		_ = s.Close()
		t.Log(sum / 50)
		if mean := sum / 50; mean < 42*time.Millisecond || mean > 90*time.Millisecond {
			t.Errorf("over a round trip of 40 ms a ping took %v beside a bulk transfer", mean)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestASocketThatIsNotReadHoldsUpNobody(t *testing.T) {
	topo := &Topology{Nodes: []Node{{}, {}, {}}, Delay: delay(time.Millisecond)}
	sockets(t, topo, func(t *testing.T, n *quicNetwork, s []*socket) {
		for range 20000 { // 30 MB
			put(t, s[0], s[1], mtu-overhead)
		}
		start := time.Now()
		put(t, s[0], s[2], 10)
		if count, last := got(s[2], time.Second); count != 1 || last.Sub(start) > 2*time.Millisecond {
			t.Errorf("%d, %v", count, last.Sub(start))
		}
		if count, _ := got(s[1], time.Second); count < 1000 || count > receiveBuffer/mtu {
			t.Errorf("a socket that nobody read held %d packets", count)
		}
	})
}

func TestNATLetsInWhatWasAskedFor(t *testing.T) {
	topo := &Topology{Nodes: []Node{{}, {NAT: PortRestricted}, {}, {NAT: PortRestricted}}, Delay: delay(time.Millisecond)}
	sockets(t, topo, func(t *testing.T, n *quicNetwork, s []*socket) {
		arrives := func(from, to int, want bool) {
			t.Helper()
			put(t, s[from], s[to], 10)
			if count, _ := got(s[to], 10*time.Millisecond); (count == 1) != want {
				t.Errorf("%d packets from %d to %d", count, from, to)
			}
		}
		arrives(0, 1, false)
		arrives(1, 0, true)
		arrives(0, 1, true)
		arrives(2, 1, false) // another node
		other, err := n.listen(0, &net.UDPAddr{IP: net.IPv4zero})
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		put(t, other, s[1], 10) // another port
		if count, _ := got(s[1], 10*time.Millisecond); count != 0 {
			t.Error("let in another port")
		}
		time.Sleep(59 * time.Second)
		arrives(0, 1, true)
		time.Sleep(2 * time.Second)
		arrives(0, 1, false) // what came in does not keep it open
		// Two behind NAT: hole punching.
		arrives(1, 3, false)
		arrives(3, 1, true)
		arrives(1, 3, true)
	})
}

func TestNATForHosts(t *testing.T) {
	bubble(t, func() *Topology {
		return &Topology{Nodes: []Node{{Up: 20e6, Down: 20e6}, {Up: 20e6, Down: 20e6, NAT: PortRestricted}}, Delay: delay(20 * time.Millisecond)}
	}, func(t *testing.T, n Network, hosts []host.Host) {
		if err := connect(hosts[0], hosts[1]); err == nil {
			t.Error("connected to a node behind NAT")
		}
		time.Sleep(10 * time.Second) // libp2p's pause after a failure
		if err := connect(hosts[1], hosts[0]); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := push(hosts[0], hosts[1], 100_000); err != nil {
				t.Error(err)
			}
			time.Sleep(3 * time.Minute) // keep-alives hold the NAT open
		}
	})
}

func TestPartitionAndHeal(t *testing.T) {
	for _, c := range []struct {
		name     string
		cut      time.Duration
		survives bool
	}{{"short", 10 * time.Second, true}, {"long", time.Minute, false}} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func() *Topology {
				return &Topology{Nodes: []Node{{Up: 20e6, Down: 20e6}, {Up: 20e6, Down: 20e6}, {}}, Delay: delay(20 * time.Millisecond)}
			}, func(t *testing.T, n Network, hosts []host.Host) {
				for _, h := range hosts[1:] {
					if err := connect(hosts[0], h); err != nil {
						t.Fatal(err)
					}
				}
				done := make(chan error, 1)
				var took time.Duration
				go func() {
					var err error
					took, err = push(hosts[0], hosts[1], 5_000_000) // 2 s
					done <- err
				}()
				time.Sleep(time.Second)
				n.Cut(func(a, b int) bool { return a == 1 })
				_, before := n.Traffic(1)
				if _, err := push(hosts[0], hosts[2], 1000); err != nil {
					t.Error("the others are cut off too:", err)
				}
				time.Sleep(c.cut)
				if _, now := n.Traffic(1); now != before {
					t.Errorf("%d bytes crossed the cut", now-before)
				}
				n.Cut(nil)
				err := <-done
				t.Log(took, err)
				if (err == nil) != c.survives {
					t.Errorf("after a cut of %v: %v", c.cut, err)
				}
				if err == nil && took > c.cut+15*time.Second {
					t.Errorf("took %v", took)
				}
				if err := connect(hosts[0], hosts[1]); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestASiteSharesItsLine(t *testing.T) {
	bubble(t, func() *Topology {
		return &Topology{
			Nodes: []Node{{Up: 100e6, Down: 100e6}, {Up: 1e9, Down: 1e9, Site: 1}, {Up: 1e9, Down: 1e9, Site: 1}, {Up: 1e9, Down: 1e9, Site: 2, NAT: PortRestricted}, {Up: 1e9, Down: 1e9, Site: 2, NAT: PortRestricted}},
			Sites: []Site{{Up: 10e6, Down: 20e6, Delay: time.Millisecond}, {Delay: time.Millisecond}},
			Delay: delay(20 * time.Millisecond),
		}
	}, func(t *testing.T, n Network, hosts []host.Host) {
		for _, p := range [][2]int{{0, 1}, {0, 2}, {1, 2}, {3, 4}} { // NAT does not stand between the nodes of a site
			if err := connect(hosts[p[0]], hosts[p[1]]); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Second)
		up, down := n.SiteTraffic(1)
		took, err := push(hosts[1], hosts[2], 20_000_000)
		if err != nil {
			t.Fatal(err)
		}
		if took > 2*time.Second {
			t.Errorf("20 MB within the site took %v", took)
		}
		if up2, down2 := n.SiteTraffic(1); up2-up > 20_000 || down2-down > 20_000 {
			t.Errorf("%d bytes up and %d down for traffic within the site", up2-up, down2-down)
		}
		// Two downloads share 20 Mbit/s.
		up, down = n.SiteTraffic(1)
		start := time.Now()
		var wg sync.WaitGroup
		for i := 1; i <= 2; i++ {
			wg.Go(func() {
				if _, err := push(hosts[0], hosts[i], 5_000_000); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took < 4*time.Second || took > 5*time.Second {
			t.Errorf("4 s worth of bytes took %v on the site's line", took)
		}
		up2, down2 := n.SiteTraffic(1)
		if down2-down < 10_000_000 || down2-down > 11_000_000 || up2-up < 10_000 || up2-up > 1_000_000 {
			t.Errorf("%d bytes up and %d down for 10 MB of download", up2-up, down2-down)
		}
		took, err = push(hosts[2], hosts[0], 5_000_000)
		if err != nil {
			t.Fatal(err)
		}
		if took < 4*time.Second || took > 5*time.Second {
			t.Errorf("4 s worth of bytes took %v up the site's line", took)
		}
	})
}

func TestANodeComesBack(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inBubble(t, k, &Topology{Nodes: []Node{{Up: 20e6, Down: 20e6}, {Up: 20e6, Down: 20e6}, {}}, Delay: delay(20 * time.Millisecond)},
					func(t *testing.T, n Network, hosts []host.Host) {
						key := hosts[1].Peerstore().PrivKey(hosts[1].ID())
						if err := connect(hosts[0], hosts[1]); err != nil {
							t.Fatal(err)
						}
						addrs := hosts[1].Addrs()
						for round := range 3 {
							// The second time without a word.
							if round == 1 {
								n.Cut(func(a, b int) bool { return a == 1 })
							}
							hosts[1].Close()
							time.Sleep(time.Second)
							open := hosts[0].Network().Connectedness(hosts[1].ID()) == network.Connected
							if open != (round == 1) {
								t.Errorf("round %d: connected %v", round, open)
							}
							n.Cut(nil)
							h, err := Host(n, 1, key)
							if err != nil {
								t.Fatal(err)
							}
							hosts[1] = h
							if fmt.Sprint(h.Addrs()) != fmt.Sprint(addrs) {
								t.Errorf("%v, once %v", h.Addrs(), addrs)
							}
							if round == 1 {
								// What is sent over the old connection ends it.
								ctx, cancel := context.WithTimeout(context.Background(), time.Second)
								if s, err := hosts[0].NewStream(ctx, h.ID(), "/nothing"); err == nil {
									_ = s.Reset()
								}
								cancel()
								time.Sleep(time.Second)
								if hosts[0].Network().Connectedness(h.ID()) == network.Connected {
									t.Error("the connection to a node that was started anew is open")
								}
							}
							if err := connect(hosts[0], h); err != nil {
								t.Fatal(err)
							}
							if _, err := push(hosts[0], h, 100_000); err != nil {
								t.Error(err)
							}
						}
					})
			})
		})
	}
}

func TestManyHostsAtOnce(t *testing.T) {
	bubble(t, func() *Topology {
		topo := &Topology{Delay: func(a, b int) time.Duration { return time.Duration(a+b) * time.Millisecond }}
		for range 12 {
			topo.Nodes = append(topo.Nodes, Node{Up: 100e6, Down: 100e6, Loss: 0.001})
		}
		return topo
	}, func(t *testing.T, n Network, hosts []host.Host) {
		for _, h := range hosts {
			h.SetStreamHandler(testProtocol, func(s network.Stream) {
				_, _ = io.Copy(s, s)
				_ = s.Close()
			})
		}
		var wg sync.WaitGroup
		for _, a := range hosts {
			for _, b := range hosts {
				if a == b {
					continue
				}
				wg.Go(func() {
					if err := connect(a, b); err != nil {
						t.Error(err)
						return
					}
					for size := range 4 {
						s, err := a.NewStream(context.Background(), b.ID(), testProtocol)
						if err != nil {
							t.Error(err)
							return
						}
						data := []byte(strings.Repeat(string(a.ID()), 1+size*100))
						wg.Go(func() {
							_, _ = s.Write(data)
							_ = s.CloseWrite()
						})
						if got, err := io.ReadAll(s); err != nil || string(got) != string(data) {
							t.Errorf("%d bytes of %d, %v", len(got), len(data), err)
						}
						_ = s.Close()
					}
				})
			}
		}
		wg.Wait()
	})
}

func TestAddresses(t *testing.T) {
	topo := &Topology{Nodes: make([]Node, 3000), Sites: make([]Site, 2)}
	for i := 2000; i < 3000; i++ {
		topo.Nodes[i].Site = 1 + i%2
	}
	if err := topo.validate(); err != nil {
		t.Fatal(err)
	}
	nets := map[netip.Prefix]int{}
	seen := map[netip.Addr]bool{}
	for i, ip := range topo.ips() {
		if seen[ip] || !ip.IsGlobalUnicast() || ip.IsPrivate() || !manet.IsPublicAddr(addrOf(ip)) {
			t.Errorf("node %d: %v", i, ip)
		}
		seen[ip] = true
		p, _ := ip.Prefix(16)
		nets[p]++
		if i == 0 || i == 2000 {
			if topo.IP(i) != ip {
				t.Error(topo.IP(i), ip)
			}
		}
	}
	if len(nets) != 2002 {
		t.Errorf("%d networks of 2000 nodes and 2 sites", len(nets))
	}
	lan := topo.Interfaces(2000)[0].(*net.IPNet)
	for _, c := range []struct {
		node int
		want bool
	}{{2000, true}, {2002, true}, {2998, true}, {2001, false}, {0, false}} {
		if got := lan.Contains(topo.IP(c.node).AsSlice()); got != c.want {
			t.Errorf("node %d is on the network of node 2000: %v", c.node, got)
		}
	}
	if alone := topo.Interfaces(0)[0].(*net.IPNet); alone.Contains(topo.IP(1).AsSlice()) || !alone.Contains(topo.IP(0).AsSlice()) {
		t.Error(alone)
	}
}

func TestTopologiesThatCannotBeBuilt(t *testing.T) {
	for want, topo := range map[string]Topology{
		"node 1 has rates":   {Nodes: []Node{{}, {Up: -1}}},
		"node 0 has rates":   {Nodes: []Node{{Down: math.NaN()}}},
		"at least 1000":      {Nodes: []Node{{Up: 20}}},
		"loses a share of 2": {Nodes: []Node{{Loss: 2}}},
		"in site 1":          {Nodes: []Node{{Site: 1}}},
		"in site -1":         {Nodes: []Node{{Site: -1}}},
		"site 1 has rates":   {Nodes: []Node{{Site: 1}}, Sites: []Site{{Up: math.Inf(1)}}},
		"site 1 has a delay": {Sites: []Site{{Delay: -1}}},
		"there are addresse": {Nodes: make([]Node, 100_000)},
	} {
		for _, k := range kinds {
			if n, err := k.make(&topo); !errors.Is(err, ErrTopology) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: want %q, got %v", k.name, want, err)
				if n != nil {
					n.Close()
				}
			}
		}
	}
}

func TestSocketsKeepTheRules(t *testing.T) {
	sockets(t, &Topology{Nodes: []Node{{}, {}}}, func(t *testing.T, n *quicNetwork, s []*socket) {
		if _, err := s[0].WriteTo(make([]byte, mtu), s[1].addr); err == nil {
			t.Error("sent more than the MTU")
		}
		if _, err := s[0].WriteTo(nil, &net.TCPAddr{}); err == nil {
			t.Error("sent to a TCP address")
		}
		if _, err := s[0].WriteTo(nil, &net.UDPAddr{IP: net.IPv4(9, 9, 9, 9), Port: 1}); err != nil {
			t.Error("to nowhere:", err)
		}
		if _, err := n.listen(0, s[0].addr); err == nil {
			t.Error("two sockets on one port")
		}
		if _, err := n.listen(0, s[1].addr); err == nil {
			t.Error("listens on another's address")
		}
		_ = s[0].SetDeadline(time.Now().Add(-1))
		if _, _, err := s[0].ReadFrom(make([]byte, mtu)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		put(t, s[0], s[0], 10) // to itself
		if count, _ := got(s[0], time.Second); count != 1 {
			t.Error("a packet to itself is lost")
		}
		extra, err := n.listen(1, &net.UDPAddr{IP: net.IPv4zero})
		if err != nil {
			t.Fatal(err)
		}
		failed := make(chan error)
		go func() {
			_, _, err := extra.ReadFrom(make([]byte, mtu))
			failed <- err
		}()
		time.Sleep(time.Second)
		_ = extra.Close()
		if err := <-failed; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if _, err := extra.WriteTo(nil, s[0].addr); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

// A dial that is under way when the network's other side goes must end.
func TestDialsEndWithTheirTransport(t *testing.T) {
	transports(t, func(t *testing.T, n Network, a, b testTransport) {
		done := make(chan error)
		go func() {
			_, err := a.Dial(context.Background(), n.Addr(1), peer.ID(b.id))
			done <- err
		}()
		time.Sleep(100 * time.Millisecond)
		a.close()
		if err := <-done; err == nil {
			t.Error("dialled")
		}
	})
}
