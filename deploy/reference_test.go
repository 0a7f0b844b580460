// Package deploy_test holds what is shipped to devices to the code.
package deploy_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"camswarm/node"
)

var update = flag.Bool("update", false, "write camswarmd.toml anew")

// TestReferenceIsTheCode: camswarmd.toml has every setting with its comment in the code
// and its default.
func TestReferenceIsTheCode(t *testing.T) {
	want := reference(t)
	if *update {
		if err := os.WriteFile("camswarmd.toml", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("camswarmd.toml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("deploy/camswarmd.toml is not what the code says: go test ./deploy -run Reference -update")
	}
}

// TestReferenceSpeaksOfSettings: its comments come from the code, and name nothing of it.
func TestReferenceSpeaksOfSettings(t *testing.T) {
	data, err := os.ReadFile("camswarmd.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(data), "\n") {
		for _, name := range regexp.MustCompile(`\[[A-Z]\w+(\.\w+)?\]|\b[a-z]\w*\.[A-Z]\w+|\b[A-Z][a-z]+([A-Z][a-z]+)+\b|\bsee [A-Z]\w+|\b[A-Z]{2,}[a-z]+[A-Z]\w+`).FindAllString(line, -1) {
			t.Errorf("%q names %s; write what its owner calls it", line, name)
		}
	}
}

// TestReferenceWorksAsItIsCommented: with every setting taken out of its comment, and
// what only an owner can know filled in, the file means the defaults; as it is shipped
// it is refused with what is missing.
func TestReferenceWorksAsItIsCommented(t *testing.T) {
	data, err := os.ReadFile("camswarmd.toml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := node.ParseConfig(data); err == nil || !strings.Contains(err.Error(), "[[product]]") {
		t.Errorf("as it is shipped: %v", err)
	}
	text := regexp.MustCompile(`(?m)^#(\[|[a-z_0-9]+ =)`).ReplaceAllString(string(data), "$1")
	own := strings.NewReplacer(
		"name = \"\"", "name = \"acme.example/cam-1\"",
		"threshold = 0\nkeys = []\nrotations", "threshold = 1\nkeys = [\"z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK\"]\nrotations",
		"chain_id = 0", "chain_id = 4689", "registry = \"\"", "registry = \"0x5fbdb2315678afecb367f032d93f642f64180aa3\"", "url = \"\"", "url = \"https://rpc.example\"")
	text = regexp.MustCompile(`(?m)^#.*\n|^\n`).ReplaceAllString(text, "")
	got, err := node.ParseConfig([]byte(own.Replace(text)))
	if err != nil {
		t.Fatalf("%v\n%s", err, own.Replace(text))
	}
	want := node.DefaultConfig(node.RoleCamera)
	p := node.DefaultProduct(node.RoleCamera)
	known := got.Products[0]
	p.Name, p.Threshold, p.Keys = known.Name, known.Threshold, known.Keys
	p.Chain.ChainID, p.Chain.Registry, p.Chain.Endpoints = known.Chain.ChainID, known.Chain.Registry, known.Chain.Endpoints
	want.Products = []node.ProductConfig{p}
	if a, b := plain(got), plain(want); a != b {
		t.Errorf("the file means\n%s\nthe defaults are\n%s", a, b)
	}
}

// plain prints a configuration; an empty list and none are one.
func plain(c node.Config) string {
	return strings.NewReplacer("[]", "", "<nil>", "").Replace(fmt.Sprintf("%+v", c))
}

func reference(t *testing.T) []byte {
	t.Helper()
	w := &writer{t: t, comments: map[string]map[string]string{}}
	fmt.Fprint(&w.out, `# The configuration of camswarmd. A line that begins with "#name =" is a setting with its
# default. 'camswarm provision' writes the part that differs for each product and device:
# the section [[product]]. Unknown settings are refused.
`)
	camera := node.DefaultConfig(node.RoleCamera)
	camera.Products = nil
	w.table(reflect.ValueOf(camera), "", "")
	return w.out.Bytes()
}

type writer struct {
	t        *testing.T
	out      bytes.Buffer
	comments map[string]map[string]string // by type, by field
}

// table writes the settings of a structure, then its tables.
func (w *writer) table(v reflect.Value, path, mark string) {
	typ := v.Type()
	doc := w.docs(typ)
	key := func(f reflect.StructField) string { return strings.Split(f.Tag.Get("toml"), ",")[0] }
	var tables []int
	for i := range typ.NumField() {
		f := typ.Field(i)
		switch name := key(f); {
		case name == "" || name == "-":
		case isTable(f.Type):
			tables = append(tables, i)
		default:
			set := "#"
			if path == "" {
				set = "" // role and state_dir
			}
			w.comment(doc[f.Name], typ)
			fmt.Fprintf(&w.out, "%s%s = %s\n", set, name, literal(w.t, v.Field(i)))
		}
	}
	for _, i := range tables {
		f := typ.Field(i)
		name, value := strings.TrimPrefix(path+"."+key(f), "."), v.Field(i)
		m, open, end := mark, "[", "]"
		if f.Type.Kind() == reflect.Slice {
			m, open, end, value = "#", "[[", "]]", reflect.New(f.Type.Elem()).Elem()
			if f.Type.Elem() == reflect.TypeFor[node.ProductConfig]() {
				value = reflect.ValueOf(node.DefaultProduct(node.RoleCamera))
			}
		}
		fmt.Fprintln(&w.out)
		w.comment(doc[f.Name], typ)
		fmt.Fprintf(&w.out, "%s%s%s%s\n", m, open, name, end)
		w.table(value, name, m)
	}
}

func isTable(t reflect.Type) bool {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && strings.HasPrefix(t.PkgPath(), "camswarm/") && t.NumField() > 0 && t.Field(0).Tag.Get("toml") != ""
}

// comment writes what the code says of a field, with the names of settings in place of
// those of fields.
func (w *writer) comment(text string, typ reflect.Type) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		if name := strings.Split(f.Tag.Get("toml"), ",")[0]; name != "" && name != "-" {
			text = regexp.MustCompile(`\b`+f.Name+`\b`).ReplaceAllString(text, name)
		}
	}
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > 100 {
			fmt.Fprintln(&w.out, line)
			line = "#"
		}
		line += " " + word
	}
	if line != "#" {
		fmt.Fprintln(&w.out, line)
	}
}

