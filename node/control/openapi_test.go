package control

import (
	"bytes"
	"crypto/rand"
	"encoding"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/libp2p/go-libp2p/core/crypto"

	"camswarm/swarm"
	"camswarm/swarm/units"
	"camswarm/verify"
)

var updateAPI = flag.Bool("update", false, "write openapi.json anew")

// purposes say what each route is for.
var purposes = map[string]string{
	"/v1/status":       "What the node tells about itself.",
	"/v1/peers":        "The connected peers, nearest first.",
	"/v1/releases":     "The releases with bytes on disk.",
	"/v1/fleet":        "What a seed counts of cameras that tell: by region, label, release and state; signed with its identity.",
	"/v1/block":        "One block of at most 64 KiB from the peers, in base64.",
	"/v1/announce":     "Check and publish an announcement (docs/FORMAT.md).",
	"/v1/provide":      "Hand a release over: the parts \"envelope\" and \"image\", in this order.",
	"/v1/ipns":         "Check an IPNS record and keep it on the DHT.",
	"/v1/look":         "Look at the chain now, without waiting for it.",
	"/v1/revoke":       "Put a newer revocation list of the private swarm into force.",
	"/v1/retry":        "Start over with releases that were given up.",
	"/v1/chain/reset":  "Believe the next quorum of chain endpoints even if it contradicts what was accepted.",
	"/v1/gc":           "Collect what is stale, or tell what would go.",
	"/v1/limits":       "Change limits, mode, metered or quiet hours; replies those that are set then.",
	"/v1/busy":         "Ask for the line, for live video; takes effect before the reply.",
	"/v1/consent":      "The owner's answer to the release that the status shows as target.",
	"/v1/events":       "Server-sent events. Each data line is an Event; Last-Event-ID resumes.",
	"/v1/openapi.json": "This document.",
	"/metrics":         "Metrics in Prometheus' text format.",
}

// queries say what each query key means.
var queries = map[string]string{
	"cid":     "of the block",
	"name":    "IPNS name, as the manifest has it",
	"product": "id of the product; all without it",
	"dry_run": "true: only tell",
	"kinds":   "kinds of events, with commas between; all without it",
}

// words are the values of types that are one of few texts.
var words = map[reflect.Type][]any{
	reflect.TypeFor[swarm.Mode](): {swarm.ModeShare, swarm.ModeLAN, swarm.ModeLeech, swarm.ModeOff},
	reflect.TypeFor[State]():      statesAsWords(),
	reflect.TypeFor[Answer]():     {AnswerNow, AnswerLater, AnswerNever},
	reflect.TypeFor[EventKind]():  kindsAsWords(),
}

func statesAsWords() (out []any) {
	for _, name := range stateNames {
		out = append(out, name)
	}
	return out
}

func kindsAsWords() (out []any) {
	for _, k := range EventKinds() {
		out = append(out, k)
	}
	return out
}

// An apiWriter makes schemas of Go types; descriptions are the fields' comments.
type apiWriter struct {
	t        *testing.T
	schemas  map[string]any
	comments map[string]string // "pkg.Type.Field"
}

// comments reads the line comments of the fields of a package's structures.
func (w *apiWriter) read(dir string) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		w.t.Fatal(dir, err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			w.t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			fields, ok := spec.Type.(*ast.StructType)
			if !ok {
				return false
			}
			for _, field := range fields.Fields.List {
				text := field.Comment.Text()
				if text == "" {
					text = field.Doc.Text()
				}
				for _, id := range field.Names {
					w.comments[f.Name.Name+"."+spec.Name.Name+"."+id.Name] = strings.Join(strings.Fields(text), " ")
				}
			}
			return false
		})
	}
}

var (
	textType = reflect.TypeFor[encoding.TextMarshaler]()
	timeType = reflect.TypeFor[time.Time]()
)

