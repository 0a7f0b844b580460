package p2p

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Discovery on the local network is multicast DNS (RFC 6762) in the form of the
// libp2p specification, discovery/mdns: a query for the PTR records of a
// service, and answers whose TXT record holds "dnsaddr=" multiaddrs. The
// service is the project's own, so that nothing else on the LAN is met.
//
// go-libp2p's own service is not used: it cannot be confined to interfaces,
// looks at them once at start, gives up where IPv6 is missing, remembers
// everything that anybody on the LAN sends, and brings a DNS library along.

// mdnsService is the name that is asked for in an open swarm.
const mdnsService = "_camswarm._udp.local."

// Limits of mDNS.
const (
	mdnsPort = 5353
	// maxMDNSPacket is the largest packet of RFC 6762, section 17.
	maxMDNSPacket = 9000
	// maxMDNSRecords bounds the records that are looked at in one packet.
	maxMDNSRecords = 64
	// maxMDNSAddrs bounds the addresses we send, and those of one peer that we
	// take, so that a packet stays below an Ethernet frame.
	maxMDNSAddrs = 8
	// maxMDNSPeers bounds the peers of one packet.
	maxMDNSPeers = 8
	// mdnsTTL is how long an answer may be believed, in seconds.
	mdnsTTL = 120

	// mdnsQueryFirst to mdnsQueryLonely are the pauses between queries: doubling,
	// and with enough neighbours only every mdnsQueryFed, because each query is
	// answered by every camera of the site.
	mdnsQueryFirst  = 2 * time.Second
	mdnsQueryLonely = time.Minute
	mdnsQueryFed    = 5 * time.Minute
	// mdnsAnswerGap is the least time between two answers on one interface. All
	// hear each, so that one in this time is enough for however many ask.
	mdnsAnswerGap = 10 * time.Second
	// mdnsAnswerSpread delays answers at random, so that the cameras of a site
	// do not all send at once.
	mdnsAnswerSpread = 200 * time.Millisecond
	// mdnsRescan is how often interfaces are looked at again.
	mdnsRescan = time.Minute
)

// runMDNS looks for peers and answers until ctx ends.
func (n *Network) runMDNS(ctx context.Context) {
	var sockets []*mdnsSocket
	for _, open := range []func() (*mdnsSocket, error){openMDNS4, openMDNS6} {
		s, err := open()
		if err != nil {
			n.log.Debug("no mDNS over one family of addresses", "err", err)
			continue
		}
		sockets = append(sockets, s)
	}
	if len(sockets) == 0 {
		n.log.Warn("mDNS is not possible on this machine; peers on the LAN must be static or found by the DHT")
		return
	}

	packets := make(chan mdnsPacket)
	var readers sync.WaitGroup
	defer readers.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, s := range sockets {
		defer func() { _ = s.Close() }()
		readers.Go(func() { s.read(ctx, packets) })
	}

	service := n.members.mdnsService()
	instance := rand.Text() + "." + service
	var (
		interfaces []net.Interface
		answerAt   = map[int]time.Time{} // by interface: an answer is due
		answered   = map[int]time.Time{}
		pause      = mdnsQueryFirst
		query      = time.NewTimer(n.spread(mdnsAnswerSpread))
		answer     = time.NewTimer(time.Hour)
		scan       = time.NewTimer(0)
	)
	defer query.Stop()
	defer answer.Stop()
	defer scan.Stop()
	question := mdnsQuery(service)
	for {
		select {
		case <-ctx.Done():
			return

		case <-scan.C:
			scan.Reset(mdnsRescan)
			before := len(interfaces)
			interfaces = n.mdnsInterfaces()
			for _, s := range sockets {
				s.join(interfaces)
			}
			if len(interfaces) > before { // a network came up: be heard on it
				pause = mdnsQueryFirst
				query.Reset(n.spread(mdnsAnswerSpread))
				for _, ifi := range interfaces {
					answerAt[ifi.Index] = time.Now().Add(n.spread(mdnsAnswerSpread))
				}
				answer.Reset(mdnsAnswerSpread)
			}

		case <-query.C:
			for _, ifi := range interfaces {
				n.mdnsSend(sockets, question, ifi)
			}
			query.Reset(n.spread(pause))
			pause = min(2*pause, mdnsQueryLonely)
			if pause == mdnsQueryLonely && !n.mesh().small(n.limits) {
				pause = mdnsQueryFed
			}

		case p := <-packets:
			i := slices.IndexFunc(interfaces, func(ifi net.Interface) bool { return ifi.Index == p.ifIndex })
			if i < 0 || !n.links.onIP(p.from) {
				continue // not an interface of ours, or routed here from elsewhere
			}
			asked, infos, err := parseMDNS(service, p.data)
			if err != nil {
				continue
			}
			for _, info := range infos {
				info.Addrs = slices.DeleteFunc(info.Addrs, func(a ma.Multiaddr) bool { return !n.links.on(a) })
				n.discovered(info, sourceLAN)
			}
			if asked && answerAt[p.ifIndex].IsZero() {
				at := time.Now().Add(n.spread(mdnsAnswerSpread / 2))
				if next := answered[p.ifIndex].Add(mdnsAnswerGap); next.After(at) {
					at = next
				}
				answerAt[p.ifIndex] = at
				answer.Reset(0)
			}

		case <-answer.C:
			wait := time.Hour
			for _, ifi := range interfaces {
				at := answerAt[ifi.Index]
				if at.IsZero() {
					continue
				}
				if left := time.Until(at); left > 0 {
					wait = min(wait, left)
					continue
				}
				delete(answerAt, ifi.Index)
				answered[ifi.Index] = time.Now()
				if b, err := mdnsAnswer(service, instance, n.host.ID(), n.addrsOn(ifi)); err == nil {
					n.mdnsSend(sockets, b, ifi)
				}
			}
			answer.Reset(wait)
		}
	}
}

