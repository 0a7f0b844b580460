package p2p

import (
	"testing"

	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/quic-go/quic-go"
)

// TuneQUIC reaches into go-libp2p: another version may keep its configuration
// otherwise.
func TestKeepAlivesCanBeSet(t *testing.T) {
	m, err := quicreuse.NewConnManager(quic.StatelessResetKey{}, quic.TokenGeneratorKey{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if !TuneQUIC(m) {
		t.Error("QUIC's keep-alives cannot be set")
	}
	if c := m.ClientConfig(); c.KeepAlivePeriod != keepAlive || c.MaxIdleTimeout != idleTimeout {
		t.Errorf("whoever dials says every %v that it lives, for %v", c.KeepAlivePeriod, c.MaxIdleTimeout)
	}
}
