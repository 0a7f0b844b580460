//go:build camera

package node

import (
	"context"
	"errors"

	"camswarm/swarm/p2p"
)

// monitoring is nothing: the camera build monitors by the control socket alone.
type monitoring struct{}

// Validate says what is wrong with the section.
func (c *HTTPConfig) Validate() error {
	if c.Listen != "" {
		return badListen(c.Listen, errors.New("the camera build has no HTTP listener; leave it out and use the control socket"))
	}
	return nil
}

// Validate says what is wrong with the section.
func (c *GatewayConfig) Validate(*p2p.Config) error {
	if c.Listen != "" {
		return badListen(c.Listen, errors.New("the camera build has no gateway; leave it out"))
	}
	return nil
}

func (n *Node) wireHTTP() {}

func (n *Node) wireGateway() error { return nil }

func (n *Node) drainGateway(context.Context) error { return nil }

func (n *Node) limitGateway(*Config) {}

func (n *Node) serveGateway(context.Context) error { return nil }

func (n *Node) serveHTTP(context.Context) error { return nil }
