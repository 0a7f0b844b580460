package gateway

import (
	"errors"
	"net/http"

	"github.com/ipfs/go-cid"
	"google.golang.org/protobuf/encoding/protowire"
)

// link is one of a DAG-PB node.
type link struct {
	name string
	to   cid.Cid
}

var errNode = &refusal{http.StatusBadRequest, "the CID says DAG-PB, the block is no such node"}

// links decodes those of a DAG-PB node, in order. The nodes that are served are made
// by this program, so what it does not need it does not check.
func links(node []byte) (out []link, err error) {
	err = fields(node, func(number protowire.Number, value []byte) error {
		if number != 2 { // Links
			return nil
		}
		var l link
		err := fields(value, func(number protowire.Number, value []byte) (err error) {
			switch number {
			case 1: // Hash
				l.to, err = cid.Cast(value)
			case 2: // Name
				l.name = string(value)
			}
			return err
		})
		if err == nil && !l.to.Defined() {
			err = errNode
		}
		out = append(out, l)
		return err
	})
	return out, err
}

// fields calls f with each field of bytes in a protobuf message.
func fields(b []byte, f func(protowire.Number, []byte) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errNode
		}
		b = b[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
				return errNode
			}
			b = b[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(b)
		if n < 0 {
			return errNode
		}
		if err := f(number, value); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// walk lists the blocks of a DAG, depth first, and with dups each as often as it is
// met: the order in which a client can check what it reads.
func (s *Server) walk(root cid.Cid, path []string, scope string, dups bool) ([]cid.Cid, error) {
	var out []cid.Cid
	seen := map[cid.Cid]bool{}
	emit := func(c cid.Cid) error {
		if !dups && seen[c] {
			return nil
		}
		if seen[c] = true; len(out) >= maxDAG {
			return errors.New("the DAG is too large")
		}
		out = append(out, c)
		return nil
	}
	node := func(c cid.Cid) ([]link, error) {
		if c.Prefix().Codec != cid.DagProtobuf {
			return nil, nil
		}
		data, ok := s.cfg.Block(c)
		if !ok {
			return nil, errMissing
		}
		return links(data)
	}
	at := root
	for _, name := range path {
		below, err := node(at)
		if err == nil {
			err = emit(at)
		}
		if err != nil {
			return nil, err
		}
		to := cid.Undef
		for _, l := range below {
			if l.name == name {
				to = l.to
			}
		}
		if at = to; !at.Defined() {
			return nil, errMissing
		}
	}
	var down func(c cid.Cid, depth int) error
	down = func(c cid.Cid, depth int) error {
		if depth > maxDepth {
			return errors.New("the DAG is too deep")
		}
		if err := emit(c); err != nil {
			return err
		}
		below, err := node(c)
		if err != nil || scope == scopeBlock || scope == scopeEntity && depth == 0 && isDirectory(below) {
			return err
		}
		for _, l := range below {
			if err := down(l.to, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	err := down(at, 0)
	return out, err
}

// isDirectory tells a directory from a file, whose links have no names.
func isDirectory(below []link) bool { return len(below) > 0 && below[0].name != "" }
