//go:build !camera

package p2p

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ipfs/boxo/ipns"
	"github.com/ipfs/boxo/path"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/routing"
)

// IPNSRecord is what an IPNS record says (https://specs.ipfs.tech/ipns/ipns-record/).
// All of it is signed with the key that the name is made of.
type IPNSRecord struct {
	Value    string         // content path, such as /ipfs/CID
	Sequence uint64         // the DHT prefers the higher one; at most 2^63-1
	Validity time.Time      // its end
	TTL      time.Duration  // how long caches may keep it
	Metadata map[string]any // further entries of the signed data: string, []byte, int64 or bool; at most maxIPNSMetadata
}

// IPNSName returns the name that belongs to a key, which must be Ed25519, in
// its usual form: the base36 CID of the key.
func IPNSName(pub crypto.PubKey) (string, error) {
	key, err := crypto.MarshalPublicKey(pub)
	if err != nil || pub.Type() != crypto.Ed25519 {
		return "", fmt.Errorf("%w: a name is made of an Ed25519 key", ErrIPNS)
	}
	// The identity multihash of the key: code 0, length, bytes.
	name, err := ipns.NameFromRoutingKey(append([]byte(ipns.NamespacePrefix), append([]byte{0, byte(len(key))}, key...)...))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrIPNS, err)
	}
	return name.String(), nil
}

// ParseIPNSName checks a name and returns it in its usual form. Names are those
// of Ed25519 keys, in any form that IPFS tools print, with or without /ipns/.
func ParseIPNSName(s string) (string, error) {
	name, _, err := parseIPNSName(s)
	if err != nil {
		return "", err
	}
	return name.String(), nil
}

func parseIPNSName(s string) (ipns.Name, crypto.PubKey, error) {
	if len(s) > maxIPNSName {
		return ipns.Name{}, nil, fmt.Errorf("%w: a name has at most %d bytes", ErrIPNS, maxIPNSName)
	}
	name, err := ipns.NameFromString(s)
	if err != nil {
		return name, nil, fmt.Errorf("%w: name %q: %w", ErrIPNS, s, err)
	}
	pub, err := name.Peer().ExtractPublicKey()
	if err != nil || pub.Type() != crypto.Ed25519 {
		return name, nil, fmt.Errorf("%w: name %q is not that of an Ed25519 key", ErrIPNS, s)
	}
	return name, pub, nil
}

// Sign makes the encoded record, version 2 alone.
func (r IPNSRecord) Sign(key crypto.PrivKey) ([]byte, error) {
	value, err := path.NewPath(r.Value)
	if err != nil {
		return nil, fmt.Errorf("%w: value: %w", ErrIPNS, err)
	}
	rec, err := ipns.NewRecord(key, value, r.Sequence, r.Validity, r.TTL,
		ipns.WithV1Compatibility(false), ipns.WithPublicKey(false), ipns.WithMetadata(r.Metadata))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIPNS, err)
	}
	data, err := ipns.MarshalRecord(rec)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIPNS, err)
	}
	name, err := IPNSName(key.GetPublic())
	if err != nil {
		return nil, err
	}
	_, err = OpenIPNS(name, data) // nobody is sent what others would refuse
	return data, err
}

// OpenIPNS decodes a record of a name and checks its signature and form. It asks
// no clock: whether Validity has passed is for the caller, who may know the time
// better than the device's clock.
func OpenIPNS(name string, data []byte) (*IPNSRecord, error) {
	n, pub, err := parseIPNSName(name)
	if err != nil {
		return nil, err
	}
	return openIPNS(n, pub, data)
}

func openIPNS(name ipns.Name, pub crypto.PubKey, data []byte) (*IPNSRecord, error) {
	bad := func(err error) (*IPNSRecord, error) { return nil, fmt.Errorf("%w: %w", ErrIPNS, err) }
	rec, err := ipns.UnmarshalRecord(data) // refuses what is over 10 KiB
	if err != nil {
		return bad(err)
	}
	// An embedded key is redundant with an Ed25519 name, and has to be the same.
	if embedded, err := rec.PubKey(); err == nil && !embedded.Equals(pub) || err != nil && !errors.Is(err, ipns.ErrPublicKeyNotFound) {
		return bad(ipns.ErrPublicKeyMismatch)
	}
	// Validate looks at the signature first and at the wall clock last, so that
	// "expired" says that all before it is right.
	if err := ipns.Validate(rec, pub); err != nil && !errors.Is(err, ipns.ErrExpiredRecord) {
		return bad(err)
	}
	value, err := rec.Value()
	if err != nil {
		return bad(err)
	}
	validity, err := rec.Validity()
	if err != nil {
		return bad(err)
	}
	sequence, err := rec.Sequence()
	if err != nil || int64(sequence) < 0 {
		return bad(errors.New("the sequence is missing or over 2^63-1"))
	}
	ttl, err := rec.TTL()
	if err != nil {
		ttl = 0 // optional for readers
	}
	out := &IPNSRecord{Value: value.String(), Sequence: sequence, Validity: validity, TTL: max(ttl, 0), Metadata: map[string]any{}}
	for key, v := range rec.MetadataEntries() {
		if len(out.Metadata) == maxIPNSMetadata {
			return bad(fmt.Errorf("over %d entries of metadata", maxIPNSMetadata))
		}
		switch v.Kind() {
		case ipns.MetadataKindString:
			out.Metadata[key], err = v.AsString()
		case ipns.MetadataKindBytes:
			out.Metadata[key], err = v.AsBytes()
		case ipns.MetadataKindInt:
			out.Metadata[key], err = v.AsInt()
		case ipns.MetadataKindBool:
			out.Metadata[key], err = v.AsBool()
		}
		if err != nil {
			return bad(err)
		}
	}
	return out, nil
}

