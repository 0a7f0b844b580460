package p2p

import (
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	pbv2 "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/pb"
	relayv2 "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	ma "github.com/multiformats/go-multiaddr"
)

// RelayStatus is what a seed's relay has to do: places that it keeps for cameras
// behind NATs, and appointments that it carries.
type RelayStatus struct {
	Places          int   `json:"places"`          // cameras that can be called here
	MaxPlaces       int   `json:"maxPlaces"`       // as many as may be connected
	Appointments    int   `json:"appointments"`    // at this moment
	MaxAppointments int   `json:"maxAppointments"` // half as many as may be connected
	Kept            int   `json:"kept"`            // appointments since the start
	Refused         int   `json:"refused"`         // of places and appointments, since the start
	Bytes           int64 `json:"bytes"`           // carried since the start
}

// relays counts and bounds what a relay does. It is the relay's tracer.
type relays struct {
	resources relayv2.Resources
	mu        sync.Mutex
	status    RelayStatus
}

func newRelays(limits Limits) *relays {
	r := &relays{resources: relayv2.DefaultResources(), status: RelayStatus{MaxPlaces: limits.Connections, MaxAppointments: max(1, limits.Connections/2)}}
	r.resources.MaxReservations = r.status.MaxPlaces
	r.resources.MaxReservationsPerIP = limits.ConnectionsPerIP
	r.resources.MaxReservationsPerASN = r.status.MaxPlaces // cameras of a country share a few providers
	return r
}

// Status returns what the relay does now; nil for a node that is no relay.
func (r *relays) Status() *RelayStatus {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	return &s
}

// full tells whether no further appointment may begin.
func (r *relays) full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status.Appointments >= r.status.MaxAppointments
}

func (r *relays) note(f func(*RelayStatus)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.status)
}

var _ relayv2.MetricsTracer = (*relays)(nil)

// RelayStatus implements relay.MetricsTracer.
func (r *relays) RelayStatus(bool) {}

// ConnectionOpened implements relay.MetricsTracer.
func (r *relays) ConnectionOpened() {
	r.note(func(s *RelayStatus) { s.Appointments++; s.Kept++ })
}

// ConnectionClosed implements relay.MetricsTracer.
func (r *relays) ConnectionClosed(time.Duration) {
	r.note(func(s *RelayStatus) { s.Appointments-- })
}

// ConnectionRequestHandled implements relay.MetricsTracer.
func (r *relays) ConnectionRequestHandled(status pbv2.Status) { r.handled(status) }

// ReservationAllowed implements relay.MetricsTracer.
func (r *relays) ReservationAllowed(renewal bool) {
	if !renewal {
		r.note(func(s *RelayStatus) { s.Places++ })
	}
}

// ReservationClosed implements relay.MetricsTracer.
func (r *relays) ReservationClosed(n int) { r.note(func(s *RelayStatus) { s.Places -= n }) }

// ReservationRequestHandled implements relay.MetricsTracer.
func (r *relays) ReservationRequestHandled(status pbv2.Status) { r.handled(status) }

// BytesTransferred implements relay.MetricsTracer.
func (r *relays) BytesTransferred(n int) { r.note(func(s *RelayStatus) { s.Bytes += int64(n) }) }

func (r *relays) handled(status pbv2.Status) {
	if status == pbv2.Status_PERMISSION_DENIED || status == pbv2.Status_RESERVATION_REFUSED || status == pbv2.Status_RESOURCE_LIMIT_EXCEEDED {
		r.note(func(s *RelayStatus) { s.Refused++ })
	}
}

// relayACL relays for and to those who may connect.
type relayACL struct {
	gater *gater
	load  *relays
}

// AllowReserve implements relay.ACLFilter.
func (a relayACL) AllowReserve(p peer.ID, addr ma.Multiaddr) bool { return a.gater.allow(p, addr) }

// AllowConnect implements relay.ACLFilter. The destination was asked when it
// reserved.
func (a relayACL) AllowConnect(src peer.ID, addr ma.Multiaddr, dest peer.ID) bool {
	return a.gater.allow(src, addr) && !a.gater.bans.holds(dest, a.gater.now()) && !a.load.full()
}