// schema describes a type; in says that it is part of a request.
func (w *apiWriter) schema(t reflect.Type, in bool) map[string]any {
	switch {
	case t.Kind() == reflect.Pointer:
		return w.schema(t.Elem(), in)
	case words[t] != nil:
		return map[string]any{"type": "string", "enum": words[t]}
	case t == timeType:
		return map[string]any{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[units.Rate]() && in:
		return map[string]any{"type": []string{"integer", "string"}}
	case t == reflect.TypeFor[units.Rate](), t == reflect.TypeFor[units.Size]():
		return map[string]any{"type": "integer"}
	case t.Implements(textType):
		return map[string]any{"type": "string"}
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return map[string]any{"type": "string", "contentEncoding": "base64"}
	case t.Implements(reflect.TypeFor[json.Marshaler]()):
		w.t.Fatalf("%v has a JSON of its own that this test does not know", t)
	}
	switch t.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Uint32, reflect.Int32, reflect.Uint8:
		return map[string]any{"type": "integer"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Slice:
		return map[string]any{"type": []string{"array", "null"}, "items": w.schema(t.Elem(), in)} // null is an empty one
	case reflect.Struct:
		w.object(t, in)
		return map[string]any{"$ref": "#/components/schemas/" + t.Name()}
	default:
		w.t.Fatalf("a field of type %v has no schema", t)
		return nil
	}
}

func (w *apiWriter) object(t reflect.Type, in bool) {
	if w.schemas[t.Name()] != nil {
		return
	}
	properties, required := map[string]any{}, []string{}
	object := map[string]any{"type": "object", "properties": properties}
	if in {
		object["additionalProperties"] = false
	}
	w.schemas[t.Name()] = object
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		p := w.schema(f.Type, in)
		if text := w.comments[t.String()+"."+f.Name]; text != "" {
			p["description"] = text
		}
		properties[name] = p
		if !strings.Contains(options, "omit") {
			required = append(required, name)
		}
	}
	if len(required) > 0 {
		object["required"] = required
	}
}

// document describes the routes.
func (w *apiWriter) document(routes map[string]route) map[string]any {
	paths := map[string]any{}
	failure := map[string]any{"$ref": "#/components/responses/error"}
	for path, rt := range routes {
		if purposes[path] == "" {
			w.t.Errorf("nobody says what %s is for", path)
		}
		answer := map[string]any{}
		if rt.reply != nil {
			answer["schema"] = w.schema(rt.reply, false)
		}
		operation := map[string]any{
			"summary": purposes[path],
			"responses": map[string]any{
				"200":     map[string]any{"description": "done", "content": map[string]any{rt.gives: answer}},
				"default": failure,
			},
		}
		var parameters []any
		for _, key := range rt.query {
			if queries[key] == "" {
				w.t.Errorf("nobody says what %s of %s means", key, path)
			}
			parameters = append(parameters, map[string]any{
				"in": "query", "name": key, "description": queries[key], "schema": map[string]any{"type": "string"},
			})
		}
		if path == "/v1/events" {
			w.schema(reflect.TypeFor[Event](), false)
			parameters = append(parameters, map[string]any{
				"in": "header", "name": "Last-Event-ID", "description": "of the event after which to go on", "schema": map[string]any{"type": "string"},
			})
		}
		if parameters != nil {
			operation["parameters"] = parameters
		}
		if rt.takes != "" {
			content := map[string]any{}
			if rt.body != nil {
				content["schema"] = w.schema(rt.body, true)
			}
			operation["requestBody"] = map[string]any{"required": true, "content": map[string]any{rt.takes: content}}
		}
		if (rt.takes != "") != (rt.limit > 0) {
			w.t.Errorf("%s takes %q, at most %d bytes of it", path, rt.takes, rt.limit)
		}
		paths[path] = map[string]any{strings.ToLower(rt.method): operation}
	}
	return map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{
			"title": "camswarm node", "version": "1",
			"description": "HTTP/1.1 on the unix socket control.sock of the state directory. Rates are bytes per second. Unknown fields of replies are to be ignored, unknown fields of requests are refused.",
		},
		"paths": paths,
		"components": map[string]any{
			"schemas": w.schemas,
			"responses": map[string]any{"error": map[string]any{
				"description": "refused",
				"content":     map[string]any{"application/json": map[string]any{"schema": w.schema(reflect.TypeFor[errorReply](), false)}},
			}},
		},
	}
}

