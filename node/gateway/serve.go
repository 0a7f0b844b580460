package gateway

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ipfs/go-cid"

	"camswarm/swarm/car"
)

// forever is for how long what a CID names may be kept.
const forever = "public, max-age=29030400, immutable"

// ipfs answers GET /ipfs/CID[/path], as ?format=raw or car.
func (s *Server) ipfs(w *reply, r *http.Request) (string, error) {
	root, err := parse(r.PathValue("cid"))
	if err != nil {
		return "other", err
	}
	switch name, params := format(r); name {
	case formatRaw:
		return formatRaw, s.raw(w, r, root)
	case formatCAR:
		return formatCAR, s.archive(w, r, root, params)
	default:
		return "other", &refusal{http.StatusNotAcceptable, "this gateway answers ?format=raw and ?format=car alone"}
	}
}

// describe sets the headers of what a CID names, and tells whether the client has it.
func describe(w http.ResponseWriter, r *http.Request, media, name, etag string) (known bool) {
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Ipfs-Path", r.URL.Path)
	h.Set("X-Ipfs-Roots", r.PathValue("cid"))
	h.Set("Cache-Control", forever)
	h.Set("Etag", etag)
	h.Set("Vary", "Accept")
	for tag := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if strings.TrimPrefix(strings.TrimSpace(tag), "W/") == strings.TrimPrefix(etag, "W/") {
			w.WriteHeader(http.StatusNotModified)
			return true
		}
	}
	return false
}

// raw answers a block.
func (s *Server) raw(w *reply, r *http.Request, c cid.Cid) error {
	if r.PathValue("path") != "" {
		return &refusal{http.StatusBadRequest, "a block has no path; ask for its own CID"}
	}
	if _, ok := inline(c); !ok {
		if _, ok := s.cfg.Size(c); !ok {
			return errMissing
		}
	}
	if err := w.admit(); err != nil {
		return err
	}
	data, err := s.block(c)
	if err != nil {
		return err
	}
	if describe(w, r, mediaRaw, c.String()+".bin", `"`+c.String()+`.raw"`) {
		return nil
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data)) // ranges, and HEAD
	return w.err
}

// archive answers the DAG below a CID and a path as a CAR.
func (s *Server) archive(w *reply, r *http.Request, root cid.Cid, params map[string]string) error {
	q := r.URL.Query()
	for key, known := range map[string][]string{"version": {"1"}, "order": {"dfs", "unk"}, "dups": {"y", "n"}} {
		if v := q.Get("car-" + key); v != "" {
			params[key] = v
		}
		if v := params[key]; v != "" && !slices.Contains(known, v) {
			return &refusal{http.StatusBadRequest, fmt.Sprintf("car-%s is %q; this gateway knows %s", key, v, strings.Join(known, ", "))}
		}
	}
	scope := car.Scope(cmp.Or(q.Get("dag-scope"), string(car.ScopeAll)))
	if !slices.Contains([]car.Scope{car.ScopeBlock, car.ScopeEntity, car.ScopeAll}, scope) {
		return &refusal{http.StatusBadRequest, "dag-scope is block, entity or all"}
	}
	var path []string
	if p := strings.Trim(r.PathValue("path"), "/"); p != "" {
		path = strings.Split(p, "/")
	}
	dups := params["dups"] == "y"
	var err error
	var blocks []cid.Cid
	part := q.Get("entity-bytes")
	if part == "" {
		blocks, err = car.Walk(root, path, scope, dups, s.block)
	} else { // which means dag-scope=entity
		var span car.Span
		if span, err = car.ParseSpan(part); err != nil {
			return &refusal{http.StatusBadRequest, "entity-bytes: " + err.Error()}
		}
		scope = car.ScopeEntity
		blocks, err = car.WalkSpan(root, path, span, dups, s.block)
		part = fmt.Sprintf(".%d-%d-%v", span.First, span.Last, span.ToEnd)
	}
	switch {
	case errors.Is(err, car.ErrPath):
		return errMissing
	case errors.Is(err, car.ErrNode):
		return &refusal{http.StatusBadRequest, err.Error()}
	case err != nil:
		return err
	}
	header := car.Header(root)
	total := len(header)
	for _, c := range blocks {
		n, ok := s.size(c)
		if !ok {
			return errMissing
		}
		total += car.SectionLen(c, n)
	}
	if err := w.admit(); err != nil {
		return err
	}
	yes := map[bool]string{true: "y", false: "n"}[dups]
	media := mediaCAR + "; version=1; order=dfs; dups=" + yes
	etag := fmt.Sprintf(`W/"%s.car.%s%s.%s.%x"`, root, scope, part, yes, r.PathValue("path"))
	if describe(w, r, media, root.String()+".car", etag) {
		return nil
	}
	w.Header().Set("Accept-Ranges", "none")
	w.Header().Set("Content-Length", strconv.Itoa(total))
	if r.Method == http.MethodHead {
		return nil
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, c := range blocks {
		data, err := s.block(c)
		if err != nil {
			return err
		}
		if err := car.WriteBlock(w, c, data); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) size(c cid.Cid) (int, bool) {
	if data, ok := inline(c); ok {
		return len(data), true
	}
	return s.cfg.Size(c)
}

// ipns answers GET /ipns/NAME?format=ipns-record, and the same by the Routing V1 API
// (https://specs.ipfs.tech/routing/http-routing-v1/).
func (s *Server) ipns(w *reply, r *http.Request) (string, error) {
	routing := strings.HasPrefix(r.URL.Path, "/routing/")
	if name, _ := format(r); !routing && name != formatRecord {
		return "record", &refusal{http.StatusNotAcceptable, "this gateway answers ?format=ipns-record alone"}
	}
	record, until, ok := s.cfg.Record(r.PathValue("name"))
	if !ok {
		return "record", errMissing
	}
	h := w.Header()
	h.Set("Content-Type", mediaRecord)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Disposition", `attachment; filename="record.ipns-record"`)
	h.Set("Vary", "Accept")
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", max(0, min(recordFresh, time.Until(until))/time.Second)))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(record))
	return "record", w.err
}

// recordFresh is for how long an IPNS record may be kept, at most.
const recordFresh = time.Minute

// providers answers who has a block, by the Routing V1 API: this node, or nobody.
func (s *Server) providers(w *reply, r *http.Request) (string, error) {
	c, err := parse(r.PathValue("cid"))
	if err != nil {
		return "providers", err
	}
	if s.cfg.Providers == nil {
		return "providers", &refusal{http.StatusNotFound, "this gateway does not tell who provides what"}
	}
	type peer struct {
		Schema    string
		ID        string
		Addrs     []string
		Protocols []string
	}
	var reply struct{ Providers []peer }
	reply.Providers = []peer{}
	if _, ok := s.cfg.Size(c); ok {
		id, addrs := s.cfg.Providers()
		reply.Providers = append(reply.Providers, peer{"peer", id, addrs, []string{"transport-bitswap"}})
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Vary", "Accept")
	w.Header().Set("Cache-Control", "public, max-age=15")
	return "providers", json.NewEncoder(w).Encode(reply)
}
