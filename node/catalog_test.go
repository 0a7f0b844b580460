package node

import (
	"context"
	"log/slog"
	"testing"

	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"

	"camswarm/node/control"
	"camswarm/node/metastore"
	"camswarm/verify"
)

func testCatalog(t *testing.T, store datastore.Batching) *Catalog {
	t.Helper()
	c, err := OpenCatalog(context.Background(), store, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func rel(seq uint64) verify.Release { return verify.Release{Sequence: seq, Version: "v"} }

func TestCatalogSurvivesAReopen(t *testing.T) {
	ctx := context.Background()
	store := dssync.MutexWrap(datastore.NewMapDatastore())
	c := testCatalog(t, store)
	for seq := range uint64(3) {
		if err := c.advance(ctx, rel(seq+1), control.StateVerified); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Update(ctx, rel(2), func(r *Record) { r.State, r.Attempts, r.LastError = control.StateFailed, 2, "boom" }); err != nil {
		t.Fatal(err)
	}
	again := testCatalog(t, store)
	if got := again.All(); len(got) != 3 || got[1].State != control.StateFailed || got[1].Attempts != 2 || got[1].LastError != "boom" || got[2].State != control.StateVerified {
		t.Errorf("after reopening: %+v", got)
	}
}

func TestCatalogDropsWhatItCannotRead(t *testing.T) {
	ctx := context.Background()
	store := dssync.MutexWrap(datastore.NewMapDatastore())
	c := testCatalog(t, store)
	if err := c.advance(ctx, rel(7), control.StateConfirmed); err != nil {
		t.Fatal(err)
	}
	good, err := store.Get(ctx, recordKey(7))
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{
		"/1":    "{",
		"/2":    `{"release":{"Sequence":3},"state":"confirmed"}`,
		"/3":    `{"release":{"Sequence":3},"state":"promoted"}`,
		"/0":    `{"release":{"Sequence":0},"state":"confirmed"}`,
		"/8":    string(good), // a genuine record under another key
		"/junk": "\x00\xff",
	} {
		if err := store.Put(ctx, datastore.RawKey(key), []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	again := testCatalog(t, store)
	if got := again.All(); len(got) != 1 || got[0].Release.Sequence != 7 || got[0].State != control.StateConfirmed {
		t.Errorf("after reopening: %+v", got)
	}
	if running, _ := again.Installed(); running == nil || running.Release.Sequence != 7 {
		t.Errorf("running: %+v", running)
	}
}

func TestInstalledNamesTheFallbackUntilConfirmed(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name              string
		states            []control.State // of releases 1, 2, …
		running, fallback uint64
	}{
		{"factory", nil, 0, 0},
		{"fetched only", []control.State{control.StateVerified}, 0, 0},
		{"first", []control.State{control.StateInstalled}, 1, 0},
		{"confirmed", []control.State{control.StateConfirmed}, 1, 0},
		{"second unconfirmed", []control.State{control.StateConfirmed, control.StateInstalled}, 2, 1},
		{"second confirmed", []control.State{control.StateConfirmed, control.StateConfirmed}, 2, 0},
		{"second failed", []control.State{control.StateConfirmed, control.StateFailed}, 1, 0},
		{"third unconfirmed over a failed one", []control.State{control.StateConfirmed, control.StateFailed, control.StateInstalled}, 3, 1},
		{"retired fallback", []control.State{control.StateRetired, control.StateInstalled}, 2, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			cat := testCatalog(t, dssync.MutexWrap(datastore.NewMapDatastore()))
			for i, s := range c.states {
				if err := cat.advance(ctx, rel(uint64(i+1)), s); err != nil {
					t.Fatal(err)
				}
			}
			running, fallback := cat.Installed()
			seq := func(r *Record) uint64 {
				if r == nil {
					return 0
				}
				return r.Release.Sequence
			}
			if seq(running) != c.running || seq(fallback) != c.fallback {
				t.Errorf("running %d, fallback %d; want %d and %d", seq(running), seq(fallback), c.running, c.fallback)
			}
		})
	}
}

func TestRetiredRecordsAreForgottenInTime(t *testing.T) {
	ctx := context.Background()
	store := dssync.MutexWrap(datastore.NewMapDatastore())
	c := testCatalog(t, store)
	for seq := range uint64(10) {
		state := control.StateRetired
		if seq == 9 {
			state = control.StateConfirmed
		}
		if err := c.advance(ctx, rel(seq+1), state); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.forgetRetired(ctx, 3); err != nil {
		t.Fatal(err)
	}
	for _, cat := range []*Catalog{c, testCatalog(t, store)} {
		var seqs []uint64
		for _, r := range cat.All() {
			seqs = append(seqs, r.Release.Sequence)
		}
		if len(seqs) != 4 || seqs[0] != 7 || seqs[3] != 10 {
			t.Errorf("kept %v, want 7 to 10", seqs)
		}
	}
}

func TestDamagedStateIsSurvived(t *testing.T) {
	ctx := context.Background()
	raw := dssync.MutexWrap(datastore.NewMapDatastore())
	store := metastore.Checked(raw)
	c := testCatalog(t, store)
	for seq := range uint64(2) {
		if err := c.advance(ctx, rel(seq+1), control.StateVerified); err != nil {
			t.Fatal(err)
		}
	}
	damage := func(key datastore.Key) {
		t.Helper()
		value, err := raw.Get(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		value[len(value)/2] ^= 1
		if err := raw.Put(ctx, key, value); err != nil {
			t.Fatal(err)
		}
	}
	damage(recordKey(1))
	if got := testCatalog(t, store).All(); len(got) != 1 || got[0].Release.Sequence != 2 {
		t.Errorf("the catalog after damage: %+v", got)
	}

	counters := metastore.ValueAt(store, "total")
	now := func() lifeTraffic { return lifeTraffic{FromSeeds: 5} }
	first, err := openTraffic(ctx, counters, now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.save(ctx); err != nil {
		t.Fatal(err)
	}
	second, err := openTraffic(ctx, counters, now, slog.New(slog.DiscardHandler))
	if err != nil || second.total().FromSeeds != 10 {
		t.Errorf("counters after a restart: %+v, %v", second.total(), err)
	}
	damage(datastore.NewKey("total"))
	third, err := openTraffic(ctx, counters, now, slog.New(slog.DiscardHandler))
	if err != nil || third.total().FromSeeds != 5 {
		t.Errorf("counters after damage: %+v, %v", third.total(), err)
	}
}
