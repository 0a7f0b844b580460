//go:build camera

package node

import (
	"context"
	"errors"

	"camswarm/announce/beacon"
	"camswarm/node/control"
)

// fleet counts cameras, which the camera build cannot.
type fleet struct{}

func newFleet(*Node) (*fleet, error) {
	return nil, errors.New("the camera build counts no cameras")
}

func (*fleet) Run(context.Context) error { return nil }

// Fleet is what a seed counts.
func (*Node) Fleet() (beacon.Statement, error) { return beacon.Statement{}, control.ErrNotCounted }

func (*Node) serveFleet() {}

func (*Node) showPage() {}
