package portmap

import (
	"context"
	"net/netip"
	"time"

	natpmp "github.com/jackpal/go-nat-pmp"
)

// natPMP is a router that speaks NAT-PMP (RFC 6886). go-libp2p asks such a router
// too, but looks for it by the route to 0.0.0.0, which go-netroute v0.4.0 refuses.
type natPMP struct {
	client pmpClient
	epoch  epoch
}

// pmpClient is natpmp.Client.
type pmpClient interface {
	GetExternalAddress() (*natpmp.GetExternalAddressResult, error)
	AddPortMapping(protocol string, internal, external, seconds int) (*natpmp.AddPortMappingResult, error)
}

var (
	_ pmpClient = (*natpmp.Client)(nil)
	_ router    = (*natPMP)(nil)
)

func newNATPMP(at netip.Addr) *natPMP {
	return &natPMP{client: natpmp.NewClientWithTimeout(at.AsSlice(), pmpTimeout)}
}

func (r *natPMP) String() string { return "NAT-PMP" }

// forward implements router. It waits for pmpTimeout each time, whatever ctx says.
func (r *natPMP) forward(_ context.Context, b boundPort, want netip.AddrPort, d time.Duration) (grant, error) {
	at, err := r.client.GetExternalAddress()
	if err != nil {
		return grant{}, err
	}
	got, err := r.client.AddPortMapping(b.protocol, int(b.port), int(want.Port()), int(d/time.Second))
	if err != nil {
		return grant{}, &refusal{err.Error(), mapLifetime / 2}
	}
	return grant{
		outside: netip.AddrPortFrom(netip.AddrFrom4(at.ExternalIPAddress), got.MappedExternalPort),
		lasts:   time.Duration(got.PortMappingLifetimeInSeconds) * time.Second,
		lost:    r.epoch.lost(got.SecondsSinceStartOfEpoc),
	}, nil
}
