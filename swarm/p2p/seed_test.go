package p2p

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/host/autonat"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	ma "github.com/multiformats/go-multiaddr"
)

func TestSeedRelaysForNodesBehindNAT(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	seed := newNet(t, netConfig(RoleSeed))
	seedInfo := peer.AddrInfo{ID: seed.Host().ID(), Addrs: seed.Host().Addrs()}
	hidden := netConfig(RoleCamera)
	hidden.Listen = nil // nobody can dial it
	a, b := newNet(t, netConfig(RoleCamera)), newNet(t, hidden)
	if _, err := client.Reserve(ctx, b.Host(), seedInfo); err != nil {
		t.Fatalf("the seed reserves nothing: %v", err)
	}
	circuit := ma.StringCast(seedInfo.Addrs[0].String() + "/p2p/" + seedInfo.ID.String() + "/p2p-circuit")
	if err := a.Host().Connect(network.WithAllowLimitedConn(ctx, "test"), peer.AddrInfo{ID: b.Host().ID(), Addrs: []ma.Multiaddr{circuit}}); err != nil {
		t.Fatalf("no way through the relay: %v", err)
	}
	c := a.Host().Network().ConnsToPeer(b.Host().ID())
	if len(c) != 1 || !c[0].Stat().Limited {
		t.Fatalf("connections are %v", c)
	}
	s := a.Status()
	for _, conn := range s.Connections {
		if conn.Peer == b.Host().ID() && (conn.Transport != "relay" || conn.Via == ViaLAN || conn.Tier == TierLAN) {
			t.Errorf("a relayed connection is %+v", conn)
		}
	}

	// Whoever is banned is relayed neither to nor from.
	seed.Ban(b.Host().ID(), time.Hour, "test")
	acl := relayACL{seed.gater}
	addr := a.Host().Addrs()[0]
	if acl.AllowReserve(b.Host().ID(), addr) || acl.AllowConnect(b.Host().ID(), addr, a.Host().ID()) || acl.AllowConnect(a.Host().ID(), addr, b.Host().ID()) {
		t.Error("a banned peer is relayed")
	}
	if !acl.AllowReserve(a.Host().ID(), addr) {
		t.Error("an honest peer is not relayed")
	}
}

func TestSeedAnswersAutoNAT(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	seed, camera := newNet(t, netConfig(RoleSeed)), newNet(t, netConfig(RoleCamera))
	if err := connectNets(t, camera, seed); err != nil {
		t.Fatal(err)
	}
	// The service never dials private addresses, and this test has no others:
	// a refusal is its answer.
	err := autonat.NewAutoNATClient(camera.Host(), nil, nil).DialBack(ctx, seed.Host().ID())
	if !autonat.IsDialRefused(err) {
		t.Errorf("got %v", err)
	}
	for _, p := range camera.Host().Mux().Protocols() {
		if strings.Contains(string(p), "autonat") || strings.HasSuffix(string(p), "/hop") {
			t.Errorf("a camera serves %s", p)
		}
	}
}
