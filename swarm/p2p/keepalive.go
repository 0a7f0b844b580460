package p2p

import (
	"net"
	"reflect"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/quic-go/quic-go"
)

// Keep-alives are nearly all that an idle node sends. By default both ends of every
// connection send them, every 15 s (QUIC) or 30 s (TCP): 30 MB a month for each.
// Here the end that dialled sends them, since one packet and its acknowledgement
// keep the mappings of both ends' NATs, and no more often than NATs need.

// TuneQUIC sets when the connections of a manager that has not listened yet say that
// they live. It reports false, and leaves go-libp2p's defaults, if this version of
// go-libp2p keeps its configuration otherwise.
func TuneQUIC(m *quicreuse.ConnManager) bool {
	dial := m.ClientConfig()
	// There is no option for what is accepted, and keep-alives of one end alone
	// need another idle time at both.
	field := reflect.ValueOf(m).Elem().FieldByName("serverConfig")
	if dial == nil || !field.IsValid() || field.Type() != reflect.TypeFor[*quic.Config]() || field.IsNil() {
		return false
	}
	accept := (*quic.Config)(field.UnsafePointer())
	dial.KeepAlivePeriod, dial.MaxIdleTimeout = keepAlive, idleTimeout
	accept.KeepAlivePeriod, accept.MaxIdleTimeout = 0, idleTimeout
	return true
}

// yamuxTransport is yamux with keep-alives of which those of the end that accepted
// come only when the other's stay away.
type yamuxTransport struct{ dialled, accepted yamux.Transport }

func newYamux(window uint32) *yamuxTransport {
	t := yamux.Transport(*yamux.DefaultTransport)
	t.MaxStreamWindowSize = window
	y := &yamuxTransport{dialled: t, accepted: t}
	y.dialled.KeepAliveInterval = keepAlive
	y.accepted.KeepAliveInterval = idleTimeout
	return y
}

// NewConn implements network.Multiplexer.
func (y *yamuxTransport) NewConn(c net.Conn, isServer bool, scope network.PeerScope) (network.MuxedConn, error) {
	if isServer {
		return y.accepted.NewConn(c, isServer, scope)
	}
	return y.dialled.NewConn(c, isServer, scope)
}
