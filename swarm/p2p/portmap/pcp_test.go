package portmap

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	ma "github.com/multiformats/go-multiaddr"
)

// A pcpServer is a router of PCP that gives out other ports than it is asked for, opens
// pinholes for IPv6, and renews a mapping only for who knows its nonce.
type pcpServer struct {
	gives    time.Duration // at most
	refuses  byte          // with this result code
	refusal  uint32        // for so many seconds
	old      bool          // it speaks NAT-PMP alone
	restarts int           // it loses all before it hears this request

	mu      sync.Mutex
	deaf    bool
	started time.Time
	held    map[string]held // by address, protocol and port
	heard   []time.Time
	suggest []netip.AddrPort
}

type held struct {
	nonce string
	ends  time.Time
}

func newPCPServer() *pcpServer {
	return &pcpServer{gives: time.Hour, started: time.Now(), held: map[string]held{}}
}

func (s *pcpServer) mappings() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.held {
		if time.Now().Before(h.ends) {
			n++
		}
	}
	return n
}

func (s *pcpServer) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.heard)
}

func (s *pcpServer) setDeaf(deaf bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaf = deaf
}

// answer answers a request, or not.
func (s *pcpServer) answer(request []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.heard = append(s.heard, now)
	if len(s.heard) == s.restarts {
		s.started, s.held = now, map[string]held{}
	}
	switch {
	case s.deaf:
		return nil
	case s.old:
		return []byte{0, 0x81, 0, 1, 0, 0, 0, 9}
	}
	p := slices.Clone(request)
	p[1] |= 0x80
	binary.BigEndian.PutUint32(p[8:], uint32(now.Sub(s.started)/time.Second))
	if s.refuses != 0 {
		p[3] = s.refuses
		binary.BigEndian.PutUint32(p[4:], s.refusal)
		return p
	}
	suggested, _ := netip.AddrFromSlice(p[44:60])
	s.suggest = append(s.suggest, netip.AddrPortFrom(suggested.Unmap(), binary.BigEndian.Uint16(p[42:])))
	client := netip.AddrFrom16([16]byte(request[8:24])).Unmap()
	what, nonce := client.String()+string(p[36])+string(p[40:42]), string(p[24:36])
	if h, ok := s.held[what]; ok && now.Before(h.ends) && h.nonce != nonce {
		p[3] = 2
		return p
	}
	lasts := min(s.gives, time.Duration(binary.BigEndian.Uint32(p[4:]))*time.Second)
	s.held[what] = held{nonce, now.Add(lasts)}
	binary.BigEndian.PutUint32(p[4:], uint32(lasts/time.Second))
	if client.Is6() {
		copy(p[44:], client.AsSlice())
		copy(p[42:44], p[40:42])
		return p
	}
	binary.BigEndian.PutUint16(p[42:], binary.BigEndian.Uint16(p[40:])+1000)
	outside := netip.MustParseAddr("::ffff:45.83.1.1").As16()
	copy(p[44:], outside[:])
	return p
}

// piped is a client whose packets go through a pipe, for virtual time.
func (s *pcpServer) piped() *pcp {
	p := newPCP(netip.AddrPort{})
	p.dial = func(_ context.Context, self netip.Addr) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			buf := make([]byte, pcpMaxPacket)
			for {
				n, err := server.Read(buf)
				if err != nil {
					return
				}
				if a := s.answer(buf[:n]); a != nil {
					_, _ = server.Write(a)
				}
			}
		}()
		if !self.IsValid() {
			self = netip.MustParseAddr("192.168.1.2")
		}
		return from{client, self}, nil
	}
	return p
}

type from struct {
	net.Conn
	self netip.Addr
}

func (c from) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(netip.AddrPortFrom(c.self, 40000)) }

