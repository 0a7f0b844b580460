package node

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"camswarm/chainwatch"
	"camswarm/swarm"
	"camswarm/swarm/filestore"
	"camswarm/swarm/origin"
	"camswarm/swarm/plan"
	"camswarm/swarm/units"
	"camswarm/verify"
)

// OriginConfig says how much of a release a node takes from web servers, buckets and
// CDNs of the manufacturer, beside its peers. They are named by the release, which is
// signed, and by URLs. Their bytes need no trust: each block is hashed.
type OriginConfig struct {
	// Policy is "never", "fallback" (when peers are slow), "share" (Share of each
	// image at once, the rest when peers are slow) or "fastest" (whatever makes the
	// fetch end soonest).
	Policy string `toml:"policy"`
	// Share is the part of an image, 0 to 1, that is asked of origins at once. More is
	// faster and costs more of their traffic: docs/ORIGIN.md has the table.
	Share float64 `toml:"share"`
	// Grace is the age of a fetch, 0.5 to 1.5 times by chance, after which slow peers
	// are made up for. Shorter saves seconds where nobody has the image; longer
	// spares the origin in a crowd.
	Grace time.Duration `toml:"grace"`
	// MinRate is what peers must bring together, such as "2Mbit/s", or they are slow.
	MinRate units.Rate `toml:"min_rate"`
	// URLs are asked before those that a release names. {vendor}, {name}, {sequence},
	// {version}, {sha256} (of the image, in hexadecimal) and {root} (its root CID) are
	// replaced; one with {block} is asked for each block by its CID, as trustless IPFS
	// gateways want it. They may hold a secret query (presigned URLs): keep the file
	// readable by its owner only.
	URLs []string `toml:"urls"`
	// Named is whether origins that a release names are used.
	Named bool `toml:"named"`
}

// The policies.
const (
	OriginNever    = "never"
	OriginFallback = "fallback"
	OriginShare    = "share"
	OriginFastest  = "fastest"
)

// originSpread is the time in which a node whose peers are slow may ask an origin for
// a whole image: a crowd that lost its seeds comes over a minute, not at once.
const originSpread = 20 * time.Second

// maxOriginURLs bounds OriginConfig.URLs.
const maxOriginURLs = 8

// DefaultOriginConfig returns the measured defaults.
func DefaultOriginConfig() OriginConfig {
	return OriginConfig{Policy: OriginShare, Share: 0.4, Grace: 5 * time.Second, MinRate: 250_000, Named: true}
}

// Validate says what is wrong with the configuration.
func (c *OriginConfig) Validate() error {
	switch c.Policy {
	case OriginNever, OriginFallback, OriginShare, OriginFastest:
	default:
		return fmt.Errorf("policy is %q; write %q, %q, %q or %q", c.Policy, OriginNever, OriginFallback, OriginShare, OriginFastest)
	}
	switch {
	case !(c.Share >= 0 && c.Share <= 1):
		return fmt.Errorf("share is %v; it is a part of an image, 0 to 1", c.Share)
	case c.Grace < 0 || c.MinRate < 0:
		return errors.New("grace and min_rate cannot be negative")
	case len(c.URLs) > maxOriginURLs:
		return fmt.Errorf("%d urls, at most %d are allowed", len(c.URLs), maxOriginURLs)
	}
	for i, u := range c.URLs {
		if err := CheckOriginURL(u); err != nil {
			return fmt.Errorf("urls, number %d: %w", i+1, err)
		}
	}
	return nil
}

// CheckOriginURL says what is wrong with the URL of an origin, placeholders included.
func CheckOriginURL(u string) error {
	_, err := fillURL(u, &verify.Manifest{Product: verify.Product{Vendor: "v", Name: "n"}, Sequence: 1, Version: "1"})
	return err
}

