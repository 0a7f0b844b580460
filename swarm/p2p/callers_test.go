package p2p

import (
	"testing"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

func TestCallersWhomOthersReachClaimWhereTheyCallFrom(t *testing.T) {
	const home, relay = "/ip4/192.168.1.2/udp/4417/quic-v1", "/ip4/203.0.113.1/udp/4417/quic-v1/p2p/12D3KooWGJMtamjjrpXoZ2b9viGvZh5hp3qAkbBJGd9Dcen2FWza/p2p-circuit"
	for _, c := range []struct {
		claimed []string
		from    string
		want    bool
	}{
		{[]string{home, relay}, "/ip4/198.51.100.7/udp/4417/quic-v1", false},
		{[]string{relay}, "/ip4/203.0.113.1/udp/4417/quic-v1", false}, // a relay's address is not its own
		{[]string{home, "/ip4/198.51.100.7/udp/9000/quic-v1"}, "/ip4/198.51.100.7/udp/9000/quic-v1", true},
		{[]string{"/ip4/198.51.100.7/udp/9000/quic-v1"}, "/ip4/198.51.100.7/udp/30000/quic-v1", false}, // symmetric
		{[]string{"/ip4/198.51.100.7/udp/9000/quic-v1"}, "/ip4/198.51.100.8/udp/9000/quic-v1", false},
		{[]string{"/ip4/198.51.100.7/tcp/4417"}, "/ip4/198.51.100.7/tcp/30000", true},
		{[]string{"/ip4/198.51.100.7/tcp/9000"}, "/ip4/198.51.100.7/udp/9000/quic-v1", false},
		{nil, "/ip4/198.51.100.7/udp/4417/quic-v1", false},
	} {
		var claimed []ma.Multiaddr
		for _, a := range c.claimed {
			claimed = append(claimed, ma.StringCast(a))
		}
		if got := claims(claimed, ma.StringCast(c.from)); got != c.want {
			t.Errorf("%v from %s: %v", c.claimed, c.from, got)
		}
	}
}

// Whoever looks hard to reach, which costs nothing, drives out no more strangers than
// leave two, the most useful; and nobody while a place is free.
func TestThreatEclipse_StrangersWhoLookHardToReach(t *testing.T) {
	useful := []peer.ID{"worst", "better", "best"}
	for _, c := range []struct {
		callers
		want peer.ID
	}{
		{callers{all: 10, easy: useful}, "worst"},
		{callers{all: 11, easy: useful}, "worst"},
		{callers{all: 10, easy: useful[1:]}, ""},
		{callers{all: 10}, ""},
		{callers{all: 9, easy: useful}, ""},
	} {
		if got, ok := c.spare(10); got != c.want || ok != (c.want != "") {
			t.Errorf("%+v: %q goes", c.callers, got)
		}
	}
}