func (n *Network) mdnsSend(sockets []*mdnsSocket, b []byte, ifi net.Interface) {
	for _, s := range sockets {
		if err := s.send(b, ifi); err != nil {
			n.log.Debug("mDNS send", "interface", ifi.Name, "err", err)
		}
	}
}

// mdnsInterfaces lists the interfaces to use now.
func (n *Network) mdnsInterfaces() []net.Interface {
	all, err := net.Interfaces()
	if err != nil {
		n.log.Debug("cannot list interfaces", "err", err)
		return nil
	}
	return slices.DeleteFunc(all, func(ifi net.Interface) bool {
		if ifi.Flags&net.FlagUp == 0 {
			return true
		}
		if len(n.cfg.MDNSInterfaces) > 0 {
			return !slices.Contains(n.cfg.MDNSInterfaces, ifi.Name)
		}
		return ifi.Flags&net.FlagMulticast == 0 || ifi.Flags&net.FlagLoopback != 0
	})
}

// addrsOn returns the listen addresses that can be reached through an
// interface: a camera with a cable and Wi-Fi says on each only what is there.
func (n *Network) addrsOn(ifi net.Interface) []ma.Multiaddr {
	own, err := ifi.Addrs()
	if err != nil {
		return nil
	}
	all, err := n.host.Network().InterfaceListenAddresses()
	if err != nil {
		return nil
	}
	var out []ma.Multiaddr
	for _, a := range all {
		ip, err := manet.ToIP(a)
		if err != nil || ip.IsLinkLocalUnicast() && ip.To4() == nil { // means nothing without a zone
			continue
		}
		if slices.ContainsFunc(own, func(o net.Addr) bool { p, ok := o.(*net.IPNet); return ok && p.IP.Equal(ip) }) {
			out = append(out, a)
		}
	}
	return out
}

func mdnsQuery(service string) []byte {
	m := dnsmessage.Message{Questions: []dnsmessage.Question{{
		Name: dnsmessage.MustNewName(service), Type: dnsmessage.TypePTR, Class: dnsmessage.ClassINET,
	}}}
	b, err := m.Pack()
	if err != nil {
		panic(err) // it is constant
	}
	return b
}

var errNoMDNSAddrs = errors.New("no address to tell")

