package mdns

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/net/dns/dnsmessage"
)

const (
	testService = "_camswarm._udp.local."
	testID      = "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5"
)

// direct passes plain addresses of TCP.
func direct(a ma.Multiaddr) bool {
	return strings.Contains(a.String(), "/tcp/") && !strings.Contains(a.String(), "/ws/") && !strings.Contains(a.String(), "/p2p-circuit")
}

func TestPacketsTravel(t *testing.T) {
	id, err := peer.Decode(testID)
	if err != nil {
		t.Fatal(err)
	}
	var all []ma.Multiaddr
	for i := range 20 {
		all = append(all, ma.StringCast(fmt.Sprintf("/ip4/192.168.1.2/tcp/%d", i+1)))
	}
	packet, err := answer(testService, "instance."+testService, id, all)
	if err != nil {
		t.Fatal(err)
	}
	if len(packet) > 1400 {
		t.Errorf("%d bytes do not fit a frame", len(packet))
	}
	asked, peers, err := parse(testService, packet, direct)
	if err != nil || asked || len(peers) != 1 || peers[0].ID != id || len(peers[0].Addrs) != maxAddrs {
		t.Errorf("%v, %v, %v", asked, peers, err)
	}
	if asked, peers, err := parse(testService, query(testService), direct); err != nil || !asked || peers != nil {
		t.Errorf("%v, %v, %v", asked, peers, err)
	}
	if _, err := answer(testService, "instance."+testService, id, nil); !errors.Is(err, errNoAddrs) {
		t.Errorf("an answer without addresses: %v", err)
	}
}

func pack(t testing.TB, m dnsmessage.Message) []byte {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func txt(name string, lines ...string) dnsmessage.Resource {
	return dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: 120},
		Body:   &dnsmessage.TXTResource{TXT: lines},
	}
}

func TestOnlyWhatIsMeantIsTaken(t *testing.T) {
	id := testID
	good := "dnsaddr=/ip4/192.168.1.2/tcp/1/p2p/" + id
	for name, c := range map[string]struct {
		packet []byte
		peers  int
		bad    bool
	}{
		"additional": {pack(t, dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Additionals: []dnsmessage.Resource{txt("a."+testService, good)}}), 1, false},
		"answer":     {pack(t, dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Answers: []dnsmessage.Resource{txt("a."+testService, good)}}), 1, false},
		"other case": {pack(t, dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Answers: []dnsmessage.Resource{txt("a._CAMswarm._udp.local.", good)}}), 1, false},
		"a question": {pack(t, dnsmessage.Message{Answers: []dnsmessage.Resource{txt("a."+testService, good)}}), 0, false},
		"service":    {pack(t, dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Answers: []dnsmessage.Resource{txt("a._p2p._udp.local.", good)}}), 0, false},
		"no address": {pack(t, dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Answers: []dnsmessage.Resource{txt("a."+testService,
			"dnsaddr=/p2p/"+id, "dnsaddr=", "dnsaddr=x", "other=1", "dnsaddr=/ip4/192.168.1.2/tcp/1/ws/p2p/"+id, "dnsaddr=/ip4/192.168.1.2/tcp/1/p2p/"+id+"/p2p-circuit")}}), 0, false},
		"no peer":   {pack(t, dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Answers: []dnsmessage.Resource{txt("a."+testService, "dnsaddr=/ip4/192.168.1.2/tcp/1")}}), 0, true},
		"cut":       {query(testService)[:20], 0, true},
		"empty":     {nil, 0, true},
		"oversized": {make([]byte, maxPacket+1), 0, true},
	} {
		_, peers, err := parse(testService, c.packet, direct)
		if len(peers) != c.peers || (err != nil) != c.bad {
			t.Errorf("%s: %v, %v", name, peers, err)
		}
	}
}

func FuzzPacket(f *testing.F) {
	id, err := peer.Decode(testID)
	if err != nil {
		f.Fatal(err)
	}
	told, err := answer(testService, "instance."+testService, id, []ma.Multiaddr{ma.StringCast("/ip4/192.168.1.2/tcp/1")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(query(testService))
	f.Add(told)
	f.Add(told[:len(told)/2])
	f.Fuzz(func(t *testing.T, packet []byte) {
		_, peers, err := parse(testService, packet, direct)
		if err != nil && peers != nil {
			t.Error("peers and an error")
		}
		if len(peers) > maxPeers {
			t.Errorf("%d peers", len(peers))
		}
		for _, p := range peers {
			if p.ID == "" || len(p.Addrs) == 0 || len(p.Addrs) > maxAddrs {
				t.Errorf("peer %v", p)
			}
		}
	})
}
