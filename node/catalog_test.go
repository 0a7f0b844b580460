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

func loadCatalog(t *testing.T, store datastore.Batching) map[uint64]record {
	t.Helper()
	records, err := catalog{store}.load(context.Background(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func keepRecord(t *testing.T, store datastore.Batching, rec record) {
	t.Helper()
	if err := (catalog{store}).save(context.Background(), rec); err != nil {
		t.Fatal(err)
	}
}

func rel(seq uint64) verify.Release { return verify.Release{Sequence: seq, Version: "v"} }

func TestCatalogSurvivesAReopen(t *testing.T) {
	store := dssync.MutexWrap(datastore.NewMapDatastore())
	for seq := range uint64(3) {
		keepRecord(t, store, record{Release: rel(seq + 1), State: control.StateVerified})
	}
	keepRecord(t, store, record{Release: rel(2), State: control.StateFailed, Attempts: 2, LastError: "boom", FailedWith: "12345678"})
	got := loadCatalog(t, store)
	if len(got) != 3 || got[2].State != control.StateFailed || got[2].Attempts != 2 || got[2].LastError != "boom" || got[2].FailedWith != "12345678" ||
		got[3].State != control.StateVerified {
		t.Errorf("after reopening: %+v", got)
	}
}

func TestCatalogDropsWhatItCannotRead(t *testing.T) {
	ctx := context.Background()
	store := dssync.MutexWrap(datastore.NewMapDatastore())
	keepRecord(t, store, record{Release: rel(7), State: control.StateConfirmed})
	good, err := store.Get(ctx, datastore.NewKey(recordKey(7)))
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
	got := loadCatalog(t, store)
	if len(got) != 1 || got[7].State != control.StateConfirmed {
		t.Errorf("after reopening: %+v", got)
	}
	if running, _ := installed(got); running.Release.Sequence != 7 {
		t.Errorf("running: %+v", running)
	}
}

func TestInstalledNamesTheFallbackUntilConfirmed(t *testing.T) {
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
			records := map[uint64]record{}
			for i, s := range c.states {
				seq := uint64(i + 1)
				records[seq] = record{Release: rel(seq), State: s}
			}
			running, fallback := installed(records)
			if running.Release.Sequence != c.running || fallback.Release.Sequence != c.fallback {
				t.Errorf("running %d, fallback %d; want %d and %d", running.Release.Sequence, fallback.Release.Sequence, c.running, c.fallback)
			}
		})
	}
}

func TestDamagedStateIsSurvived(t *testing.T) {
	ctx := context.Background()
	raw := dssync.MutexWrap(datastore.NewMapDatastore())
	store := metastore.Checked(raw)
	for seq := range uint64(2) {
		keepRecord(t, store, record{Release: rel(seq + 1), State: control.StateVerified})
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
	damage(datastore.NewKey(recordKey(1)))
	if got := loadCatalog(t, store); len(got) != 1 || got[2].Release.Sequence != 2 {
		t.Errorf("the catalog after damage: %+v", got)
	}

	counters := metastore.ValueAt(store, "total")
	now := func() lifeTraffic {
		l := lifeTraffic{FromSeeds: 5, Installs: control.InstallCounts{Confirmed: 1}}
		l.Tiers[0].Sent = 7
		return l
	}
	first, err := openTraffic(ctx, counters, now, newSignal(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.save(ctx); err != nil {
		t.Fatal(err)
	}
	second, err := openTraffic(ctx, counters, now, newSignal(), slog.New(slog.DiscardHandler))
	if err != nil || second.total().FromSeeds != 10 || second.total().Tiers[0].Sent != 14 || second.total().Installs.Confirmed != 2 {
		t.Errorf("counters after a restart: %+v, %v", second.total(), err)
	}
	damage(datastore.NewKey("total"))
	third, err := openTraffic(ctx, counters, now, newSignal(), slog.New(slog.DiscardHandler))
	if err != nil || third.total().FromSeeds != 5 {
		t.Errorf("counters after damage: %+v, %v", third.total(), err)
	}
}
