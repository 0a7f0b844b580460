//go:build camera

package node

import (
	"context"
	"errors"

	"camswarm/node/control"
)

// ipnsKeeper does nothing: this build reads no IPNS records.
type ipnsKeeper struct{ soon signal }

func newIPNSKeeper(*Node) (*ipnsKeeper, error) { return &ipnsKeeper{soon: newSignal()}, nil }

func (*ipnsKeeper) run(context.Context) error { return nil }

func (*ipnsKeeper) statusOf(*follower) *control.IPNSStatus { return nil }

func ipnsAlarms(*follower, *control.IPNSStatus) []control.Alarm { return nil }

// PublishIPNS returns an error: this build keeps no IPNS records.
func (*Node) PublishIPNS(context.Context, string, []byte) (control.IPNSPublished, error) {
	return control.IPNSPublished{}, errors.New("this is the camera build, which keeps no IPNS records; hand the record to a seed")
}
