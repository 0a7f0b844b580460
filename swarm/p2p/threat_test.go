package p2p

import (
	"bufio"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/prometheus/client_golang/prometheus"
)

// counted returns the value of a counter with that label.
func counted(t *testing.T, reg *prometheus.Registry, label string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			for _, l := range m.Label {
				if l.GetValue() == label {
					sum += m.Counter.GetValue()
				}
			}
		}
	}
	return sum
}

// denial_of_service: streams without end. One peer has so many, and others open
// theirs all the same.
func TestThreatDenialOfService_Streams(t *testing.T) {
	camera, evil, honest := newNet(t, netConfig(RoleCamera)), newNet(t, netConfig(RoleCamera)), newNet(t, netConfig(RoleCamera))
	const proto = "/test/hold"
	camera.host.SetStreamHandler(proto, func(st network.Stream) { // as a handler that waits for more
		r := bufio.NewReader(st)
		for {
			b, err := r.ReadByte()
			if err != nil {
				st.Reset()
				return
			}
			_, _ = st.Write([]byte{b})
		}
	})
	open := func(n *Network) bool { // and heard of
		st, err := n.host.NewStream(t.Context(), camera.host.ID(), proto)
		if err != nil {
			return false
		}
		_ = st.SetDeadline(time.Now().Add(patience))
		if _, err = st.Write([]byte{1}); err == nil {
			_, err = st.Read(make([]byte, 1))
		}
		return err == nil
	}
	for _, n := range []*Network{evil, honest} {
		if err := connectNets(t, n, camera); err != nil {
			t.Fatal(err)
		}
	}
	got := 0
	for range camera.limits.PeerStreams + 20 {
		if open(evil) {
			got++
		}
	}
	if limit := camera.limits.PeerStreams * 3 / 4; got > limit || got < limit/2 {
		t.Errorf("one peer has %d streams, at most %d", got, limit)
	}
	if !open(honest) {
		t.Error("another peer has none")
	}
}
