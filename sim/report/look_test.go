package report

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLook(t *testing.T) {
	dir := os.Getenv("LOOK")
	if dir == "" {
		t.Skip()
	}
	var runs, runs2, runs3 []*Report
	for _, n := range []int{20, 50, 100, 200, 500} {
		for seed := range uint64(3) {
			r := made("flash-crowd", n, seed)
			r.CompletionSeconds.P95 *= 1 + float64(n)/5000
			runs = append(runs, r)
			for _, up := range []string{"5", "10", "20"} {
				q := *r
				q.Settings = map[string]string{"class.up": up}
				f := map[string]float64{"5": 1.8, "10": 1.3, "20": 1}[up]
				q.CompletionSeconds.P95 *= f
				q.RatioToBound.P95 *= f
				runs2 = append(runs2, &q)
			}
			if n == 50 {
				for _, l := range []string{"quic", "fast"} {
					q := *r
					q.Links = l
					runs3 = append(runs3, &q)
				}
			}
		}
	}
	for name, rs := range map[string][]*Report{"one": runs, "two": runs2, "words": runs3} {
		s, err := NewSweep(rs)
		if err != nil {
			t.Fatal(err)
		}
		fs, err := s.Figures("", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fs {
			b, err := f.PNG()
			if err != nil {
				t.Fatal(err)
			}
			os.WriteFile(filepath.Join(dir, name+"-"+f.Name+".png"), b, 0o644)
		}
		h, _ := os.Create(filepath.Join(dir, name+".html"))
		if err := s.HTML(h, "", nil); err != nil {
			t.Fatal(err)
		}
		h.Close()
		f, _ := os.Create(filepath.Join(dir, name+".txt"))
		s.Table(f)
		f.Close()
	}
	sets := map[string][]*Report{"flash": {made("flash-crowd", 100, 1)}, "flash3": {made("flash-crowd", 50, 1), made("flash-crowd", 50, 2), made("flash-crowd", 50, 3)},
		"global": {made("global", 120, 1)}, "lan": {made("lan", 50, 1)}, "churn": {made("churn", 50, 1)}, "broken": {broken()}}
	for name, runs := range sets {
		for _, f := range Figures(runs) {
			b, err := f.PNG()
			if err != nil {
				t.Fatal(err)
			}
			os.WriteFile(filepath.Join(dir, name+"-"+f.Name+".png"), b, 0o644)
			s, err := f.SVG()
			if err != nil {
				t.Fatal(err)
			}
			os.WriteFile(filepath.Join(dir, name+"-"+f.Name+".svg"), s, 0o644)
		}
		h, _ := os.Create(filepath.Join(dir, name+".html"))
		if err := HTML(h, runs); err != nil {
			t.Fatal(err)
		}
		h.Close()
		f, _ := os.Create(filepath.Join(dir, name+".txt"))
		if len(runs) > 1 {
			m, err := Merge(runs)
			if err != nil {
				t.Fatal(err)
			}
			m.Table(f)
		} else {
			runs[0].Table(f)
		}
		f.Close()
	}
}