// A router that gives less than was asked for has its mappings renewed before they
// end, with their nonces, and back at the end.
func TestPCPKeepsMappings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newPCPServer()
		s.gives = 8 * time.Minute
		m := startMapper(s.piped(), &natPMP{client: &fakeRouter{dead: true}})
		time.Sleep(mapRetry + time.Second)
		for range 60 {
			if r := describe(m); !slices.Equal(r.Mapped, mapped) || !strings.Contains(r.Words, "asked by PCP") {
				t.Fatalf("%+v", r)
			}
			if n := s.mappings(); n != 2 {
				t.Fatalf("the router holds %d mappings", n)
			}
			time.Sleep(time.Minute)
		}
		if n := s.requests(); n != 2*16 {
			t.Errorf("%d requests in an hour; there should be two at first, and every 4 minutes", n)
		}
		if first, last := s.suggest[0].String(), s.suggest[len(s.suggest)-1].String(); first != "0.0.0.0:4417" || last != "45.83.1.1:5417" {
			t.Errorf("it asked for %s and then for %s: first the port it has, then what it got", first, last)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if n := s.mappings(); n != 0 {
			t.Errorf("%d mappings are left behind", n)
		}
		if last := s.suggest[len(s.suggest)-1].String(); last != "0.0.0.0:0" {
			t.Errorf("it gave them back with %s; there should be nothing", last)
		}
	})
}

// A router that lost its state after it renewed one mapping is asked for that again.
func TestPCPRouterRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newPCPServer()
		s.restarts = 4 // the second renewal
		m := startMapper(s.piped())
		time.Sleep(mapRetry + mapLifetime/2 + time.Second)
		if n, asked := s.mappings(), s.requests(); n != 1 || asked != 4 {
			t.Fatalf("%d mappings after %d requests: it should have lost one", n, asked)
		}
		time.Sleep(mapRenewMin)
		if n := s.mappings(); n != 2 {
			t.Errorf("the router holds %d mappings", n)
		}
		_ = m.Close()
	})
}

func TestEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e epoch
		for _, step := range []struct {
			after time.Duration
			count uint32
			lost  bool
		}{
			{0, 1000, false}, // the first is believed
			{time.Second, 1000, false},
			{100 * time.Second, 1100, false},
			{100 * time.Second, 1195, false}, // its clock is slow
			{100 * time.Second, 1200, true},
			{100 * time.Second, 1400, true}, // another router
			{time.Second, 1399, false},
			{time.Second, 1397, true},
			{time.Second, 0, true},
			{time.Second, 1<<32 - 1, true},
		} {
			time.Sleep(step.after)
			if lost := e.lost(step.count); lost != step.lost {
				t.Errorf("%d after %v: lost is %v", step.count, step.after, lost)
			}
		}
	})
}

// A refusal is said in the router's words, and believed for as long as it says, within
// bounds.
func TestPCPRefusal(t *testing.T) {
	for seconds, pause := range map[uint32]time.Duration{0: mapRenewMin, 300: 5 * time.Minute, 1<<32 - 1: mapRetryMax} {
		synctest.Test(t, func(t *testing.T) {
			s := newPCPServer()
			s.refuses, s.refusal = 2, seconds
			m := startMapper(s.piped(), &natPMP{client: &fakeRouter{}})
			time.Sleep(mapRetry + 2*mapRetryMax + time.Second)
			if r := describe(m); len(r.Mapped) != 0 || r.Words != "the router answers by PCP, but forwards no port: not authorized" {
				t.Errorf("%+v", r)
			}
			if n, want := s.requests(), 2*(1+int(2*mapRetryMax/pause)); n != want {
				t.Errorf("refused for %d s it asked %d times in two hours, not %d", seconds, n, want)
			}
			_ = m.Close()
		})
	}
	if words := resultWords(200); words != "result code 200" {
		t.Error(words)
	}
}