func mdnsAnswer(service, instance string, id peer.ID, addrs []ma.Multiaddr) ([]byte, error) {
	var txt []string
	for _, a := range addrs {
		if s := fmt.Sprintf("dnsaddr=%s/p2p/%s", a, id); len(s) <= 255 && len(txt) < maxMDNSAddrs {
			txt = append(txt, s)
		}
	}
	if len(txt) == 0 {
		return nil, errNoMDNSAddrs
	}
	name, err := dnsmessage.NewName(instance)
	if err != nil {
		return nil, err
	}
	m := dnsmessage.Message{
		Header: dnsmessage.Header{Response: true, Authoritative: true},
		Answers: []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(service), Class: dnsmessage.ClassINET, TTL: mdnsTTL},
			Body:   &dnsmessage.PTRResource{PTR: name},
		}},
		Additionals: []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: mdnsTTL},
			Body:   &dnsmessage.TXTResource{TXT: txt},
		}},
	}
	return m.Pack()
}

var errBadMDNS = errors.New("malformed mDNS packet")

// parseMDNS reads a packet from the LAN: whether it asks for our service, and
// the peers that it tells of. Everything else in it is skipped.
func parseMDNS(service string, packet []byte) (asked bool, peers []peer.AddrInfo, err error) {
	if len(packet) > maxMDNSPacket {
		return false, nil, errBadMDNS
	}
	var p dnsmessage.Parser
	header, err := p.Start(packet)
	if err != nil {
		return false, nil, fmt.Errorf("%w: %w", errBadMDNS, err)
	}
	for range maxMDNSRecords {
		q, err := p.Question()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil {
			return false, nil, fmt.Errorf("%w: %w", errBadMDNS, err)
		}
		if (q.Type == dnsmessage.TypePTR || q.Type == dnsmessage.TypeALL) && strings.EqualFold(q.Name.String(), service) {
			asked = true
		}
	}
	if !header.Response {
		return asked, nil, nil
	}
	if err := p.SkipAllQuestions(); err != nil {
		return false, nil, fmt.Errorf("%w: %w", errBadMDNS, err)
	}
	var addrs []ma.Multiaddr
	for _, section := range []struct {
		header func() (dnsmessage.ResourceHeader, error)
		skip   func() error
	}{{p.AnswerHeader, p.SkipAnswer}, {p.AuthorityHeader, p.SkipAuthority}, {p.AdditionalHeader, p.SkipAdditional}} {
		for records := 0; ; records++ {
			h, err := section.header()
			if errors.Is(err, dnsmessage.ErrSectionDone) {
				break
			}
			if err != nil {
				return false, nil, fmt.Errorf("%w: %w", errBadMDNS, err)
			}
			if records >= maxMDNSRecords {
				return false, nil, errBadMDNS
			}
			if h.Type != dnsmessage.TypeTXT || !strings.HasSuffix(strings.ToLower(h.Name.String()), "."+service) {
				if err := section.skip(); err != nil {
					return false, nil, fmt.Errorf("%w: %w", errBadMDNS, err)
				}
				continue
			}
			txt, err := p.TXTResource()
			if err != nil {
				return false, nil, fmt.Errorf("%w: %w", errBadMDNS, err)
			}
			for _, s := range txt.TXT {
				s, ok := strings.CutPrefix(s, "dnsaddr=")
				if !ok || len(addrs) >= maxMDNSPeers*maxMDNSAddrs {
					continue
				}
				if a, err := ma.NewMultiaddr(s); err == nil && direct(a) && transportOf(a) != transportOther {
					addrs = append(addrs, a)
				}
			}
		}
	}
	peers, err = peer.AddrInfosFromP2pAddrs(addrs...)
	if err != nil {
		return false, nil, fmt.Errorf("%w: %w", errBadMDNS, err)
	}
	peers = slices.DeleteFunc(peers, func(i peer.AddrInfo) bool { return i.ID == "" || len(i.Addrs) == 0 })
	for i := range peers {
		peers[i].Addrs = peers[i].Addrs[:min(len(peers[i].Addrs), maxMDNSAddrs)]
	}
	return false, peers[:min(len(peers), maxMDNSPeers)], nil
}