// budget is what the policy means to a planner.
func (c *OriginConfig) budget() plan.OriginConfig {
	b := plan.OriginConfig{After: c.Grace, Below: int64(c.MinRate), Spread: originSpread}
	switch c.Policy {
	case OriginShare:
		b.Share = c.Share
	case OriginFastest:
		b.Share = 1
	}
	return b
}

// fillURL replaces the placeholders of a URL.
func fillURL(template string, m *verify.Manifest) (string, error) {
	s := strings.NewReplacer(
		"{vendor}", url.PathEscape(m.Product.Vendor), "{name}", url.PathEscape(m.Product.Name),
		"{sequence}", strconv.FormatUint(m.Sequence, 10), "{version}", url.PathEscape(m.Version),
		"{sha256}", fmt.Sprintf("%x", m.Image.SHA256), "{root}", m.Image.Root.String(),
	).Replace(template)
	if strings.ContainsAny(strings.ReplaceAll(s, blockCID, ""), "{}") {
		return "", errors.New("it holds a placeholder other than {vendor}, {name}, {sequence}, {version}, {sha256}, {root} and {block}")
	}
	return s, origin.CheckURL(s)
}

// blockCID is the placeholder that makes an origin one of blocks.
const blockCID = "{block}"

// source returns the origin at a URL whose other placeholders are replaced.
func (o *origins) source(u string, m *verify.Manifest) (swarm.Origin, error) {
	before, after, blocks := strings.Cut(u, blockCID)
	if !blocks {
		return origin.New(u, int64(m.Image.Size), o.clientFor(u))
	}
	name, _, _ := strings.Cut(u, "?")
	return origin.NewBlocks(name, int64(m.Image.Size), int64(m.Image.BlockSize), func(i int) string {
		return before + filestore.LeafCID(m.Image.Blocks[i]).String() + after
	}, o.clientFor(u))
}

// origins makes the origins of releases.
type origins struct {
	cfg    OriginConfig
	client *http.Client // nil: one for each host
	local  bool         // only those in the local network
	log    *slog.Logger

	mu      sync.Mutex
	clients map[string]*http.Client
}

// of returns the origins of a release for a node in a region: those configured, those
// of its region, those of all regions.
func (o *origins) of(m *verify.Manifest, region verify.Region) swarm.Origins {
	var out swarm.Origins
	if o.cfg.Policy == OriginNever {
		return out
	}
	out.Budget = o.cfg.budget()
	urls := slices.Clone(o.cfg.URLs)
	if o.cfg.Named {
		for _, here := range []bool{true, false} {
			for _, n := range m.Origins {
				if n.Region == "" && !here || n.Region != "" && here && n.Region == region {
					urls = append(urls, n.URL)
				}
			}
		}
	}
	for _, t := range urls {
		var f swarm.Origin
		u, err := fillURL(t, m)
		if err == nil {
			f, err = o.source(u, m)
		}
		if err != nil {
			o.log.Warn("an origin cannot be asked for this release", "sequence", m.Sequence, "err", err)
			continue
		}
		out.Sources = append(out.Sources, f)
	}
	return out
}

// clientFor returns the client for the host of a URL.
func (o *origins) clientFor(rawURL string) *http.Client {
	if o.client != nil {
		return o.client
	}
	host := ""
	if u, err := url.Parse(rawURL); err == nil {
		host = u.Hostname()
	}
	client := origin.Client
	if o.local {
		client = origin.LocalClient
	}
	fresh := client(chainwatch.TLSConfig(host))
	o.mu.Lock()
	defer o.mu.Unlock()
	if c := o.clients[host]; c != nil {
		return c
	}
	if o.clients == nil || len(o.clients) > 4*maxOriginURLs {
		o.clients = make(map[string]*http.Client) // those in use end with what they fetch
	}
	o.clients[host] = fresh
	return fresh
}

// close closes the connections that are kept for the next request.
func (o *origins) close() {
	o.mu.Lock()
	clients := maps.Clone(o.clients)
	o.mu.Unlock()
	for _, c := range clients {
		c.CloseIdleConnections()
	}
}
