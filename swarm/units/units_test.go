package units

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestAmountsAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "6200000": 6_200_000, "6.2MB": 6_200_000, "6.2 MB": 6_200_000, "500kB": 500_000, "500KB": 500_000, "2GB": 2e9, "1TB": 1e12,
		"64KiB": 65536, "256MiB": 256 << 20, "1GiB": 1 << 30, "7B": 7, "0.001kB": 1, "9007199254740992": 1 << 53, "9007199254740991": 1<<53 - 1,
	} {
		if got, err := ParseSize(text); err != nil || int64(got) != want {
			t.Errorf("size %q: %d, %v; want %d", text, got, err, want)
		}
		if !strings.HasSuffix(text, "B") {
			continue
		}
		if got, err := ParseRate(text + "/s"); err != nil || int64(got) != want {
			t.Errorf("rate %q: %d, %v; want %d", text+"/s", got, err, want)
		}
	}
	for text, want := range map[string]Rate{
		"0": 0, "64000": 64_000, "64kbit/s": 8000, "16Mbit/s": 2_000_000, "1 Gbit/s": 125_000_000, "800bit/s": 100, "1.5MB/s": 1_500_000, "2MiB/s": 2 << 20,
	} {
		if got, err := ParseRate(text); err != nil || got != want {
			t.Errorf("rate %q: %d, %v; want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]int64{"128MB": 128 << 20, "128mb": 128 << 20, "64 MiB": 64 << 20, "1GB": 1 << 30, "100000000": 100_000_000} {
		if got, err := ParseMemory(text); err != nil || got != want {
			t.Errorf("memory %q: %d, %v; want %d", text, got, err, want)
		}
	}
}

func TestWhatIsNoAmountSaysWhatToWrite(t *testing.T) {
	for text, says := range map[string]string{
		"": "6200000", "-1": "negative", "-1MB": "negative", "MB": "6.2MB", "1.5": "6.2MB", ".5MB": "6.2MB", "5.MB": "6.2MB", "1.2.3MB": "6.2MB", "1e9": "6.2MB",
		"0x10": "6.2MB", "1_000": "6.2MB", "1,5MB": "6.2MB", "10Mb": "capital B", "10mb": "capital B", "10MB/s": "no size", "9007199254740993000": "too large", "99999TB": "too large",
		"0.0001kB": "less than one byte", " 1MB": "6.2MB", "1MB ": "6.2MB", "1  MB": "6.2MB", "١MB": "6.2MB", "NaN": "6.2MB", "Inf": "6.2MB",
	} {
		if got, err := ParseSize(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("size %q: %d, %v; want an error that says %q", text, got, err, says)
		}
	}
	for text, says := range map[string]string{"2MB": "2MB", "2Mb/s": "capital B", "2Mbps": "capital B", "-5": "negative", "16mbit/s": "16Mbit/s", "0.01bit/s": "less than one byte"} {
		if got, err := ParseRate(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("rate %q: %d, %v; want an error that says %q", text, got, err, says)
		}
	}
}

func TestAmountsInJSON(t *testing.T) {
	var got struct {
		Size Size
		Rate *Rate
	}
	for text, want := range map[string]struct {
		size Size
		rate Rate
	}{
		`{"Size":5,"Rate":7}`:                 {5, 7},
		`{"Size":"5kB","Rate":"16Mbit/s"}`:    {5000, 2_000_000},
		`{"Size":"1","Rate":"\u0031kB\/s"}`:   {1, 1000},
		`{"Size":9007199254740992,"Rate":0}`:  {1 << 53, 0},
		`{"Size":   12   ,"Rate":"1.5 MB/s"}`: {12, 1_500_000},
	} {
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.Size != want.size || *got.Rate != want.rate {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		again, err := json.Marshal(got)
		if err != nil || strings.Contains(string(again), "B") {
			t.Errorf("%s became %s, %v", text, again, err)
		}
	}
	for _, text := range []string{`{"Size":-1}`, `{"Size":1.5}`, `{"Size":1e3}`, `{"Size":null}`, `{"Size":true}`, `{"Size":[]}`, `{"Size":{}}`, `{"Rate":"fast"}`} {
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s was read", text)
		}
	}
}

func FuzzAmounts(f *testing.F) {
	for _, s := range []string{"6.2MB", "16Mbit/s", "64000", "1.5 MiB/s", "9007199254740992", "0.125kB"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if size, err := ParseSize(s); err == nil {
			if again, err := ParseSize(size.String()); err != nil || again != size || size < 0 || size > maxAmount {
				t.Errorf("%q is %d, written %q, read again as %d, %v", s, size, size, again, err)
			}
		}
		if rate, err := ParseRate(s); err == nil {
			if again, err := ParseRate(rate.String()); err != nil || again != rate || rate < 0 || rate > maxAmount {
				t.Errorf("%q is %d, written %q, read again as %d, %v", s, rate, rate, again, err)
			}
		}
		if m, err := ParseMemory(s); err == nil && (m < 0 || m > math.MaxInt64/2) {
			t.Errorf("%q is %d bytes of memory", s, m)
		}
	})
}
