package mdns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// packet is what arrived on a socket.
type packet struct {
	data    []byte
	from    netip.Addr
	ifIndex int
}

// A family is IPv4 or IPv6, as far as multicast differs in them.
type family struct {
	network string // of net.ListenUDP
	any     net.IP // a multicast address: package net sets SO_REUSEADDR for it and binds the wildcard address
	group   net.IP // of mDNS
	wrap    func(*net.UDPConn) groupConn
}

var families = []family{
	{"udp4", net.IPv4(224, 0, 0, 0), net.IPv4(224, 0, 0, 251), func(c *net.UDPConn) groupConn { return conn4{ipv4.NewPacketConn(c)} }},
	{"udp6", net.ParseIP("ff02::"), net.ParseIP("ff02::fb"), func(c *net.UDPConn) groupConn { return conn6{ipv6.NewPacketConn(c)} }},
}

// groupConn is a multicast connection; ifIndex is the interface that a packet
// came in by or goes out by, 0 if it is not known.
type groupConn interface {
	setUp() error
	JoinGroup(ifi *net.Interface, group net.Addr) error
	read(b []byte) (n, ifIndex int, from net.Addr, err error)
	write(b []byte, ifIndex int, to net.Addr) error
}

type conn4 struct{ *ipv4.PacketConn }

func (c conn4) setUp() error {
	return errors.Join(c.SetControlMessage(ipv4.FlagInterface, true), c.SetMulticastLoopback(true), c.SetMulticastTTL(255))
}

func (c conn4) read(b []byte) (n, ifIndex int, from net.Addr, err error) {
	n, cm, from, err := c.ReadFrom(b)
	if cm != nil {
		ifIndex = cm.IfIndex
	}
	return n, ifIndex, from, err
}

func (c conn4) write(b []byte, ifIndex int, to net.Addr) error {
	_, err := c.WriteTo(b, &ipv4.ControlMessage{IfIndex: ifIndex}, to)
	return err
}

type conn6 struct{ *ipv6.PacketConn }

func (c conn6) setUp() error {
	return errors.Join(c.SetControlMessage(ipv6.FlagInterface, true), c.SetMulticastLoopback(true), c.SetMulticastHopLimit(255))
}

func (c conn6) read(b []byte) (n, ifIndex int, from net.Addr, err error) {
	n, cm, from, err := c.ReadFrom(b)
	if cm != nil {
		ifIndex = cm.IfIndex
	}
	return n, ifIndex, from, err
}

func (c conn6) write(b []byte, ifIndex int, to net.Addr) error {
	_, err := c.WriteTo(b, &ipv6.ControlMessage{IfIndex: ifIndex}, to)
	return err
}

// socket is a UDP socket of one family of addresses on the mDNS port. The port is
// shared with other responders of the machine.
type socket struct {
	udp   *net.UDPConn
	conn  groupConn
	group *net.UDPAddr
}

func open(f family) (*socket, error) {
	udp, err := net.ListenUDP(f.network, &net.UDPAddr{IP: f.any, Port: port})
	if err != nil {
		return nil, err
	}
	s := &socket{udp: udp, conn: f.wrap(udp), group: &net.UDPAddr{IP: f.group, Port: port}}
	if err := s.conn.setUp(); err != nil {
		return nil, errors.Join(err, udp.Close())
	}
	return s, nil
}

// join joins the group on interfaces; on one where it has joined already, or
// that lacks this family of addresses, the kernel refuses and nothing changes.
func (s *socket) join(interfaces []net.Interface) {
	for i := range interfaces {
		_ = s.conn.JoinGroup(&interfaces[i], s.group)
	}
}

func (s *socket) send(b []byte, ifi net.Interface) error { return s.conn.write(b, ifi.Index, s.group) }

// receive hands on packets until the socket is closed or ctx ends.
func (s *socket) receive(ctx context.Context, out chan<- packet) {
	stop := context.AfterFunc(ctx, func() { _ = s.udp.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	buf := make([]byte, maxPacket+1)
	for {
		n, ifIndex, from, err := s.conn.read(buf)
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
		p := packet{data: slices.Clone(buf[:n]), from: u.AddrPort().Addr().Unmap().WithZone(""), ifIndex: ifIndex}
		select {
		case out <- p:
		case <-ctx.Done():
			return
		}
	}
}
