package car

import (
	"errors"
	"fmt"

	"github.com/ipfs/go-cid"
	"google.golang.org/protobuf/encoding/protowire"
)

// Errors of a DAG.
var (
	ErrNode = errors.New("the CID says DAG-PB, the block is no such node")
	ErrPath = errors.New("the directory has no such name")
	ErrSize = errors.New("the DAG is too large, or too deep")
)

// Link is one of a DAG-PB node.
type Link struct {
	Name string
	To   cid.Cid
}

// Links decodes those of a DAG-PB node, in order. What it does not need it does not
// check: whoever reads nodes of strangers compares them with those that it makes.
func Links(node []byte) (out []Link, err error) {
	err = fields(node, func(number protowire.Number, value []byte) error {
		if number != 2 { // Links
			return nil
		}
		var l Link
		err := fields(value, func(number protowire.Number, value []byte) (err error) {
			switch number {
			case 1: // Hash
				l.To, err = cid.Cast(value)
			case 2: // Name
				l.Name = string(value)
			}
			return err
		})
		if err == nil && !l.To.Defined() {
			err = ErrNode
		}
		out = append(out, l)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNode, err)
	}
	return out, nil
}

// fields calls f with each field of bytes in a protobuf message.
func fields(b []byte, f func(protowire.Number, []byte) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return ErrNode
		}
		b = b[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
				return ErrNode
			}
			b = b[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(b)
		if n < 0 {
			return ErrNode
		}
		if err := f(number, value); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// A Scope is how much of a DAG is meant, in the words of trustless gateways.
type Scope string

// The scopes.
const (
	ScopeBlock  Scope = "block"  // the one block
	ScopeEntity Scope = "entity" // a whole file, or a directory's own block
	ScopeAll    Scope = "all"    // everything below
)

// Walk lists the blocks of a DAG from root along a path of names, depth first: the order
// in which a client can check what it reads. With dups a block is listed as often as it
// is met, else once. get returns an inner node; leaves are not read.
func Walk(root cid.Cid, path []string, scope Scope, dups bool, get func(cid.Cid) ([]byte, error)) ([]cid.Cid, error) {
	w := &walk{scope: scope, dups: dups, get: get, seen: map[cid.Cid]bool{}}
	at, err := w.along(root, path)
	if err == nil {
		err = w.down(at, 0)
	}
	return w.out, err
}

// along lists the directories on a path and returns what lies at its end.
func (w *walk) along(at cid.Cid, path []string) (cid.Cid, error) {
	for _, name := range path {
		below, err := w.links(at)
		if err == nil {
			err = w.emit(at)
		}
		if err != nil {
			return cid.Undef, err
		}
		to := cid.Undef
		for _, l := range below {
			if l.Name == name {
				to = l.To
			}
		}
		if at = to; !at.Defined() {
			return cid.Undef, fmt.Errorf("%w: %q", ErrPath, name)
		}
	}
	return at, nil
}

type walk struct {
	scope Scope
	dups  bool
	get   func(cid.Cid) ([]byte, error)
	seen  map[cid.Cid]bool
	out   []cid.Cid
	steps int // of a span
}

func (w *walk) emit(c cid.Cid) error {
	if !w.dups && w.seen[c] {
		return nil
	}
	if len(w.out) >= maxDAG {
		return ErrSize
	}
	w.seen[c] = true
	w.out = append(w.out, c)
	return nil
}

func (w *walk) links(c cid.Cid) ([]Link, error) {
	if c.Prefix().Codec != cid.DagProtobuf {
		return nil, nil
	}
	data, err := w.get(c)
	if err != nil {
		return nil, err
	}
	return Links(data)
}

func (w *walk) down(c cid.Cid, depth int) error {
	if depth > maxDepth {
		return ErrSize
	}
	if w.seen[c] && !w.dups {
		return nil // and all below it
	}
	if err := w.emit(c); err != nil {
		return err
	}
	below, err := w.links(c)
	if err != nil || w.scope == ScopeBlock || w.scope == ScopeEntity && depth == 0 && isDirectory(below) {
		return err
	}
	for _, l := range below {
		if err := w.down(l.To, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// isDirectory tells a directory from a file, whose links have no names.
func isDirectory(below []Link) bool { return len(below) > 0 && below[0].Name != "" }