func literal(t *testing.T, v reflect.Value) string {
	t.Helper()
	if d, ok := v.Interface().(time.Duration); ok {
		return fmt.Sprintf("%q", strings.NewReplacer("h0m0s", "h", "m0s", "m").Replace(d.String()))
	}
	if v.Kind() == reflect.Slice {
		var items []string
		for i := range v.Len() {
			items = append(items, literal(t, v.Index(i)))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	switch v.Kind() {
	case reflect.String:
		return fmt.Sprintf("%q", v.String())
	case reflect.Int, reflect.Int64: // sizes and rates too: in bytes, and bytes per second
		return fmt.Sprint(v.Int())
	case reflect.Bool, reflect.Uint32, reflect.Uint64, reflect.Float64:
		return fmt.Sprint(v.Interface())
	}
	t.Fatalf("no literal for a %s", v.Type())
	return ""
}

// docs are the comments of a structure's fields.
func (w *writer) docs(typ reflect.Type) map[string]string {
	w.t.Helper()
	id := typ.PkgPath() + "." + typ.Name()
	if w.comments[id] != nil {
		return w.comments[id]
	}
	out := map[string]string{}
	w.comments[id] = out
	files, err := filepath.Glob(filepath.Join("..", strings.TrimPrefix(typ.PkgPath(), "camswarm/"), "*.go"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			w.t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != typ.Name() {
				return true
			}
			s, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, f := range s.Fields.List {
				for _, name := range f.Names {
					out[name.Name] = f.Doc.Text()
				}
			}
			return false
		})
	}
	if len(out) == 0 {
		w.t.Fatalf("%s has no comments", id)
	}
	return out
}
