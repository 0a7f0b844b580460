package node

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"camswarm/chainwatch"
	"camswarm/swarm"
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
	// Share is the part of an image, 0 to 1, that is asked of origins at once; each
	// node takes 0.5 to 1.5 times of it by chance. More is faster and costs more of
	// their traffic: docs/ORIGIN.md has the table.
	Share float64 `toml:"share"`
	// Grace is the age of a fetch, 0.5 to 1.5 times by chance, after which slow peers
	// are made up for. Shorter saves seconds where nobody has the image; longer
	// spares the origin in a crowd.
	Grace time.Duration `toml:"grace"`
	// MinRate is what peers must bring together, such as "2Mbit/s", or they are slow.
	MinRate units.Rate `toml:"min_rate"`
	// URLs are asked before those that a release names. {vendor}, {name}, {sequence},
	// {version} and {sha256} (of the image, in hexadecimal) are replaced. They may
	// hold a secret query (presigned URLs): keep the file readable by its owner only.
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
	return OriginConfig{Policy: OriginShare, Share: 0.3, Grace: 5 * time.Second, MinRate: 250_000, Named: true}
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
		if _, err := fillURL(u, &verify.Manifest{Product: verify.Product{Vendor: "v", Name: "n"}, Sequence: 1, Version: "1"}); err != nil {
			return fmt.Errorf("urls, number %d: %w", i+1, err)
		}
	}
	return nil
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
		"{sha256}", fmt.Sprintf("%x", m.Image.SHA256),
	).Replace(template)
	if i := strings.IndexAny(s, "{}"); i >= 0 {
		return "", errors.New("it holds a placeholder other than {vendor}, {name}, {sequence}, {version} and {sha256}")
	}
	return s, origin.CheckURL(s)
}

// origins makes the origins of releases.
type origins struct {
	cfg    OriginConfig
	client *http.Client // nil: one for each host
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
	var urls []string
	for _, t := range o.cfg.URLs {
		u, err := fillURL(t, m)
		if err != nil {
			o.log.Warn("an origin cannot be asked for this release", "sequence", m.Sequence, "err", err)
			continue
		}
		urls = append(urls, u)
	}
	if o.cfg.Named {
		for _, here := range []bool{true, false} {
			for _, n := range m.Origins {
				if n.Region == "" && !here || n.Region != "" && here && n.Region == region {
					urls = append(urls, n.URL)
				}
			}
		}
	}
	for _, u := range urls {
		f, err := origin.New(u, int64(m.Image.Size), o.clientFor(u))
		if err != nil {
			o.log.Warn("an origin that the release names cannot be asked", "sequence", m.Sequence, "err", err)
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
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.clients[host]
	if c == nil {
		if o.clients == nil || len(o.clients) > 4*maxOriginURLs {
			o.clients = make(map[string]*http.Client)
		}
		c = origin.Client(chainwatch.TLSConfig(host))
		o.clients[host] = c
	}
	return c
}