// newerIPNS compares two checked records by the rule of the specification: the
// higher sequence, then the later end, then (so that all agree) the bytes.
func newerIPNS(a, b *IPNSRecord, rawA, rawB []byte) bool {
	switch {
	case a.Sequence != b.Sequence:
		return a.Sequence > b.Sequence
	case !a.Validity.Equal(b.Validity):
		return a.Validity.After(b.Validity)
	}
	return bytes.Compare(rawA, rawB) > 0
}

// SetIPNSNames says which names this node cares for, at most MaxIPNSNames; it
// replaces those of an earlier call. Records of others are neither stored for
// the DHT nor accepted from it, so that nobody can fill a server's memory: there
// is room for one record of 10 KiB for each name that the caller vouches for.
func (n *Network) SetIPNSNames(names []string) error {
	if len(names) > MaxIPNSNames {
		return fmt.Errorf("%w: %d names, at most %d", ErrIPNS, len(names), MaxIPNSNames)
	}
	known := make(map[ipns.Name]crypto.PubKey, len(names))
	for _, s := range names {
		name, pub, err := parseIPNSName(s)
		if err != nil {
			return err
		}
		known[name] = pub
	}
	n.ipns.mu.Lock()
	n.ipns.keys = known
	n.ipns.mu.Unlock()
	return nil
}

// PutIPNS stores a record on the DHT. Servers keep it for two days, those that
// care for the name. An error that wraps ErrIPNS is the record's fault; after
// any other, such as no server being known yet, a seed answers for the record
// itself, and the call may be repeated. Without a DHT it returns ErrNoDHT.
func (n *Network) PutIPNS(ctx context.Context, name string, record []byte) error {
	parsed, pub, err := parseIPNSName(name)
	if err != nil {
		return err
	}
	if _, err := openIPNS(parsed, pub, record); err != nil {
		return err
	}
	d := n.dht.Load()
	if d == nil {
		return ErrNoDHT
	}
	ctx, cancel := context.WithTimeout(ctx, routingTimeout)
	defer cancel()
	if err := d.PutValue(ctx, string(parsed.RoutingKey()), record); err != nil {
		return fmt.Errorf("swarm: put the IPNS record of %s: %w", name, err)
	}
	return nil
}

// FindIPNS asks the DHT for the record of a name, once and for at most 30 s, and
// returns the newest that a few servers have, with its signature checked. It
// returns ErrNoIPNS when nobody has one.
func (n *Network) FindIPNS(ctx context.Context, name string) (*IPNSRecord, error) {
	parsed, pub, err := parseIPNSName(name)
	if err != nil {
		return nil, err
	}
	d := n.dht.Load()
	if d == nil {
		return nil, ErrNoDHT
	}
	if d.RoutingTable().Size() == 0 && !n.cfg.seed() {
		return nil, errNoServers
	}
	ctx, cancel := context.WithTimeout(ctx, routingTimeout)
	defer cancel()
	data, err := d.GetValue(ctx, string(parsed.RoutingKey()), dht.Quorum(ipnsQuorum))
	if data != nil {
		return openIPNS(parsed, pub, data)
	}
	if errors.Is(err, routing.ErrNotFound) {
		return nil, ErrNoIPNS
	}
	return nil, fmt.Errorf("swarm: find the IPNS record of %s: %w", name, err)
}

// ipnsValidator is the DHT's rule for values: IPNS records of the names that the
// node cares for, and nothing else.
type ipnsValidator struct{ names *ipnsNames }

// ipnsNames are the names that a node cares for, with their keys.
type ipnsNames struct {
	mu   sync.Mutex
	keys map[ipns.Name]crypto.PubKey
}

func (v ipnsValidator) open(key string, value []byte) (*IPNSRecord, error) {
	name, err := ipns.NameFromRoutingKey([]byte(key))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIPNS, err)
	}
	v.names.mu.Lock()
	pub, known := v.names.keys[name]
	v.names.mu.Unlock()
	if !known {
		return nil, fmt.Errorf("%w: no release here names %s", ErrIPNS, name)
	}
	return openIPNS(name, pub, value)
}

// Validate implements record.Validator of go-libp2p-record.
func (v ipnsValidator) Validate(key string, value []byte) error {
	_, err := v.open(key, value)
	return err
}

// Select implements record.Validator. It passes over what does not hold.
func (v ipnsValidator) Select(key string, values [][]byte) (int, error) {
	best := -1
	var record *IPNSRecord
	for i, value := range values {
		if r, err := v.open(key, value); err == nil && (best < 0 || newerIPNS(r, record, value, values[best])) {
			best, record = i, r
		}
	}
	if best < 0 {
		return 0, ErrNoIPNS
	}
	return best, nil
}