// Who is silent is asked thrice, at ever longer intervals, and then by NAT-PMP; who speaks that
// alone says so at once. A router that falls silent later is looked for anew.
func TestPCPFallsBackToNATPMP(t *testing.T) {
	for _, old := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, began := newPCPServer(), time.Now()
			s.old, s.deaf = old, !old
			other := &fakeRouter{started: began, out: [4]byte{45, 83, 1, 1}, ends: map[boundPort]time.Time{}}
			m := startMapper(s.piped(), &natPMP{client: other})
			time.Sleep(mapRetry)
			if !old {
				time.Sleep(pcpTimeout)
				synctest.Wait()
				if len(s.heard) != 3 {
					t.Fatalf("it was asked %d times", len(s.heard))
				}
				for i, want := range []time.Duration{0, pcpRepeat, 3 * pcpRepeat} {
					if off := s.heard[i].Sub(began.Add(mapRetry + want)); off.Abs() > want/5 {
						t.Errorf("asked the %dth time %v from when it should", i+1, off)
					}
				}
			}
			synctest.Wait()
			if r := describe(m); !slices.Equal(r.Mapped, mapped) || !strings.Contains(r.Words, "asked by NAT-PMP") {
				t.Errorf("%+v", r)
			}
			other.mu.Lock()
			other.dead = true
			other.mu.Unlock()
			s.setDeaf(true)
			time.Sleep(mapLifetime)
			if r := describe(m); len(r.Mapped) != 0 || !strings.Contains(r.Words, "no router has answered") {
				t.Errorf("of a router that is gone: %+v", r)
			}
			s.old = false
			s.setDeaf(false)
			time.Sleep(mapRetryMax)
			if r := describe(m); !slices.Equal(r.Mapped, mapped) || !strings.Contains(r.Words, "asked by PCP") {
				t.Errorf("of the router in its place: %+v", r)
			}
			_ = m.Close()
		})
	}
}

// A node that ends waits for no router.
func TestPCPCloseEndsRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newPCPServer()
		s.deaf = true
		m := startMapper(s.piped())
		time.Sleep(mapRetry + time.Second)
		began := time.Now()
		if err := m.Close(); err != nil || s.requests() != 1 || time.Since(began) != 0 {
			t.Errorf("it ended after %v and %d requests: %v", time.Since(began), s.requests(), err)
		}
	})
}

// What comes from elsewhere, or is no answer to the request, maps nothing.
func TestPCPStrayAnswers(t *testing.T) {
	s := newPCPServer()
	at, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = at.Close() }()
	elsewhere, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = elsewhere.Close() }()
	go func() {
		request := make([]byte, pcpMaxPacket)
		n, from, err := at.ReadFromUDPAddrPort(request)
		if err != nil {
			return
		}
		right := s.answer(request[:n])
		// wrong forges an answer that names port 6666.
		wrong := func(forge func(p []byte) []byte) []byte {
			p := slices.Clone(right)
			binary.BigEndian.PutUint16(p[outsidePortAt:], 6666)
			return forge(p)
		}
		flip := func(i int) []byte {
			return wrong(func(p []byte) []byte { p[i] ^= 1; return p })
		}
		_, _ = elsewhere.WriteToUDPAddrPort(wrong(func(p []byte) []byte { return p }), from)
		for _, p := range [][]byte{
			request[:n], flip(0), flip(1), flip(nonceAt), flip(protocolAt - 1), flip(protocolAt), flip(internalPortAt), flip(internalPortAt + 1),
			{}, right[:mapSize-4], wrong(func(p []byte) []byte { return append(p, 0) }),
			wrong(func(p []byte) []byte { return append(p, make([]byte, pcpMaxPacket)...) }),
			right,
		} {
			_, _ = at.WriteToUDPAddrPort(p, from)
		}
	}()
	got, err := newPCP(at.LocalAddr().(*net.UDPAddr).AddrPort()).forward(t.Context(), boundPort{protocol: "udp", port: 4417}, netip.AddrPort{}, time.Minute)
	if err != nil || got.outside.String() != "45.83.1.1:5417" || got.lasts != time.Minute || got.lost {
		t.Errorf("%+v, %v", got, err)
	}
}

