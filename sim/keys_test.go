package sim

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// tagged lists the keys of a scenario's types as paths without numbers.
func tagged(prefix string, t reflect.Type) (out []string) {
	for f := range t.Fields() {
		path := prefix + f.Tag.Get("toml")
		ft := f.Type
		if ft.Kind() == reflect.Slice && ft.Elem().Kind() == reflect.Struct {
			ft = ft.Elem()
		}
		if ft.Kind() == reflect.Struct {
			out = append(out, tagged(path+".", ft)...)
		} else {
			out = append(out, path)
		}
	}
	return out
}

// TestReferenceHasEveryKeyAtItsDefault holds reference.toml to the code.
func TestReferenceHasEveryKeyAtItsDefault(t *testing.T) {
	keys, err := referenceKeys()
	if err != nil {
		t.Fatal(err)
	}
	want := tagged("", reflect.TypeFor[Scenario]())
	for _, path := range want {
		if _, ok := keys[path]; !ok {
			t.Errorf("reference.toml has no %s", path)
		}
	}
	if len(keys) != len(want) {
		t.Errorf("reference.toml has %d keys, a scenario %d", len(keys), len(want))
	}
	s, err := Parse([]byte(reference))
	if err != nil {
		t.Fatal(err)
	}
	d := Default()
	d.Classes = s.Classes // the class that stands for none, and a step that changes nothing
	d.Rollout = s.Rollout
	d.Latency.Regions = s.Latency.Regions // empty, not nil
	if !reflect.DeepEqual(*s, d) {
		t.Errorf("reference.toml is\n%+v, the defaults are\n%+v", *s, d)
	}
	plain, err := Parse(nil)
	if err != nil || !reflect.DeepEqual(plain.Classes, s.Classes) {
		t.Errorf("its class is %+v, that of no class %+v (%v)", s.Classes, plain.Classes, err)
	}
	if !reflect.DeepEqual(s.Rollout, []Step{{Mode: "all"}}) {
		t.Errorf("its rollout is %+v", s.Rollout)
	}
	// Each comment says what kind of value is meant, numbers and times with their unit.
	units := strings.Fields("Mbit/s MB/s ns packets bytes time share part percent cameras nodes seeds releases endpoints sites connections round of seed honest least longest")
	for line := range strings.Lines(reference) {
		name, rest, isKey := strings.Cut(line, " = ")
		if !isKey || strings.HasPrefix(line, "#") {
			continue
		}
		value, comment, _ := strings.Cut(rest, "  # ")
		first, _, _ := strings.Cut(strings.TrimSpace(comment), " ")
		number := strings.ContainsAny(value[:1], "0123456789")
		if _, err := time.ParseDuration(strings.Trim(strings.TrimSpace(value), `"`)); number || err == nil && strings.HasPrefix(value, `"`) {
			if !slices.Contains(units, strings.Trim(first, ",:;")) {
				t.Errorf("the comment of %s opens with no unit: %s", name, comment)
			}
		}
	}
}

// TestCompleteFilesAreTheSameScenarios holds what camsim show prints.
func TestCompleteFilesAreTheSameScenarios(t *testing.T) {
	keys, err := referenceKeys()
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range Scenarios() {
		s, err := Load(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		text := s.Complete()
		again, err := Parse([]byte(text))
		if err != nil || !reflect.DeepEqual(s, again) {
			t.Errorf("%s: %v\n%s", info.Name, err, text)
		}
		for path := range keys {
			name := path[strings.LastIndex(path, ".")+1:]
			if !strings.Contains(text, "\n"+name+" = ") && !strings.Contains(text, "\n# "+name+" = ") && !strings.HasPrefix(text, name) {
				t.Errorf("%s: no %s in\n%s", info.Name, path, text)
			}
		}
	}
	// Uncommenting every line gives a scenario, too: its keys stand in their sections.
	s, err := Load("global")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for line := range strings.Lines(s.Complete()) {
		if rest, ok := strings.CutPrefix(line, "# "); ok && (strings.Contains(rest, " = ") && strings.Contains(rest, "  # ") || strings.HasPrefix(rest, "[[")) {
			line = rest
		}
		all.WriteString(line)
	}
	if got, err := Parse([]byte(all.String())); err != nil || len(got.Classes) != 1 || len(got.Rollout) != 1 {
		t.Errorf("%v\n%s", err, all.String())
	}
}

func TestParametersAreAllKeys(t *testing.T) {
	s, err := Load("flash-crowd")
	if err != nil {
		t.Fatal(err)
	}
	p := s.Parameters()
	for key, want := range map[string]string{"nodes": "100", "class.1.up": "20", "latency.rtt_max": "150ms", "seeds.warm": "true", "churn.leave": "0", "name": "flash-crowd"} {
		if p[key] != want {
			t.Errorf("%s is %q, expected %q", key, p[key], want)
		}
	}
	if _, there := p["seed"]; there {
		t.Error("the seed is a parameter: two runs would never compare")
	}
}

func TestWrongSettingsAreExplained(t *testing.T) {
	for setting, words := range map[string]string{
		"nodes=many":          "a whole number",
		"nodes=1.5":           "a whole number",
		"churn.leave=half":    "a number, such as 0.3",
		"loss=nan":            "a number, such as 0.3",
		"warm_up=90":          "a duration, such as 30s",
		"seeds.warm=maybe":    "true or false",
		"latency.regions=moo": "a list",
		"class=1":             "a list",
		"nodez=1":             "did you mean \"nodes\"",
		"moo=1":               "camsim show flash-crowd has all keys",
		"class.2.up=1":        "camsim show flash-crowd has all keys",
	} {
		s, err := Load("flash-crowd")
		if err != nil {
			t.Fatal(err)
		}
		before := s.Complete()
		key, value, _ := strings.Cut(setting, "=")
		err = s.Set(key, value)
		if err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "strconv") || strings.Contains(err.Error(), "toml:") {
			t.Errorf("%s: %v", setting, err)
		}
		if s.Complete() != before {
			t.Errorf("%s changed the scenario", setting)
		}
	}
	s := Default()
	for _, set := range []string{`class=[{up=5,down=9,share=1}]`, "class.1.up=7", `latency.regions=["a","b"]`, `links="fast"`} {
		key, value, _ := strings.Cut(set, "=")
		if err := s.Set(key, value); err != nil {
			t.Errorf("%s: %v", set, err)
		}
	}
	if len(s.Classes) != 1 || s.Classes[0].Up != 7 || len(s.Latency.Regions) != 2 || s.Links != "fast" {
		t.Errorf("%+v", s)
	}
	if _, err := Parse([]byte("[[class]]\nup = 1\ndown = 1\nloss = nan")); err == nil {
		t.Error("a loss that is no number was taken")
	}
}
