package verify_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"camswarm/verify"
)

func formatDoc(t *testing.T, section string) string {
	t.Helper()
	b, err := os.ReadFile("../docs/FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "\n## "+section+"\n")
	if !ok {
		t.Fatalf("docs/FORMAT.md has no section %q", section)
	}
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}

// The table of refusals names every attack word of the code, and no other.
func TestFormatDocNamesEveryRefusal(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var code []string
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Attack") {
			word, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			code = append(code, word)
		}
		return true
	})
	var doc []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\|").FindAllStringSubmatch(formatDoc(t, "Refusals"), -1) {
		doc = append(doc, m[1])
	}
	slices.Sort(code)
	slices.Sort(doc)
	if len(code) == 0 || !slices.Equal(code, doc) {
		t.Errorf("docs/FORMAT.md names %q, the code %q", doc, code)
	}
}

// The table of manifest keys is that of the golden manifest with every field.
func TestFormatDocListsEveryManifestKey(t *testing.T) {
	var fields map[int]any
	if err := cbor.Unmarshal(golden(t, "manifest.cbor"), &fields); err != nil {
		t.Fatal(err)
	}
	types := map[string]reflect.Type{
		"uint":          reflect.TypeFor[uint64](),
		"text":          reflect.TypeFor[string](),
		"bytes":         reflect.TypeFor[[]byte](),
		"array of text": reflect.TypeFor[[]any](),
		"array":         reflect.TypeFor[[]any](),
	}
	rows := regexp.MustCompile(`(?m)^\| (\d+) \| ([a-z ]+) \| (.*?) \|`).FindAllStringSubmatch(formatDoc(t, "Manifest"), -1)
	if len(rows) != len(fields) {
		t.Errorf("docs/FORMAT.md lists %d keys, a full manifest has %d", len(rows), len(fields))
	}
	var least map[int]any
	if err := cbor.Unmarshal(golden(t, "manifest-least.cbor"), &least); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		key, _ := strconv.Atoi(row[1])
		if got := reflect.TypeOf(fields[key]); got == nil || got != types[row[2]] {
			t.Errorf("key %d is %v, docs/FORMAT.md says %s", key, got, row[2])
		}
		_, always := least[key]
		if optional := strings.Contains(row[3], "*optional*"); optional == always {
			t.Errorf("key %d: docs/FORMAT.md says optional: %v, the least manifest has it: %v", key, optional, always)
		}
	}
}

// The table of a move's keys is that of the least one and one with everything.
func TestFormatDocListsEveryMoveKey(t *testing.T) {
	one, _, _ := crews(t)
	m := move(t, 1, at(0), at(0), 1, one)
	m.To.Address[0]++ // on the same chain
	keys := func() map[int]any {
		payload, err := m.Payload()
		if err != nil {
			t.Fatal(err)
		}
		var fields map[int]any
		if err := cbor.Unmarshal(payload, &fields); err != nil {
			t.Fatal(err)
		}
		return fields
	}
	least := keys()
	m.Endpoints, m.StartOf, m.StopOf = []verify.MoveEndpoint{{URL: "https://one.example"}}, 1, 1
	m.Finality, m.Reason = "latest", "the chain died"
	full := keys()
	rows := regexp.MustCompile(`(?m)^\| (\d+) \| [^|]+ \| (.*?) \|`).FindAllStringSubmatch(formatDoc(t, "Move"), -1)
	if len(rows) != len(full) {
		t.Errorf("docs/FORMAT.md lists %d keys, a full move has %d", len(rows), len(full))
	}
	for _, row := range rows {
		key, _ := strconv.Atoi(row[1])
		_, always := least[key]
		if _, ok := full[key]; !ok || strings.Contains(row[2], "*optional*") == always {
			t.Errorf("key %d: there %v, always %v, docs/FORMAT.md says %q", key, ok, always, row[2])
		}
	}
}

// The table of a rotation's keys is that of the golden one and the optional
// reason.
func TestFormatDocListsEveryRotationKey(t *testing.T) {
	r, err := verify.DecodeRotation(golden(t, "rotation.cbor"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Reason != "" {
		t.Fatal("the golden rotation must be the least one")
	}
	keys := func() map[int]any {
		payload, err := r.Payload()
		if err != nil {
			t.Fatal(err)
		}
		var fields map[int]any
		if err := cbor.Unmarshal(payload, &fields); err != nil {
			t.Fatal(err)
		}
		return fields
	}
	least := keys()
	r.Reason = "a key was lost"
	full := keys()
	rows := regexp.MustCompile(`(?m)^\| (\d+) \| [a-z ]+ \| (.*?) \|`).FindAllStringSubmatch(formatDoc(t, "Rotation"), -1)
	if len(rows) != len(full) {
		t.Errorf("docs/FORMAT.md lists %d keys, a full rotation has %d", len(rows), len(full))
	}
	for _, row := range rows {
		key, _ := strconv.Atoi(row[1])
		_, always := least[key]
		if _, ok := full[key]; !ok || strings.Contains(row[2], "*optional*") == always {
			t.Errorf("key %d: there %v, always %v, docs/FORMAT.md says %q", key, ok, always, row[2])
		}
	}
}