// A router's answer without an address that others can dial is a refusal.
func TestPCPUselessAddress(t *testing.T) {
	for _, c := range []struct {
		outside []string
		ports   []boundPort
		at      ma.Multiaddr
	}{
		{[]string{"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "2a0f:83::1"}, forwardable(bound), bound[0]},
		{[]string{"::", "::1", "ff02::1", "fe80::1", "45.83.1.1"}, pierceable(bound, own), bound[3]},
	} {
		for _, outside := range c.outside {
			k := keep(t.Context(), fixed(netip.MustParseAddr(outside)), func() []boundPort { return c.ports })
			if k.GetMapping(c.at) != nil || k.why() == "" {
				t.Errorf("%s is told to others", outside)
			}
			_ = k.Close()
		}
	}
}

// fixed is a router that gives this address for all.
type fixed netip.Addr

func (fixed) String() string { return "" }
func (a fixed) forward(context.Context, boundPort, netip.AddrPort, time.Duration) (grant, error) {
	return grant{outside: netip.AddrPortFrom(netip.Addr(a), 4417), lasts: time.Hour}, nil
}

// The request is that of RFC 6887, sections 7.1 and 11.1.
func TestPCPRequest(t *testing.T) {
	got := mapRequest(netip.MustParseAddr("192.168.1.2"), []byte("twelve bytes"), boundPort{protocol: "udp", port: 4417}, netip.MustParseAddrPort("45.83.1.1:5417"), mapLifetime)
	want := "02010000" + "000004b0" + "00000000000000000000ffffc0a80102" +
		hex.EncodeToString([]byte("twelve bytes")) + "11000000" + "11411529" + "00000000000000000000ffff2d530101"
	if hex.EncodeToString(got) != want {
		t.Errorf("%x\nwant\n%s", got, want)
	}
	b := boundPort{protocol: "tcp", port: 4417, self: own[0]}
	got = mapRequest(own[0], []byte("twelve bytes"), b, netip.AddrPort{}, 0)
	want = "02010000" + "00000000" + "2a0f0083000100000000000000000002" +
		hex.EncodeToString([]byte("twelve bytes")) + "06000000" + "11410000" + strings.Repeat("0", 32)
	if hex.EncodeToString(got) != want {
		t.Errorf("%x\nwant\n%s", got, want)
	}
}

func FuzzMapAnswer(f *testing.F) {
	b := boundPort{protocol: "udp", port: 4417}
	request := mapRequest(netip.MustParseAddr("192.168.1.2"), []byte("twelve bytes"), b, netip.AddrPort{}, mapLifetime)
	s := newPCPServer()
	f.Add(s.answer(request))
	f.Add([]byte{0, 0x81, 0, 1, 0, 0, 0, 9})
	f.Fuzz(func(t *testing.T, p []byte) {
		a, err := readMap(p, request)
		if err != nil {
			if a != (mapAnswer{}) || !errors.Is(err, errStray) && !errors.Is(err, errVersion) {
				t.Errorf("%+v, %v", a, err)
			}
			return
		}
		if a.lasts < 0 || !a.outside.Addr().IsValid() || resultWords(a.result) == "" {
			t.Errorf("%+v", a)
		}
		again := mapRequest(netip.MustParseAddr("192.168.1.2"), p[nonceAt:protocolAt], b, a.outside, a.lasts)
		if !bytes.Equal(again[nonceAt:protocolAt+1], p[nonceAt:protocolAt+1]) || !bytes.Equal(again[internalPortAt:], p[internalPortAt:mapSize]) || !bytes.Equal(again[4:8], p[4:8]) {
			t.Errorf("%x is written as %x", p, again)
		}
	})
}
