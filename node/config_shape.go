package node

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"camswarm/node/nearest"
	"camswarm/swarm/units"
)

// checkTable compares a decoded TOML table with the structure that it is meant
// for, and says in an operator's words what does not fit: unknown keys, values of
// another kind, numbers that a field cannot hold. The decoder that comes after it
// would overflow or truncate some of them, and take 30 for 30 nanoseconds.
func checkTable(table map[string]any, t reflect.Type, path string) error {
	fields := map[string]reflect.Type{}
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("toml"); name != "" && name != "-" {
			fields[name] = t.Field(i).Type
		}
	}
	for _, key := range slices.Sorted(maps.Keys(table)) {
		at := strings.TrimPrefix(path+"."+key, ".")
		field, ok := fields[key]
		if !ok {
			return unknownKey(at, key, slices.Sorted(maps.Keys(fields)))
		}
		if err := checkValue(table[key], field, at); err != nil {
			return err
		}
	}
	return nil
}

func checkValue(v any, t reflect.Type, at string) error {
	mismatch := func(want string) error { return fmt.Errorf("%s must be %s; it is %s", at, want, describe(v)) }
	text, isText := v.(string)
	if isText {
		if i := strings.IndexFunc(text, unicode.IsControl); i >= 0 || !utf8.ValidString(text) {
			return fmt.Errorf("%s holds a control character or is no UTF-8: %q", at, text)
		}
	}
	switch {
	case t == reflect.TypeFor[time.Duration]():
		if number, ok := v.(int64); ok && number == 0 {
			return nil
		}
		if !isText {
			return mismatch(`a time in quotes with its unit, such as "30s", "10m" or "24h"`)
		}
		if _, err := time.ParseDuration(text); err != nil {
			return fmt.Errorf(`%s is %q; write a time with its unit, such as "30s", "10m" or "24h"`, at, text)
		}
		return nil
	case t == reflect.TypeFor[units.Rate](), t == reflect.TypeFor[units.Size]():
		if number, ok := v.(int64); ok {
			text, isText = strconv.FormatInt(number, 10), true
		}
		fallthrough
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		if !isText {
			return mismatch("a text in quotes")
		}
		if err := reflect.New(t).Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		return nil
	case t == reflect.TypeFor[Command]():
		if isText {
			return nil
		}
	}
	switch t.Kind() {
	case reflect.String:
		if !isText {
			return mismatch("a text in quotes")
		}
	case reflect.Bool:
		if _, ok := v.(bool); !ok {
			return mismatch("true or false, without quotes")
		}
	case reflect.Int, reflect.Int64:
		number, ok := v.(int64)
		if !ok {
			return mismatch("a whole number without quotes")
		}
		if reflect.Zero(t).OverflowInt(number) {
			return fmt.Errorf("%s is %d, which is too large", at, number)
		}
	case reflect.Uint, reflect.Uint64:
		number, ok := v.(int64)
		if !ok {
			return mismatch("a whole number without quotes")
		}
		if number < 0 {
			return fmt.Errorf("%s is %d; it cannot be negative", at, number)
		}
	case reflect.Float64:
		_, whole := v.(int64)
		if _, ok := v.(float64); !ok && !whole {
			return mismatch("a number without quotes")
		}
	case reflect.Struct:
		table, ok := v.(map[string]any)
		if !ok {
			return mismatch("a section")
		}
		return checkTable(table, t, at)
	case reflect.Slice:
		list, ok := listOf(v)
		if !ok && t.Elem().Kind() == reflect.Struct {
			return mismatch("a list of sections, each under [[" + at + "]]")
		}
		if !ok {
			return mismatch(`a list, such as ["one", "two"]`)
		}
		for i, element := range list {
			where := at
			if len(list) > 1 {
				where = fmt.Sprintf("%s[%d]", at, i+1)
			}
			if err := checkValue(element, t.Elem(), where); err != nil {
				return err
			}
		}
	default:
		panic("node: a configuration field of type " + t.String() + " that nothing checks")
	}
	return nil
}

// listOf returns a TOML array's elements; those of tables have a type of their
// own.
func listOf(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case []map[string]any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = v[i]
		}
		return out, true
	}
	return nil, false
}

// describe says what kind of value stands in the file.
func describe(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("the text %q", v)
	case int64:
		return fmt.Sprintf("the number %d", v)
	case float64:
		return fmt.Sprintf("the number %v", v)
	case bool:
		return fmt.Sprint(v)
	case time.Time:
		return "a date"
	case map[string]any:
		return "a section"
	default:
		return "a list"
	}
}

// unknownKey names the known key that is most like the unknown one, or all.
func unknownKey(at, key string, known []string) error {
	if at != key && slices.Contains(topKeys(), key) {
		return fmt.Errorf("unknown key %q: %q stands before the first [section] of the file", at, key)
	}
	if best := nearest.To(key, known); best != "" {
		return fmt.Errorf("unknown key %q; did you mean %q?", at, strings.TrimSuffix(at, key)+best)
	}
	return fmt.Errorf("unknown key %q; known here are %s", at, strings.Join(known, ", "))
}

// topKeys are the keys of the configuration that belong to no section.
func topKeys() (keys []string) {
	t := reflect.TypeFor[Config]()
	for i := range t.NumField() {
		if f := t.Field(i); f.Type.Kind() != reflect.Struct && f.Type.Kind() != reflect.Slice {
			keys = append(keys, strings.Split(f.Tag.Get("toml"), ",")[0])
		}
	}
	return keys
}
