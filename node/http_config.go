package node

import (
	"fmt"

	"camswarm/swarm/units"
)

// HTTPConfig is a listener for operators' tools: GET /metrics for Prometheus, /healthz
// (503 if the node is stuck: restart it) and /readyz (503, and in JSON what is missing,
// until the node is connected, its view of the chain is fresh and it holds the newest
// release). Everything on it can be read by everybody who reaches it, without a
// password, and nothing changed. Not in the camera build.
type HTTPConfig struct {
	// Listen is an IP address and a port, such as "127.0.0.1:9464"; port 0 takes any
	// free one. "": nowhere.
	Listen string `toml:"listen"`
	// Public allows an address that other machines reach, such as "0.0.0.0:9464" in a
	// container. What they learn then: docs/SEED.md.
	Public bool `toml:"public"`
	// Pages serves, beside metrics and health, a page for people at "/" and what is
	// counted of cameras at /v1/fleet. Default true; false where listen is public and
	// those who reach it should not see counts by region, alarms and policies.
	Pages bool `toml:"pages"`
}

// GatewayConfig is a trustless IPFS gateway: blocks (?format=raw) and archives
// (?format=car) of the approved releases that the node holds, and the signed IPNS
// record of its products, by HTTP, for origins, CDNs and IPFS tools. It fetches nothing
// for anybody. 64 requests at once, 16 from one network; who is too many is told when
// to come back (429). Not in the camera build.
type GatewayConfig struct {
	// Listen is an IP address and a port, such as "0.0.0.0:8080". "": nowhere. A private
	// swarm needs network.strangers for it.
	Listen string `toml:"listen"`
	// Rate is what all replies together may take of the line, beside
	// exchange.upload_limit, such as "200Mbit/s"; 0: no limit. SIGHUP takes it over.
	Rate units.Rate `toml:"rate"`
}

func badListen(listen string, err error) error { return fmt.Errorf("listen is %q: %w", listen, err) }
