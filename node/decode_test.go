package node

import (
	"testing"

	"camswarm/node/control"
	"camswarm/verify"
)

func FuzzCatalogRecord(f *testing.F) {
	f.Add("/3", []byte(`{"release":{"Sequence":3,"Version":"1.3"},"state":"confirmed","updatedAt":"2030-01-01T00:00:00Z"}`))
	f.Add("/18446744073709551615", []byte(`{"release":{"Sequence":18446744073709551615},"state":"confirmed"}`))
	f.Add("/4", []byte(`{"release":{"Sequence":4},"state":"verified","attempts":-1}`))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		r, err := decodeRecord(key, value)
		if err != nil {
			return
		}
		if seq := r.Release.Sequence; seq == 0 || seq > maxSequence || "/"+recordKey(seq) != key || r.State < control.StateKnown || r.State > control.StateRetired || r.Attempts < 0 {
			t.Errorf("accepted %+v under %s", r, key)
		}
	})
}

func FuzzTraffic(f *testing.F) {
	f.Add([]byte(`{"Sent":1,"Received":2,"Useful":2,"Duplicate":0,"Wrong":0,"FromSeeds":1}`))
	f.Add([]byte(`{"Sent":9223372036854775807}`))
	f.Add([]byte(`{"Received":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := decodeTraffic(data)
		if err != nil && v != (lifeTraffic{}) {
			t.Errorf("%+v with %v", v, err)
		}
		for _, n := range []int64{v.Sent, v.Received, v.Useful, v.Duplicate, v.Wrong, v.FromSeeds} {
			if n < 0 || n > maxTraffic {
				t.Errorf("accepted %+v", v)
			}
		}
	})
}

func FuzzSeedList(f *testing.F) {
	f.Add([]byte(`{"release":3,"addrs":["/ip4/192.0.2.1/tcp/4417/p2p/12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X"]}`))
	f.Add([]byte(`{"release":18446744073709551615,"addrs":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := decodeSeedList(data)
		if err == nil && (l.Release == 0 || l.Release > maxSequence || len(l.Addrs) > verify.MaxSeeds) || err != nil && l.Release != 0 {
			t.Errorf("%+v with %v", l, err)
		}
	})
}

func FuzzKeptLimits(f *testing.F) {
	f.Add([]byte(`{"config":{"mode":"share"},"set":{"uploadLimit":8000,"mode":"leech","metered":true,"quietHours":"07:00-23:00","quietMode":"off"}}`))
	f.Add([]byte(`{"config":{},"set":{"uploadLimit":-1,"mode":"share","quietMode":"off"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := decodeKeptLimits(data)
		if err == nil && checkLimits(&k.Set) != nil {
			t.Errorf("accepted %+v", k)
		}
	})
}

func FuzzConsent(f *testing.F) {
	f.Add([]byte(`{"sequence":3,"answer":"later","until":1796000000}`))
	f.Add([]byte(`{"sequence":0,"answer":"now"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := decodeAnswer(data)
		if err != nil && a != (answer{}) || err == nil && (a.Sequence == 0 || a.Sequence > maxSequence) {
			t.Errorf("%+v with %v", a, err)
		}
	})
}
