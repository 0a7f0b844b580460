package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"camswarm/node/metastore"
	"camswarm/node/strictjson"
	"camswarm/swarm"
)

// traffic adds the exchange's counters of this run to those that former runs
// left, so that an owner can see what a device has uploaded in its life.
type traffic struct {
	store metastore.Value
	now   func() lifeTraffic // of this run
	log   *slog.Logger

	before lifeTraffic // of former runs; not changed
	saved  lifeTraffic // what is in the datastore; owned by run
}

// lifeTraffic counts the payload bytes of blocks over a node's life.
type lifeTraffic struct {
	swarm.PeerStats
	FromSeeds   int64 // of Received
	FromOrigins int64 `json:",omitempty"` // of Received
}

// trafficEvery bounds what a power cut can lose; counters are not worth more
// flash writes than this.
const trafficEvery = 10 * time.Minute

// openTraffic reads the counters; unreadable ones start again from zero.
func openTraffic(ctx context.Context, store metastore.Value, now func() lifeTraffic, log *slog.Logger) (*traffic, error) {
	t := &traffic{store: store, now: now, log: log}
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
	for _, n := range []int64{v.Sent, v.Received, v.Useful, v.Duplicate, v.Wrong, v.FromSeeds, v.FromOrigins} {
		if n < 0 || n > maxTraffic {
			return lifeTraffic{}, fmt.Errorf("%d bytes were never counted", n)
		}
	}
	return v, nil
}

// total returns the counters over all runs.
func (t *traffic) total() lifeTraffic {
	now, b := t.now(), t.before
	return lifeTraffic{
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
		case <-tick.C:
			if err := t.save(ctx); err != nil && ctx.Err() == nil {
				t.log.Warn("it will be tried again", "err", err)
			}
		case <-ctx.Done():
			return t.save(context.WithoutCancel(ctx))
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
