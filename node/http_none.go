//go:build camera

package node

import (
	"context"
	"errors"
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

func (n *Node) wireHTTP() {}

func (n *Node) serveHTTP(context.Context) error { return nil }
