package format

import "testing"

func TestNumbersReadWell(t *testing.T) {
	for s, want := range map[float64]string{0: "0 s", 0.0003: "0.30 ms", 0.035: "35.0 ms", 0.42: "0.42 s", 3.336: "3.34 s", 34.14: "34.1 s", 341: "341 s", 2000: "33.3 min", 82000: "22.8 h", 300000: "3.47 d", -11.2: "−11.2 s"} {
		if got := Seconds(s); got != want {
			t.Errorf("%v s is written %q, want %q", s, got, want)
		}
	}
	for n, want := range map[int64]string{12: "12 B", 6_200_000: "6.20 MB", 65536: "65.5 kB", 2_040_000_000: "2.04 GB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d bytes are written %q, want %q", n, got, want)
		}
	}
}
