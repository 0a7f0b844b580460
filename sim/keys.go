package sim

import (
	_ "embed"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"camswarm/verify"
)

// reference is a scenario with every key at its default and a comment for each; a
// test holds it to the code.
//
//go:embed reference.toml
var reference string

var durationType = reflect.TypeFor[time.Duration]()

// key is one key of a scenario and where its value lies.
type key struct {
	path  string // as in seeds.up or class.1.up
	value reflect.Value
}

// keysOf lists the keys below a struct, in the order of its fields. Lists of
// structs are numbered from 1.
func keysOf(prefix string, v reflect.Value) (out []key) {
	for i := range v.NumField() {
		path, f := prefix+v.Type().Field(i).Tag.Get("toml"), v.Field(i)
		switch {
		case f.Kind() == reflect.Struct:
			out = append(out, keysOf(path+".", f)...)
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct:
			for k := range f.Len() {
				out = append(out, keysOf(fmt.Sprintf("%s.%d.", path, k+1), f.Index(k))...)
			}
		default:
			out = append(out, key{path, f})
		}
	}
	return out
}

// Keys returns what [Scenario.Set] takes, but the seed, which is not of a scenario's
// conditions.
func Keys() []string {
	out := []string{"up", "down", "loss", "spread", "burst", "buffer", "jitter", "video", "camera"}
	s := Default()
	for _, k := range keysOf("", reflect.ValueOf(&s).Elem()) {
		if k.path != "seed" {
			out = append(out, k.path)
		}
	}
	return append(out, "class", "rollout")
}

// Parameters returns every key of the scenario but the seed with its value, those
// of the list of classes as class.1.up: what a report keeps of the conditions.
func (s *Scenario) Parameters() map[string]string {
	out := map[string]string{}
	for _, k := range keysOf("", reflect.ValueOf(s).Elem()) {
		switch v := k.value.Interface().(type) {
		case string:
			out[k.path] = v
		case []string:
			out[k.path] = strings.Join(v, ",")
		case time.Duration:
			out[k.path] = verify.Span(v)
		default:
			out[k.path] = tomlValue(k.value)
		}
	}
	delete(out, "seed")
	return out
}

// tomlValue writes a value as a scenario's file has it.
func tomlValue(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case time.Duration:
		return strconv.Quote(verify.Span(x))
	case string:
		return strconv.Quote(x)
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case []string:
		quoted := make([]string, len(x))
		for i, s := range x {
			quoted[i] = strconv.Quote(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	return fmt.Sprint(v.Interface())
}

// parseValue sets a value that is no list from text, and says in plain words what
// it takes if it cannot.
func parseValue(to reflect.Value, text string) error {
	switch {
	case to.Type() == durationType:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("write a duration, such as 30s or 5m")
		}
		to.SetInt(int64(d))
	case to.Kind() == reflect.String:
		to.SetString(text)
	case to.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("write true or false")
		}
		to.SetBool(b)
	case to.CanFloat():
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("write a number, such as 0.3")
		}
		to.SetFloat(f)
	case to.CanInt():
		n, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 10, to.Type().Bits())
		if err != nil {
			return fmt.Errorf("write a whole number, such as 50")
		}
		to.SetInt(n)
	case to.CanUint():
		n, err := strconv.ParseUint(strings.ReplaceAll(text, "_", ""), 10, to.Type().Bits())
		if err != nil {
			return fmt.Errorf("write a whole number, 0 or more")
		}
		to.SetUint(n)
	default:
		return fmt.Errorf("it is a list")
	}
	return nil
}

// alwaysSet are the keys of a list's entries without which an entry says nothing:
// they stand uncommented, whatever their value.
var alwaysSet = []string{"class.name", "class.up", "class.down", "rollout.at", "rollout.mode"}

// Complete writes the scenario as a file with every key: those that differ from
// their defaults set, all others at their defaults in comments, each with its unit
// and what it is for. Parse reads it back as the same scenario.
func (s *Scenario) Complete() string {
	defaults, err := referenceKeys()
	if err != nil {
		panic(err) // it is compiled in, and a test reads it
	}
	values := map[string]reflect.Value{}
	for _, k := range keysOf("", reflect.ValueOf(s).Elem()) {
		values[k.path] = k.value
	}
	var b strings.Builder
	for _, block := range referenceBlocks() {
		entries := []string{block.section} // the key prefix of each time that it is written
		if block.list {
			entries = nil
			for i := 1; values[fmt.Sprintf("%s.%d.%s", block.section, i, block.first())].IsValid(); i++ {
				entries = append(entries, fmt.Sprintf("%s.%d", block.section, i))
			}
		}
		if len(entries) == 0 {
			for _, line := range block.lines { // a list without entries
				b.WriteString(commented(line) + "\n")
			}
			continue
		}
		for i, prefix := range entries {
			for _, line := range block.lines {
				if i > 0 && strings.HasPrefix(line, "#") { // said once
					continue
				}
				name, _, isKey := strings.Cut(line, " = ")
				if !isKey || strings.HasPrefix(line, "#") {
					b.WriteString(line + "\n")
					continue
				}
				path := join(prefix, name)
				set := tomlValue(values[path])
				general := join(block.section, name)
				_, comment, _ := strings.Cut(line, "  # ")
				text := name + " = " + set
				if set == defaults[general] && !slices.Contains(alwaysSet, general) {
					text = "# " + text
				}
				fmt.Fprintf(&b, "%-31s # %s\n", text, strings.TrimSpace(comment))
			}
		}
	}
	return strings.TrimSpace(b.String()) + "\n"
}

// commented makes a line a comment unless it is one or empty.
func commented(line string) string {
	if line == "" || strings.HasPrefix(line, "#") {
		return line
	}
	return "# " + line
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// block is a section of the reference with the comment above it.
type block struct {
	section string // "": the keys above all sections
	list    bool   // [[section]]
	lines   []string
}

// first is the block's first key.
func (b *block) first() string {
	for _, line := range b.lines {
		if name, _, ok := strings.Cut(line, " = "); ok && !strings.HasPrefix(line, "#") {
			return name
		}
	}
	return ""
}

// referenceBlocks cuts the reference into its sections, without its head.
func referenceBlocks() (out []*block) {
	_, text, _ := strings.Cut(reference, "\n\n")
	current := &block{}
	out = append(out, current)
	var above []string // comments and blank lines that may belong to the next section
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		switch {
		case strings.HasPrefix(line, "["):
			name := strings.Trim(line, "[]")
			current = &block{section: name, list: strings.HasPrefix(line, "[["), lines: append(above, line)}
			out, above = append(out, current), nil
		case line == "" || strings.HasPrefix(line, "#"):
			above = append(above, line)
		default:
			current.lines = append(append(current.lines, above...), line)
			above = nil
		}
	}
	return out
}

// referenceKeys are the values in the reference as they stand there, by key;
// entries of lists have no numbers.
func referenceKeys() (map[string]string, error) {
	out := map[string]string{}
	for _, b := range referenceBlocks() {
		for _, line := range b.lines {
			name, rest, ok := strings.Cut(line, " = ")
			if !ok || strings.HasPrefix(line, "#") {
				continue
			}
			value, _, ok := strings.Cut(rest, "  # ")
			if !ok {
				return nil, fmt.Errorf("reference.toml: %s has no comment", name)
			}
			out[join(b.section, name)] = strings.TrimSpace(value)
		}
	}
	return out, nil
}
