package portmap

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"os"
	"time"
)

// pcp is a router that speaks PCP (RFC 6887), of which MAP is used: it forwards ports of
// IPv4, and of IPv6 opens pinholes in its firewall.
type pcp struct {
	// dial returns a connected socket, which takes packets from the router alone, and
	// tells whether its port is closed. It sends from this address, if that is valid.
	dial  func(ctx context.Context, self netip.Addr) (net.Conn, error)
	nonce []byte
	epoch epoch
}

var _ router = (*pcp)(nil)

func newPCP(at netip.AddrPort) *pcp {
	r := &pcp{nonce: make([]byte, 12), dial: func(ctx context.Context, self netip.Addr) (net.Conn, error) {
		var d net.Dialer
		if self.IsValid() { // by itself it would be a link-local one, as the router's is
			d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(self, 0))
		}
		return d.DialContext(ctx, "udp", at.String())
	}}
	_, _ = rand.Read(r.nonce) // never fails
	return r
}

func (r *pcp) String() string { return "PCP" }

// forward implements router.
func (r *pcp) forward(ctx context.Context, b boundPort, want netip.AddrPort, d time.Duration) (grant, error) {
	ctx, cancel := context.WithTimeout(ctx, pcpTimeout)
	defer cancel()
	conn, err := r.dial(ctx, b.self)
	if err != nil {
		return grant{}, err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	self, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return grant{}, err
	}
	request := mapRequest(self.Addr(), r.nonce, b, want, d)
	a, err := exchange(conn, request)
	if err != nil {
		return grant{}, err
	}
	g := grant{outside: a.outside, lasts: a.lasts, lost: r.epoch.lost(a.epoch)}
	if a.result != 0 {
		return g, &refusal{resultWords(a.result), a.lasts}
	}
	return g, nil
}

// exchange sends a request until it is answered or conn is closed.
func exchange(conn net.Conn, request []byte) (mapAnswer, error) {
	buf := make([]byte, pcpMaxPacket+1)
	for pause := pcpRepeat; ; pause *= 2 {
		if _, err := conn.Write(request); err != nil {
			return mapAnswer{}, err
		}
		pause += time.Duration((mathrand.Float64() - 0.5) / 5 * float64(pause)) // RFC 6887: RAND
		if err := conn.SetReadDeadline(time.Now().Add(pause)); err != nil {
			return mapAnswer{}, err
		}
		for {
			n, err := conn.Read(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return mapAnswer{}, err
			}
			if a, err := readMap(buf[:n], request); !errors.Is(err, errStray) {
				return a, err
			}
		}
	}
}

// The parts of MAP's messages (RFC 6887, sections 7 and 11.1).
const (
	pcpPort        = 5351
	pcpVersion     = 2
	opMap          = 1
	isAnswer       = 0x80
	unsuppVersion  = 1
	mapSize        = 60
	nonceAt        = 24
	protocolAt     = 36
	internalPortAt = 40
	outsidePortAt  = 42
	outsideAt      = 44
)

// mapRequest asks for b to be forwarded for d, from want if that can be.
func mapRequest(self netip.Addr, nonce []byte, b boundPort, want netip.AddrPort, d time.Duration) []byte {
	protocol := map[string]byte{"tcp": 6, "udp": 17}[b.protocol]
	outside := b.nowhere()
	if want.IsValid() {
		outside = want.Addr()
	}
	client, outside16 := self.As16(), outside.As16()
	p := []byte{pcpVersion, opMap, 0, 0}
	p = binary.BigEndian.AppendUint32(p, uint32(d/time.Second))
	p = append(p, client[:]...)
	p = append(p, nonce...)
	p = append(p, protocol, 0, 0, 0)
	p = binary.BigEndian.AppendUint16(p, b.port)
	p = binary.BigEndian.AppendUint16(p, want.Port())
	return append(p, outside16[:]...)
}

type mapAnswer struct {
	result  byte          // 0: success
	lasts   time.Duration // of the mapping, or of the refusal
	epoch   uint32        // seconds
	outside netip.AddrPort
}

var (
	errStray   = errors.New("no answer to this request")
	errVersion = errors.New("the router does not speak this version of PCP") // but NAT-PMP, mostly
)

// readMap reads an answer to a request. Every byte may be hostile.
func readMap(p, request []byte) (a mapAnswer, err error) {
	if len(p) < 8 || p[1] != isAnswer|opMap {
		return a, errStray
	}
	if p[0] != pcpVersion {
		if p[3] == unsuppVersion {
			return a, errVersion
		}
		return a, errStray
	}
	if len(p) < mapSize || len(p) > pcpMaxPacket || len(p)%4 != 0 {
		return a, errStray
	}
	if !bytes.Equal(p[nonceAt:protocolAt], request[nonceAt:protocolAt]) {
		return a, errStray
	}
	if p[protocolAt] != request[protocolAt] || !bytes.Equal(p[internalPortAt:outsidePortAt], request[internalPortAt:outsidePortAt]) {
		return a, errStray
	}
	outside, _ := netip.AddrFromSlice(p[outsideAt:mapSize])
	return mapAnswer{
		result:  p[3],
		lasts:   time.Duration(binary.BigEndian.Uint32(p[4:])) * time.Second,
		epoch:   binary.BigEndian.Uint32(p[8:]),
		outside: netip.AddrPortFrom(outside.Unmap(), binary.BigEndian.Uint16(p[outsidePortAt:])),
	}, nil
}

// resultWords says a result code (RFC 6887, section 7.4) in words.
func resultWords(code byte) string {
	words := [...]string{"success", "unsupported version", "not authorized", "malformed request", "unsupported opcode", "unsupported option",
		"malformed option", "network failure", "no resources", "unsupported protocol", "user exceeded quota",
		"cannot provide external", "address mismatch: a NAT stands between", "excessive remote peers"}
	if int(code) < len(words) {
		return words[code]
	}
	return fmt.Sprintf("result code %d", code)
}
