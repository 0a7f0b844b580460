package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"camswarm/node/control"
	"camswarm/node/metastore"
	"camswarm/node/strictjson"
	"camswarm/swarm"
	"camswarm/swarm/p2p"
)

// traffic adds the exchange's counters of this run to those that former runs
// left, so that an owner can see what a device has uploaded in its life.
type traffic struct {
	store metastore.Value
	now   func() lifeTraffic // of this run
	soon  signal             // something was counted that must not be lost
	log   *slog.Logger

	before lifeTraffic // of former runs; not changed
	saved  lifeTraffic // what is in the datastore; owned by run
}

// lifeTraffic counts the payload bytes of blocks over a node's life.
type lifeTraffic struct {
	swarm.PeerStats
	FromSeeds   int64 // of Received
	FromOrigins int64 `json:",omitempty"` // of Received

	Tiers    [4]tierBytes          `json:",omitzero"` // in the order of p2p.Tiers
	Installs control.InstallCounts `json:",omitzero"`
}

// tierBytes are what was exchanged with peers of one tier.
type tierBytes struct{ Sent, Received int64 }

// tiers are the counters by distance, nearest first.
func (t *lifeTraffic) tiers() (out []control.TierTraffic) {
	for i, tier := range p2p.Tiers {
		out = append(out, control.TierTraffic{Tier: string(tier), SentBytes: t.Tiers[i].Sent, ReceivedBytes: t.Tiers[i].Received})
	}
	return out
}

// installCounts count installs of this run.
type installCounts struct {
	installed, confirmed, failed, rolledBack atomic.Int64
	news                                     signal // one was counted: it is kept at once, since a reboot may follow
}

func (c *installCounts) now() control.InstallCounts {
	return control.InstallCounts{Installed: c.installed.Load(), Confirmed: c.confirmed.Load(), Failed: c.failed.Load(), RolledBack: c.rolledBack.Load()}
}

// trafficEvery bounds what a power cut can lose; counters are not worth more
// flash writes than this.
const trafficEvery = 10 * time.Minute

// openTraffic reads the counters; unreadable ones start again from zero.
func openTraffic(ctx context.Context, store metastore.Value, now func() lifeTraffic, soon signal, log *slog.Logger) (*traffic, error) {
	t := &traffic{store: store, now: now, soon: soon, log: log}
	data, err := store.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the traffic counters: %w", err)
	}
	if data == nil {
		return t, nil
	}
	if t.before, err = decodeTraffic(data); err != nil {
		log.Warn("the traffic counters are unreadable and start again from zero", "err", err)
	}
	t.saved = t.before
	return t, nil
}

// decodeTraffic reads saved counters; with an error they are zero.
func decodeTraffic(data []byte) (lifeTraffic, error) {
	var v lifeTraffic
	if err := strictjson.Decode(bytes.NewReader(data), &v); err != nil {
		return lifeTraffic{}, err
	}
	counters := []int64{
		v.Sent, v.Received, v.Useful, v.Duplicate, v.Wrong, v.FromSeeds, v.FromOrigins,
		v.Installs.Installed, v.Installs.Confirmed, v.Installs.Failed, v.Installs.RolledBack,
	}
	for _, t := range v.Tiers {
		counters = append(counters, t.Sent, t.Received)
	}
	for _, n := range counters {
		if n < 0 || n > maxTraffic {
			return lifeTraffic{}, fmt.Errorf("%d bytes were never counted", n)
		}
	}
	return v, nil
}

// total returns the counters over all runs.
func (t *traffic) total() lifeTraffic {
	now, b := t.now(), t.before
	for i := range now.Tiers {
		now.Tiers[i].Sent += b.Tiers[i].Sent
		now.Tiers[i].Received += b.Tiers[i].Received
	}
	now.Installs.Installed += b.Installs.Installed
	now.Installs.Confirmed += b.Installs.Confirmed
	now.Installs.Failed += b.Installs.Failed
	now.Installs.RolledBack += b.Installs.RolledBack
	return lifeTraffic{
		Tiers: now.Tiers, Installs: now.Installs,
		PeerStats: swarm.PeerStats{
			Sent: b.Sent + now.Sent, Received: b.Received + now.Received, Useful: b.Useful + now.Useful,
			Duplicate: b.Duplicate + now.Duplicate, Wrong: b.Wrong + now.Wrong,
		},
		FromSeeds:   b.FromSeeds + now.FromSeeds,
		FromOrigins: b.FromOrigins + now.FromOrigins,
	}
}

// run saves the counters now and then, and at the end. A disk that does not take
// them ends nothing: they are not worth a node.
func (t *traffic) run(ctx context.Context) error {
	tick := time.NewTicker(trafficEvery)
	defer tick.Stop()
	for {
		select {
		case <-t.soon:
		case <-tick.C:
		case <-ctx.Done():
			return t.save(context.WithoutCancel(ctx))
		}
		if err := t.save(ctx); err != nil && ctx.Err() == nil {
			t.log.Warn("it will be tried again", "err", err)
		}
	}
}

func (t *traffic) save(ctx context.Context) error {
	total := t.total()
	if total == t.saved {
		return nil
	}
	data, err := json.Marshal(total)
	if err != nil {
		return err
	}
	if err := t.store.Save(ctx, data); err != nil {
		return fmt.Errorf("save the traffic counters: %w", err)
	}
	t.saved = total
	return nil
}
