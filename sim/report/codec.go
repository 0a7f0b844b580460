package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// Limits of a document that is read. A report of 10,000 cameras with eight
// baselines takes about 10 MB.
const (
	maxDocumentBytes = 1 << 30
	maxNodes         = 2_000_000
	maxProgress      = 1000    // entries of Node.Progress
	maxSeconds       = 1e10    // 300 years; JSON cannot hold infinities, but figures of 1e308 s help nobody
	maxBytes         = 1 << 53 // what JSON numbers hold exactly
)

// ErrFormat is returned for a document that is not a report of this schema.
var ErrFormat = errors.New("not a report")

// Encode writes the report as one indented JSON document. Lists and maps that
// readers rely on are there even when empty.
func (r *Report) Encode(w io.Writer) error {
	out := *r
	out.Schema = Schema
	if out.PerNode == nil {
		out.PerNode = []Node{}
	}
	if out.Violations == nil {
		out.Violations = []Violation{}
	}
	if out.BytesByTier == nil {
		out.BytesByTier = map[string]int64{}
	}
	if out.Baselines == nil {
		out.Baselines = map[string]Baseline{}
	}
	if out.LinkModel.Classes == nil {
		out.LinkModel.Classes = []LinkClass{}
	}
	return encode(w, out)
}

func encode(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// Decode reads one report. It refuses another schema, more than one document,
// and numbers that no run can have; fields that it does not know are skipped,
// since a schema may gain fields.
func Decode(rd io.Reader) (*Report, error) {
	data, err := io.ReadAll(io.LimitReader(rd, maxDocumentBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxDocumentBytes {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrFormat, maxDocumentBytes)
	}
	var head struct {
		Schema   *int   `json:"schema"`
		Scenario string `json:"scenario"`
	}
	if err := decodeOne(data, &head); err != nil {
		return nil, err
	}
	switch {
	case head.Schema == nil:
		return nil, fmt.Errorf("%w: it has no schema number; give the report.json that `camsim run --out` writes", ErrFormat)
	case *head.Schema != Schema:
		return nil, fmt.Errorf("%w of schema %d but of schema %d: read it with the camsim that wrote it, or repeat the run", ErrFormat, Schema, *head.Schema)
	}
	r := new(Report)
	if err := decodeOne(data, r); err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return r, nil
}

// decodeOne decodes exactly one document.
func decodeOne(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(v); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: the document is cut off; repeat the run", ErrFormat)
		}
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows the document; give one report per file", ErrFormat)
	}
	return nil
}

// check refuses numbers that would break figures and tables.
func (r *Report) check() error {
	c := new(checker)
	c.count("nodes", r.Nodes)
	c.count("seeds", r.Seeds)
	c.count("unfinished", r.Unfinished)
	c.count("perNode", len(r.PerNode))
	c.bytes("imageBytes", r.ImageBytes)
	c.bytes("blockBytes", r.BlockBytes)
	c.bytes("peakMemoryBytes", r.PeakMemoryBytes)
	c.number("fluidBoundSeconds", r.FluidBoundSeconds)
	c.number("fluidBound95Seconds", r.FluidBound95Seconds)
	c.number("ratioToBound95", r.RatioToBound95)
	for _, v := range []float64{r.NATBoundSeconds, r.NATBound95Seconds, r.MeshBoundSeconds, r.MeshBound95Seconds} {
		c.number("natBoundSeconds", v)
	}
	c.quantiles("alikeSeconds", r.AlikeSeconds)
	c.quantiles("completionSeconds", r.CompletionSeconds)
	c.quantiles("sinceBlockSeconds", r.SinceBlockSeconds)
	c.number("blockLeadSeconds", r.BlockLeadSeconds)
	c.quantiles("ratioToBound", r.RatioToBound)
	c.quantiles("announceSeconds", r.AnnounceSeconds)
	c.quantiles("lookAgeSeconds", r.LookAgeSeconds)
	for name, v := range map[string]float64{"duplicateRatio": r.DuplicateRatio, "seedCopies": r.SeedCopies, "messagesPerBlock": r.MessagesPerBlock,
		"cpuSeconds": r.CPUSeconds, "wallSeconds": r.WallSeconds, "virtualSeconds": r.VirtualSeconds} {
		c.number(name, v)
	}
	for tier, b := range r.BytesByTier {
		c.bytes("bytesByTier."+tier, b)
	}
	for name, b := range r.Baselines {
		c.quantiles("baselines."+name, b.Quantiles)
		c.count("baselines."+name+".unfinished", b.Unfinished)
		c.count("baselines."+name+".seconds", len(b.Seconds))
		for _, s := range b.Seconds {
			c.number("baselines."+name+".seconds", s)
		}
	}
	for _, t := range []*S3Terms{r.S3Terms, r.S3TermsP50} {
		if t == nil {
			continue
		}
		for _, v := range []float64{t.PushSeconds, t.RoundTripSeconds, t.BandwidthSeconds, t.PeersSeconds, t.TotalSeconds, t.Speedup, t.SpeedupOverCapped} {
			c.number("s3Terms", v)
		}
	}
	for _, l := range r.LinkModel.Classes {
		c.count("linkModel.classes.nodes", l.Nodes)
		for _, v := range []float64{l.Up, l.Down} {
			if !(v >= 0 && v <= 1e18) {
				c.fail("linkModel.classes", v)
			}
		}
		c.number("linkModel.classes.loss", l.Loss)
	}
	for _, s := range r.Sites {
		c.count("sites.nodes", s.Nodes)
		c.bytes("sites.downBytes", s.DownBytes)
		c.bytes("sites.upBytes", s.UpBytes)
		c.number("sites.copies", s.Copies)
	}
	for _, s := range r.Stages {
		c.number("stages.atSeconds", s.AtSeconds)
		c.count("stages.eligible", s.Eligible)
		c.count("stages.unfinished", s.Unfinished)
		c.quantiles("stages.completionSeconds", s.Completion)
	}
	for _, f := range r.Faults {
		c.number("faults.atSeconds", f.AtSeconds)
		c.count("faults.nodes", f.Nodes)
	}
	for _, n := range r.PerNode {
		for _, v := range []float64{n.Joined, n.Announced, n.FirstByte, n.Fetched, n.Verified, n.Installed, n.LookAge} {
			c.number("perNode", v)
		}
		if len(n.Progress) > maxProgress {
			c.fail("perNode.progressSeconds", len(n.Progress))
		}
		for _, v := range n.Progress {
			c.number("perNode.progressSeconds", v)
		}
		for _, b := range []int64{n.Sent, n.Received, n.Duplicate, n.Wrong, n.LineSent, n.LineRecv} {
			c.bytes("perNode", b)
		}
		for _, b := range n.ByTier {
			c.bytes("perNode.bytesByTier", b)
		}
		c.count("perNode.peers", n.Peers)
	}
	return c.err
}

// checker keeps the first complaint.
type checker struct{ err error }

func (c *checker) fail(field string, v any) {
	if c.err == nil {
		c.err = fmt.Errorf("%s is %v, which no run has", field, v)
	}
}

func (c *checker) count(field string, n int) {
	if n < 0 || n > maxNodes {
		c.fail(field, n)
	}
}

func (c *checker) bytes(field string, n int64) {
	if n < 0 || n > maxBytes {
		c.fail(field, n)
	}
}

func (c *checker) number(field string, v float64) {
	if !(math.Abs(v) <= maxSeconds) {
		c.fail(field, v)
	}
}

func (c *checker) quantiles(field string, q Quantiles) {
	for _, v := range []float64{q.P50, q.P95, q.P99, q.Max} {
		c.number(field, v)
	}
}