// The document that a node serves is made of the routes and types that handle
// requests: it can say nothing else. -update writes it.
func TestOpenAPISaysWhatIsServed(t *testing.T) {
	w := &apiWriter{t: t, schemas: map[string]any{}, comments: map[string]string{}}
	for _, dir := range []string{".", "../../swarm/p2p", "../../verify", "../../gc"} {
		w.read(dir)
	}
	s := NewServer("", &desk{}, prometheus.NewRegistry(), nil)
	want, err := json.Marshal(w.document(s.routes()))
	fatal(t, err)
	want = append(want, '\n')
	if *updateAPI {
		fatal(t, os.WriteFile("openapi.json", want, 0o644))
		return // this program has the old one in it
	}
	if got, err := os.ReadFile("openapi.json"); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("openapi.json (%v) is not what the handlers do: go test -run OpenAPI ./node/control -update", err)
	}
	t.Logf("%d bytes, %d routes, %d schemas", len(want), len(s.routes()), len(w.schemas))
	if len(want) > 48<<10 {
		t.Errorf("%d bytes: every camera carries them", len(want))
	}

	c := serveControl(t, controlPath(t), &desk{})
	if got, err := c.do(t.Context(), http.MethodGet, "/v1/openapi.json", nil); err != nil || !bytes.Equal(got, want) {
		t.Errorf("served: %d bytes, %v", len(got), err)
	}
}

// What handlers really answer has the shape that the document says: nothing more, and
// all that is required.
func TestOpenAPIHoldsForReplies(t *testing.T) {
	var doc struct {
		Components struct {
			Schemas map[string]map[string]any
		}
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct{ Schema map[string]any }
			}
		}
	}
	fatal(t, json.Unmarshal(openAPI, &doc))
	var check func(at string, schema map[string]any, v any)
	check = func(at string, schema map[string]any, v any) {
		if ref, ok := schema["$ref"].(string); ok {
			schema = doc.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")]
			if schema == nil {
				t.Fatalf("%s: %s is nowhere", at, ref)
			}
		}
		kind, _ := schema["type"].(string)
		if list, _ := schema["type"].([]any); len(list) > 0 {
			if kind = list[0].(string); v == nil {
				return
			}
		}
		kinds := map[string]reflect.Kind{"string": reflect.String, "boolean": reflect.Bool, "integer": reflect.Float64, "number": reflect.Float64, "array": reflect.Slice, "object": reflect.Map}
		if v != nil && kinds[kind] != reflect.TypeOf(v).Kind() || v == nil {
			t.Errorf("%s is %v, not of type %v", at, v, schema["type"])
			return
		}
		switch v := v.(type) {
		case []any:
			for i, e := range v {
				check(fmt.Sprintf("%s[%d]", at, i), schema["items"].(map[string]any), e)
			}
		case map[string]any:
			properties, _ := schema["properties"].(map[string]any)
			for key, e := range v {
				p, ok := properties[key].(map[string]any)
				if !ok {
					t.Errorf("%s.%s is not described", at, key)
					continue
				}
				check(at+"."+key, p, e)
			}
			required, _ := schema["required"].([]any)
			for _, key := range required {
				if _, ok := v[key.(string)]; !ok {
					t.Errorf("%s lacks %s", at, key)
				}
			}
		}
	}
	identity, _, err := crypto.GenerateEd25519Key(rand.Reader)
	fatal(t, err)
	c := serveControl(t, controlPath(t), &desk{limits: Limits{Mode: swarm.ModeShare}, counts: identity})
	bodies := map[string]string{
		"/v1/limits":  `{"uploadLimit":"64kbit/s"}`,
		"/v1/busy":    `{"seconds":5}`,
		"/v1/consent": fmt.Sprintf(`{"product":%q,"sequence":1,"answer":"now"}`, verify.ProductID{1}),
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for method, op := range doc.Paths[path] {
			schema := op.Responses["200"].Content["application/json"].Schema
			if schema == nil || method == "post" && bodies[path] == "" {
				continue
			}
			at := path
			if path == "/v1/block" {
				at += "?cid=" + verify.RawCID([32]byte{7}).String()
			}
			var request *body
			if text := bodies[path]; text != "" {
				request = &body{strings.NewReader(text), int64(len(text)), "application/json"}
			}
			reply, err := c.do(t.Context(), strings.ToUpper(method), at, request)
			var v any
			if err := errors.Join(err, json.Unmarshal(reply, &v)); err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			check(path, schema, v)
		}
	}
}
