package guard

import "testing"

// A share without its sign could be a hundred times too strict: it is refused.
func TestShareNeedsItsSign(t *testing.T) {
	for text, want := range map[string]float64{"5%": 0.05, "0.05 %": 0.0005, "99%": 0.99} {
		if v, err := ParseShare(text); err != nil || v != want {
			t.Errorf("%q: %v, %v", text, v, err)
		}
	}
	for _, text := range []string{"0.05", "5", "", "%", "x%"} {
		if v, err := ParseShare(text); err == nil {
			t.Errorf("%q is taken as %v", text, v)
		}
	}
	for share, want := range map[Share]string{0.05: "5%", 0.99 / 100: "0.99%", 1: "100%", 0: "0%"} {
		if share.String() != want {
			t.Errorf("%v is written %s, not %s", float64(share), share, want)
		}
	}
}
