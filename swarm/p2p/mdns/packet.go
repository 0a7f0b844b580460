package mdns

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/net/dns/dnsmessage"
)

// query encodes the question who offers a service.
func query(service string) []byte {
	m := dnsmessage.Message{Questions: []dnsmessage.Question{{
		Name: dnsmessage.MustNewName(service), Type: dnsmessage.TypePTR, Class: dnsmessage.ClassINET,
	}}}
	b, err := m.Pack()
	if err != nil {
		panic(err) // it is constant
	}
	return b
}

var errNoAddrs = errors.New("no address to tell")

// answer encodes that the peer offers a service at addresses, as far as they fit.
func answer(service, instance string, id peer.ID, addrs []ma.Multiaddr) ([]byte, error) {
	var txt []string
	for _, a := range addrs {
		if s := fmt.Sprintf("dnsaddr=%s/p2p/%s", a, id); len(s) <= 255 && len(txt) < maxAddrs {
			txt = append(txt, s)
		}
	}
	if len(txt) == 0 {
		return nil, errNoAddrs
	}
	name, err := dnsmessage.NewName(instance)
	if err != nil {
		return nil, err
	}
	m := dnsmessage.Message{
		Header: dnsmessage.Header{Response: true, Authoritative: true},
		Answers: []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(service), Class: dnsmessage.ClassINET, TTL: ttl},
			Body:   &dnsmessage.PTRResource{PTR: name},
		}},
		Additionals: []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: ttl},
			Body:   &dnsmessage.TXTResource{TXT: txt},
		}},
	}
	return m.Pack()
}

var errBad = errors.New("malformed mDNS packet")

// parse reads a packet from the LAN: whether it asks for our service, and the
// peers that it names, with those of their addresses that pass. Everything else in
// it is skipped.
func parse(service string, packet []byte, passes func(ma.Multiaddr) bool) (asked bool, peers []peer.AddrInfo, err error) {
	if len(packet) > maxPacket {
		return false, nil, errBad
	}
	var p dnsmessage.Parser
	header, err := p.Start(packet)
	if err != nil {
		return false, nil, fmt.Errorf("%w: %w", errBad, err)
	}
	for range maxRecords {
		q, err := p.Question()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil {
			return false, nil, fmt.Errorf("%w: %w", errBad, err)
		}
		if (q.Type == dnsmessage.TypePTR || q.Type == dnsmessage.TypeALL) && strings.EqualFold(q.Name.String(), service) {
			asked = true
		}
	}
	if !header.Response {
		return asked, nil, nil
	}
	if err := p.SkipAllQuestions(); err != nil {
		return false, nil, fmt.Errorf("%w: %w", errBad, err)
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
				return false, nil, fmt.Errorf("%w: %w", errBad, err)
			}
			if records >= maxRecords {
				return false, nil, errBad
			}
			if h.Type != dnsmessage.TypeTXT || !strings.HasSuffix(strings.ToLower(h.Name.String()), "."+service) {
				if err := section.skip(); err != nil {
					return false, nil, fmt.Errorf("%w: %w", errBad, err)
				}
				continue
			}
			txt, err := p.TXTResource()
			if err != nil {
				return false, nil, fmt.Errorf("%w: %w", errBad, err)
			}
			for _, s := range txt.TXT {
				s, ok := strings.CutPrefix(s, "dnsaddr=")
				if !ok || len(addrs) >= maxPeers*maxAddrs {
					continue
				}
				if a, err := ma.NewMultiaddr(s); err == nil && passes(a) {
					addrs = append(addrs, a)
				}
			}
		}
	}
	peers, err = peer.AddrInfosFromP2pAddrs(addrs...)
	if err != nil {
		return false, nil, fmt.Errorf("%w: %w", errBad, err)
	}
	peers = slices.DeleteFunc(peers, func(i peer.AddrInfo) bool { return i.ID == "" || len(i.Addrs) == 0 })
	for i := range peers {
		peers[i].Addrs = peers[i].Addrs[:min(len(peers[i].Addrs), maxAddrs)]
	}
	return false, peers[:min(len(peers), maxPeers)], nil
}