// mdnsPacket is what arrived on a socket.
type mdnsPacket struct {
	data    []byte
	from    netip.Addr
	ifIndex int
}

// mdnsSocket is a UDP socket of one family of addresses on the mDNS port. The
// port is shared with other responders of the machine.
type mdnsSocket struct {
	*net.UDPConn
	joinGroup func(*net.Interface) error
	writeTo   func([]byte, *net.Interface) error
	readFrom  func([]byte) (n, ifIndex int, from net.Addr, err error)
}

func openMDNS4() (*mdnsSocket, error) {
	group := &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: mdnsPort}
	// The multicast address makes package net set SO_REUSEADDR and bind the
	// wildcard address.
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(224, 0, 0, 0), Port: mdnsPort})
	if err != nil {
		return nil, err
	}
	p := ipv4.NewPacketConn(conn)
	err = errors.Join(p.SetControlMessage(ipv4.FlagInterface, true), p.SetMulticastLoopback(true), p.SetMulticastTTL(255))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &mdnsSocket{
		UDPConn:   conn,
		joinGroup: func(ifi *net.Interface) error { return p.JoinGroup(ifi, group) },
		writeTo: func(b []byte, ifi *net.Interface) error {
			_, err := p.WriteTo(b, &ipv4.ControlMessage{IfIndex: ifi.Index}, group)
			return err
		},
		readFrom: func(b []byte) (int, int, net.Addr, error) {
			n, cm, from, err := p.ReadFrom(b)
			if cm == nil {
				return n, 0, from, err
			}
			return n, cm.IfIndex, from, err
		},
	}, nil
}

func openMDNS6() (*mdnsSocket, error) {
	group := &net.UDPAddr{IP: net.ParseIP("ff02::fb"), Port: mdnsPort}
	conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.ParseIP("ff02::"), Port: mdnsPort})
	if err != nil {
		return nil, err
	}
	p := ipv6.NewPacketConn(conn)
	err = errors.Join(p.SetControlMessage(ipv6.FlagInterface, true), p.SetMulticastLoopback(true), p.SetMulticastHopLimit(255))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &mdnsSocket{
		UDPConn:   conn,
		joinGroup: func(ifi *net.Interface) error { return p.JoinGroup(ifi, group) },
		writeTo: func(b []byte, ifi *net.Interface) error {
			_, err := p.WriteTo(b, &ipv6.ControlMessage{IfIndex: ifi.Index}, group)
			return err
		},
		readFrom: func(b []byte) (int, int, net.Addr, error) {
			n, cm, from, err := p.ReadFrom(b)
			if cm == nil {
				return n, 0, from, err
			}
			return n, cm.IfIndex, from, err
		},
	}, nil
}

// join joins the group on interfaces; on one where it has joined already, or
// that lacks this family of addresses, the kernel refuses and nothing changes.
func (s *mdnsSocket) join(interfaces []net.Interface) {
	for i := range interfaces {
		_ = s.joinGroup(&interfaces[i])
	}
}

func (s *mdnsSocket) send(b []byte, ifi net.Interface) error { return s.writeTo(b, &ifi) }

// read hands on packets until the socket is closed or ctx ends.
func (s *mdnsSocket) read(ctx context.Context, out chan<- mdnsPacket) {
	stop := context.AfterFunc(ctx, func() { _ = s.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	buf := make([]byte, maxMDNSPacket+1)
	for {
		n, ifIndex, from, err := s.readFrom(buf)
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			select { // a passing fault must not spin
			case <-ctx.Done():
				return
			case <-time.After(time.Second):
				continue
			}
		}
		u, ok := from.(*net.UDPAddr)
		if !ok {
			continue
		}
		p := mdnsPacket{data: slices.Clone(buf[:n]), from: u.AddrPort().Addr().Unmap().WithZone(""), ifIndex: ifIndex}
		select {
		case out <- p:
		case <-ctx.Done():
			return
		}
	}
}
