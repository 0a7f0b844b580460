package verify

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MoveContext is the external_aad (RFC 9052 section 4.3) of every signature over
// a move, see [SignatureContext].
const MoveContext = "camswarm/move/v1"

// Move is a manufacturer's statement that it leaves one registry for another,
// with all of its products: because the chain died, the contract has a fault, or
// the old registry's keys are in wrong hands. A threshold of the signing keys in
// force must sign it; nothing of the old registry is needed.
//
// It says whom to ask about the new registry, so that a device that was
// provisioned with endpoints of another chain, and lay on a shelf for years,
// follows by itself.
type Move struct {
	Number     uint64      // 1 for a manufacturer's first move, one more with each
	From, To   RegistryRef // To may be a registry that was left before, or From itself: see [Move.Reset]
	Epoch      uint64      // of the key set that signs; the first one ever provisioned has 1
	Keys       KeySet      // that set
	Endpoints  []MoveEndpoint
	StartOf    uint64 // how many operators must agree before anything new is believed; 0: the default for their number
	StopOf     uint64 // how many suffice to stop; 0: likewise
	Finality   string // block tag to read the new chain at: latest, safe or finalized; "": as the device read before
	Reason     string // for people, at most MaxText bytes; may be empty
	Signatures []Signature
}

// MoveEndpoint is a JSON-RPC server of the new registry's chain. None in a move
// means that the device's own serve it: that is possible on the same chain only.
type MoveEndpoint struct {
	Operator string // who runs it: endpoints of one operator have one vote together; may be empty where there is only one endpoint
	URL      string // http or https, at most MaxText bytes
}

// Validate checks every field on its own and against the others, and that no
// key signed twice; not the signatures, for which there is [Move.Check].
func (m *Move) Validate() error {
	if m.Number == 0 {
		return errors.New("move has number 0, the first one has 1")
	}
	if err := m.From.Validate(); err != nil {
		return fmt.Errorf("move, old registry: %w", err)
	}
	if err := m.To.Validate(); err != nil {
		return fmt.Errorf("move, new registry: %w", err)
	}
	if m.Epoch == 0 {
		return errors.New("move has key epoch 0, the first one is 1")
	}
	if err := m.Keys.Validate(); err != nil {
		return fmt.Errorf("move, keys: %w", err)
	}
	if len(m.Endpoints) == 0 && m.From.ChainID != m.To.ChainID {
		return fmt.Errorf("move leads to chain %d and names no endpoint of it: devices know only those of chain %d", m.To.ChainID, m.From.ChainID)
	}
	if len(m.Endpoints) > MaxMoveEndpoints {
		return fmt.Errorf("move names %d endpoints, at most %d are allowed", len(m.Endpoints), MaxMoveEndpoints)
	}
	operators := map[string]bool{}
	for i, e := range m.Endpoints {
		if err := e.validate(len(m.Endpoints) > 1); err != nil {
			return fmt.Errorf("move, endpoint %d: %w", i+1, err)
		}
		if slices.ContainsFunc(m.Endpoints[:i], func(o MoveEndpoint) bool { return o.URL == e.URL }) {
			return fmt.Errorf("move names endpoint %s twice", e.URL)
		}
		operators[e.Operator] = true
	}
	if n := uint64(len(operators)); m.StartOf > n || m.StopOf > n || m.StopOf > m.StartOf && m.StartOf != 0 {
		return fmt.Errorf("move asks for %d operators to start and %d to stop, it names %d", m.StartOf, m.StopOf, n)
	}
	if m.StartOf != 0 && 2*m.StartOf <= uint64(len(operators)) {
		return fmt.Errorf("move asks for %d of %d operators to start: it must be more than half of them", m.StartOf, len(operators))
	}
	switch m.Finality {
	case "", "latest", "safe", "finalized":
	default:
		return fmt.Errorf("move, finality %q must be latest, safe or finalized", m.Finality)
	}
	if m.Reason != "" {
		if err := checkText(m.Reason); err != nil {
			return fmt.Errorf("move, reason: %w", err)
		}
	}
	return checkSigners("move", m.Signatures, MaxSigners)
}

func (e MoveEndpoint) validate(several bool) error {
	if e.Operator == "" {
		if several {
			return errors.New("its operator is not named")
		}
	} else if err := checkText(e.Operator); err != nil {
		return fmt.Errorf("operator: %w", err)
	}
	if err := checkText(e.URL); err != nil {
		return fmt.Errorf("URL: %w", err)
	}
	scheme, rest, _ := strings.Cut(e.URL, "://")
	if scheme != "http" && scheme != "https" || rest == "" || strings.ContainsAny(e.URL, " \\\"<>^`{|}") || strings.ContainsFunc(e.URL, func(r rune) bool { return r > '~' }) {
		return fmt.Errorf("%q is no http or https URL", clip(e.URL))
	}
	return nil
}

// ToBeSigned returns the bytes that a key signs of the statement, see
// [Envelope.ToBeSigned].
func (m *Move) ToBeSigned(k PublicKey) ([]byte, error) {
	payload, err := m.Payload()
	if err != nil {
		return nil, err
	}
	return toBeSigned(k, payload, []byte(MoveContext))
}

// Reset reports whether the move leads from a registry to itself: devices then
// forget what they accepted of it and believe the next quorum (TUF's fast-forward
// recovery, section 5.3.11 of its specification 1.0).
func (m *Move) Reset() bool { return m.From == m.To }

// Verify reports whether s is its key's signature over the statement.
func (m *Move) Verify(s Signature) bool {
	payload, err := m.Payload()
	return err == nil && s.verify(payload, []byte(MoveContext))
}

// Check checks that the statement is complete: every signature is valid and by
// a key of its set, and the threshold is reached. That the set is one to follow
// is for [Verifier.CheckSigned] and [Verifier.AdoptHistory]. Its [Error]s are
// hard.
func (m *Move) Check() error {
	for _, s := range m.Signatures {
		if !m.Keys.Has(s.Key) {
			return Hard(AttackArbitrary, "move number %d is signed by key %s, which is not in its key set", m.Number, s.Key)
		}
	}
	if len(m.Signatures) < m.Keys.Threshold {
		var missing []string
		for _, k := range m.Keys.Keys {
			if !slices.ContainsFunc(m.Signatures, func(s Signature) bool { return s.Key == k }) {
				missing = append(missing, k.String())
			}
		}
		return Hard(AttackKeyCompromise, "move number %d is signed by %d keys, it needs %d; not signed yet: %s",
			m.Number, len(m.Signatures), m.Keys.Threshold, strings.Join(missing, ", "))
	}
	payload, err := m.Payload()
	if err != nil {
		return Hard(AttackMalformed, "%w", err)
	}
	for _, s := range m.Signatures {
		if !s.verify(payload, []byte(MoveContext)) {
			return Hard(AttackArbitrary, "move number %d: the signature of key %s is wrong", m.Number, s.Key)
		}
	}
	return nil
}

// History is all that a manufacturer's keys and registry went through, oldest
// first. Where there are moves it is whole: rotations from the one to epoch 2 on,
// moves from number 1 on. The zero value is that of a manufacturer who never
// changed either.
type History struct {
	Rotations []*Rotation
	Moves     []*Move
}

// registries lists where a chain of moves passes through: at index n where the
// manufacturer was after n moves.
func registries(ms []*Move) (out []RegistryRef) {
	for i, m := range ms {
		if i == 0 {
			out = append(out, m.From)
		}
		out = append(out, m.To)
	}
	return out
}

// made returns how many moves were made before a key set of an epoch was
// replaced: those that it or an older one signed.
func made(ms []*Move, epoch uint64) int {
	n := 0
	for n < len(ms) && ms[n].Epoch <= epoch {
		n++
	}
	return n
}

// Validate checks that each statement goes on where the one before ended: the
// rotations as to keys and epochs, the moves as to registries and numbers, each
// move as to the keys of its epoch, and each rotation as to the registry in which
// the manufacturer was then. So a history has one order, and nothing can be taken
// out of it or put into it.
func (h History) Validate() error {
	if err := checkRotations(h.Rotations); err != nil {
		return err
	}
	if len(h.Moves) == 0 {
		for i, r := range h.Rotations {
			if first := h.Rotations[0]; r.Registry != first.Registry {
				return fmt.Errorf("rotation to epoch %d is bound to registry %s, the one before it to %s: the move between them is missing", r.Epoch, r.Registry, h.Rotations[i-1].Registry)
			}
		}
		return nil
	}
	if len(h.Moves) > MaxMoves {
		return fmt.Errorf("%d moves, at most %d are allowed", len(h.Moves), MaxMoves)
	}
	if len(h.Rotations) > 0 && h.Rotations[0].Epoch != 2 {
		return fmt.Errorf("beside moves the rotations must be all, from epoch 2 on, not from %d", h.Rotations[0].Epoch)
	}
	sets := chainSets(h.Rotations)
	if len(sets) == 0 {
		sets = []KeySet{h.Moves[0].Keys}
	}
	for i, m := range h.Moves {
		switch {
		case m.Number != uint64(i+1):
			return fmt.Errorf("move number %d stands where number %d should", m.Number, i+1)
		case i > 0 && m.From != h.Moves[i-1].To:
			return fmt.Errorf("move number %d leads from %s, the one before it to %s", m.Number, m.From, h.Moves[i-1].To)
		case i > 0 && m.Epoch < h.Moves[i-1].Epoch:
			return fmt.Errorf("move number %d is signed with the keys of epoch %d, the one before it with those of %d", m.Number, m.Epoch, h.Moves[i-1].Epoch)
		case m.Epoch > uint64(len(sets)):
			return fmt.Errorf("move number %d is signed with the keys of epoch %d, to which no rotation leads", m.Number, m.Epoch)
		case !m.Keys.Equal(sets[m.Epoch-1]):
			return fmt.Errorf("move number %d names other keys than those of epoch %d", m.Number, m.Epoch)
		}
	}
	where := registries(h.Moves)
	for _, r := range h.Rotations {
		if was := where[made(h.Moves, r.Epoch-1)]; r.Registry != was {
			return fmt.Errorf("rotation to epoch %d is bound to registry %s, at that time the manufacturer was in %s", r.Epoch, r.Registry, was)
		}
	}
	return nil
}

// place is where a device is: the registry in force, how many moves it knows of
// that led there, and where it was before.
type place struct {
	number   int // index into registries
	registry RegistryRef
	left     []RegistryRef
}

// place returns where the device is.
func (v *Verifier) place() place {
	if v.Trust == nil {
		return place{registry: v.Registry}
	}
	v.Trust.mu.RLock()
	defer v.Trust.mu.RUnlock()
	return v.placeLocked()
}

func (v *Verifier) placeLocked() place {
	if len(v.Trust.moves) == 0 {
		return place{registry: v.Registry}
	}
	last := v.Trust.moves[len(v.Trust.moves)-1]
	left := append([]RegistryRef{v.Registry}, registries(v.Trust.moves)...)
	return place{len(v.Trust.moves), last.To, slices.DeleteFunc(left, func(r RegistryRef) bool { return r == last.To })}
}

// CurrentRegistry returns the registry in force: the provisioned one, or the one
// to which the moves that were adopted led.
func (v *Verifier) CurrentRegistry() RegistryRef { return v.place().registry }

// Moves returns the moves that the device has adopted, or knows to have been made
// before its time. The caller must not change them.
func (v *Verifier) Moves() []*Move {
	if v.Trust == nil {
		return nil
	}
	v.Trust.mu.RLock()
	defer v.Trust.mu.RUnlock()
	return v.Trust.moves
}

// on finds a place on the way that moves describe: the last point, not before
// the number of moves that the device knows of, at which the manufacturer was in
// the device's registry. What lies before is not looked at, so that no move that
// was followed once, or that was made before this device's time, leads anywhere
// again. It is false if the way does not pass through the place.
func (p place) on(ms []*Move) (at int, ok bool) {
	where := registries(ms)
	for at = len(where) - 1; at >= p.number; at-- {
		if where[at] == p.registry {
			return at, true
		}
	}
	return 0, false
}

// route returns the moves of a history that a device has still to make to be in
// the registry that a manifest is bound to. The [Error]s are soft where the
// sender may not know yet what this device knows.
func (v *Verifier) route(ms []*Move, bound RegistryRef) (route []*Move, err error) {
	p := v.place()
	if where := registries(ms); len(ms) > 0 && bound != where[len(ms)] {
		return nil, Hard(AttackUnapproved, "release is bound to registry %s, the moves that it carries lead to %s", bound, where[len(ms)])
	}
	if at, ok := p.on(ms); ok {
		return ms[at:], nil
	}
	switch {
	case bound == p.registry:
		return nil, nil
	case slices.Contains(p.left, bound):
		return nil, Soft(AttackUnapproved, "release is bound to registry %s, which this device has left for %s", bound, p.registry)
	case slices.ContainsFunc(registries(ms), func(r RegistryRef) bool { return r == p.registry || slices.Contains(p.left, r) }):
		return nil, Soft(AttackRollback, "the moves that the release carries lead to %s from where this device was before move number %d, or past %s, where it is", bound, p.number, p.registry)
	}
	return nil, Hard(AttackUnapproved, "release is bound to registry %s, this device to %s", bound, p.registry)
}

// followMoves checks the moves of a history that a device has still to make, after
// [Verifier.follow] checked its rotations: path are the key sets from one that the
// device trusted to those that sign now.
func (v *Verifier) followMoves(h History, path []KeySet, bound RegistryRef) (route []*Move, err error) {
	if route, err = v.route(h.Moves, bound); err != nil {
		return nil, err
	}
	if err := v.inForce(path); err != nil {
		return nil, err
	}
	first := uint64(1) // epoch of path[0]
	if n := len(h.Rotations); n > 0 {
		first = h.Rotations[n-1].Epoch - uint64(len(path)-1)
	}
	retired := uint64(slices.IndexFunc(path, v.Keys().Equal))
	// Resets of the registry where the device is lead nowhere else, so that its place
	// does not tell whether it made them: the number does. One that retired keys
	// signed was before its time.
	for at := len(h.Moves) - len(route); at > v.place().number && h.Moves[at-1].Reset() && h.Moves[at-1].Epoch >= first+retired; at-- {
		route = h.Moves[at-1:]
	}
	// From the end, where a forged statement must be.
	for _, m := range slices.Backward(route) {
		switch {
		case m.Epoch < first+retired:
			return nil, Soft(AttackKeyCompromise, "move number %d is signed with keys that this device knows to be retired", m.Number)
		case !m.Keys.Equal(path[m.Epoch-first]):
			return nil, Hard(AttackArbitrary, "move number %d is signed with other keys than the manufacturer's", m.Number)
		}
		if err := m.Check(); err != nil {
			return nil, err
		}
	}
	return route, nil
}

// stillHolds checks that the device is on the way of a signed release to the
// registry that it is bound to, or already there.
func (s *Signed) stillHolds(v *Verifier) error {
	p := v.place()
	if p.registry == s.manifest.Registry {
		return nil
	}
	if _, ok := p.on(s.moves); ok {
		return nil
	}
	return Soft(AttackUnapproved, "release is bound to registry %s, this device is in %s meanwhile", s.manifest.Registry, p.registry)
}

// AdoptHistory is [Verifier.Adopt] for a history with moves: it makes the last
// key set and the last registry those in force, from now on and for good. Who
// calls it answers for both as for a rotation's keys: they came with an
// [Approved] release, so that the new registry lists it and names the same keys,
// or the owner provisioned them.
func (v *Verifier) AdoptHistory(h History) error {
	if len(h.Moves) == 0 {
		return v.Adopt(h.Rotations)
	}
	if v.Trust == nil {
		return errors.New("this verifier cannot adopt moves")
	}
	if err := h.Validate(); err != nil {
		return Hard(AttackMalformed, "%w", err)
	}
	last := h.Moves[len(h.Moves)-1]
	path, err := []KeySet{last.Keys}, error(nil)
	if len(h.Rotations) > 0 {
		if path, err = v.follow(h); err != nil {
			return err
		}
	}
	if _, err := v.followMoves(h, path, last.To); err != nil {
		return err
	}
	v.Trust.mu.Lock()
	defer v.Trust.mu.Unlock()
	// Another adoption may have come between.
	i := slices.IndexFunc(path, v.keysLocked().Equal)
	if i < 0 {
		return Soft(AttackKeyCompromise, "the rotations lead away from the key set in force")
	}
	p := v.placeLocked()
	if _, ok := p.on(h.Moves); !ok && p.registry != last.To {
		return Soft(AttackRollback, "the moves lead away from the registry in force")
	}
	v.Trust.sets = slices.Concat(v.Trust.sets, path[i+1:])
	if len(h.Moves) > len(v.Trust.moves) {
		v.Trust.moves = slices.Clone(h.Moves)
	}
	return nil
}

// AskAbout returns the move that says whom to ask about the registry to which
// moves lead, or nil: then it is those with whom the device was provisioned.
func (v *Verifier) AskAbout(ms []*Move) *Move {
	for _, m := range slices.Backward(ms) {
		if len(m.Endpoints) > 0 {
			return m
		}
		if m.From == v.Registry {
			break
		}
	}
	return nil
}

// moveFormat is the version of the statement's encoding.
const moveFormat = 1

// moveCBOR is what is signed of a Move, a map with these keys.
type moveCBOR struct {
	Format    uint64             `cbor:"1,keyasint"`
	Number    uint64             `cbor:"2,keyasint"`
	FromChain uint64             `cbor:"3,keyasint"`
	From      []byte             `cbor:"4,keyasint"`
	ToChain   uint64             `cbor:"5,keyasint"`
	To        []byte             `cbor:"6,keyasint"`
	Epoch     uint64             `cbor:"7,keyasint"`
	Threshold uint64             `cbor:"8,keyasint"`
	Keys      [][]byte           `cbor:"9,keyasint"`
	Endpoints []moveEndpointCBOR `cbor:"10,keyasint,omitempty"`
	StartOf   uint64             `cbor:"11,keyasint,omitempty"`
	StopOf    uint64             `cbor:"12,keyasint,omitempty"`
	Finality  string             `cbor:"13,keyasint,omitempty"`
	Reason    string             `cbor:"14,keyasint,omitempty"`
}

type moveEndpointCBOR struct {
	_        struct{} `cbor:",toarray"`
	Operator string
	URL      string
}

// Payload validates the statement and returns the bytes that are signed.
func (m *Move) Payload() ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	w := moveCBOR{
		Format: moveFormat, Number: m.Number,
		FromChain: m.From.ChainID, From: m.From.Address[:], ToChain: m.To.ChainID, To: m.To.Address[:],
		Epoch: m.Epoch, Threshold: uint64(m.Keys.Threshold), Keys: m.Keys.encoded(),
		StartOf: m.StartOf, StopOf: m.StopOf, Finality: m.Finality, Reason: m.Reason,
	}
	for _, e := range m.Endpoints {
		w.Endpoints = append(w.Endpoints, moveEndpointCBOR{Operator: e.Operator, URL: e.URL})
	}
	return encMode.Marshal(w)
}

// Encode validates the statement and returns its encoding with the signatures
// it has. It refuses what [DecodeMove] would refuse.
func (m *Move) Encode() ([]byte, error) {
	if err := checkRaw(m.Signatures); err != nil {
		return nil, err
	}
	return m.encode()
}

// encode encodes a statement whose signatures are known to be well formed.
func (m *Move) encode() ([]byte, error) {
	payload, err := m.Payload()
	if err != nil {
		return nil, err
	}
	return encMode.Marshal(envelopeCBOR{Manifest: payload, Signatures: rawSignatures(m.Signatures)})
}

// DecodeMove decodes one statement, as strictly as [DecodeEnvelope] does, and
// validates it. Its errors are hard [Error]s. What it returns proves nothing yet:
// see [Move.Check].
func DecodeMove(b []byte) (*Move, error) {
	if len(b) > MaxMoveSize {
		return nil, Hard(AttackEndlessData, "move is %d bytes long, at most %d are allowed", len(b), MaxMoveSize)
	}
	var file envelopeCBOR // a statement has the form of an envelope
	if err := decMode.Unmarshal(b, &file); err != nil {
		return nil, Hard(AttackMalformed, "move: %w", err)
	}
	var w moveCBOR
	if err := decMode.Unmarshal(file.Manifest, &w); err != nil {
		return nil, Hard(AttackMalformed, "move: %w", err)
	}
	if w.Format != moveFormat {
		return nil, Hard(AttackMalformed, "move has format %d, this software reads %d", w.Format, moveFormat)
	}
	if len(w.From) != len(Address{}) || len(w.To) != len(Address{}) {
		return nil, Hard(AttackMalformed, "move has an address of the wrong length")
	}
	m := &Move{
		Number: w.Number,
		From:   RegistryRef{ChainID: w.FromChain, Address: Address(w.From)},
		To:     RegistryRef{ChainID: w.ToChain, Address: Address(w.To)},
		Epoch:  w.Epoch, StartOf: w.StartOf, StopOf: w.StopOf, Finality: w.Finality, Reason: w.Reason,
	}
	for _, e := range w.Endpoints {
		m.Endpoints = append(m.Endpoints, MoveEndpoint{Operator: e.Operator, URL: e.URL})
	}
	var err error
	if m.Keys, err = decodeKeySet(w.Threshold, w.Keys); err != nil {
		return nil, Hard(AttackMalformed, "move, keys: %w", err)
	}
	if m.Signatures, err = decodeSignatures("move", file.Signatures, MaxSigners); err != nil {
		return nil, err
	}
	again, err := m.encode()
	if err != nil {
		return nil, Hard(AttackMalformed, "%w", err)
	}
	if !bytes.Equal(again, b) {
		return nil, Hard(AttackMalformed, "move: %w, or its keys or signatures are not ordered", errNotDeterministic)
	}
	return m, nil
}

// historyCBOR is the wire form of a History with moves.
type historyCBOR struct {
	_         struct{} `cbor:",toarray"`
	Rotations [][]byte
	Moves     [][]byte
}

// Encode validates a history and encodes it, as a device's store holds it:
// without moves as [EncodeRotations] does, else as an array of the rotations and
// the moves. An empty one is an error.
func (h History) Encode() ([]byte, error) {
	if len(h.Moves) == 0 {
		if len(h.Rotations) == 0 {
			return nil, errors.New("the history is empty")
		}
		return EncodeRotations(h.Rotations)
	}
	if err := h.checkRaw(); err != nil {
		return nil, err
	}
	return h.encode()
}

// checkRaw checks the form of every signature.
func (h History) checkRaw() error {
	for _, r := range h.Rotations {
		if err := checkRaw(r.Signatures); err != nil {
			return err
		}
	}
	for _, m := range h.Moves {
		if err := checkRaw(m.Signatures); err != nil {
			return err
		}
	}
	return nil
}

// lists encodes each statement; the signatures are known to be well formed. The
// lists are not nil.
func (h History) lists() (w historyCBOR, err error) {
	w.Rotations, w.Moves = [][]byte{}, [][]byte{}
	for _, r := range h.Rotations {
		b, err := r.encode()
		if err != nil {
			return w, err
		}
		w.Rotations = append(w.Rotations, b)
	}
	for _, m := range h.Moves {
		b, err := m.encode()
		if err != nil {
			return w, err
		}
		w.Moves = append(w.Moves, b)
	}
	return w, h.Validate()
}

func (h History) encode() ([]byte, error) {
	w, err := h.lists()
	if err != nil {
		return nil, err
	}
	return encMode.Marshal(w)
}

// DecodeHistory decodes what [History.Encode] encodes, strictly. Its errors are
// hard [Error]s.
func DecodeHistory(b []byte) (h History, err error) {
	if len(b) > maxRotationsSize+maxMovesSize {
		return h, Hard(AttackEndlessData, "history is %d bytes long, at most %d are allowed", len(b), maxRotationsSize+maxMovesSize)
	}
	var w historyCBOR
	if decMode.Unmarshal(b, &w) != nil {
		h.Rotations, err = DecodeRotations(b)
		return h, err
	}
	if h, err = decodeLists(w.Rotations, w.Moves); err != nil {
		return History{}, err
	}
	again, err := h.encode()
	if err != nil {
		return History{}, Hard(AttackMalformed, "%w", err)
	}
	if !bytes.Equal(again, b) {
		return History{}, Hard(AttackMalformed, "history: %w", errNotDeterministic)
	}
	return h, nil
}

// decodeLists decodes the statements of a history with at least one move.
func decodeLists(rotations, moves [][]byte) (h History, err error) {
	if len(rotations) > MaxRotations || len(moves) == 0 || len(moves) > MaxMoves {
		return h, Hard(AttackMalformed, "%d rotations and %d moves where up to %d and 1 to %d are allowed", len(rotations), len(moves), MaxRotations, MaxMoves)
	}
	for _, b := range rotations {
		r, err := DecodeRotation(b)
		if err != nil {
			return h, err
		}
		h.Rotations = append(h.Rotations, r)
	}
	for _, b := range moves {
		m, err := DecodeMove(b)
		if err != nil {
			return h, err
		}
		h.Moves = append(h.Moves, m)
	}
	return h, nil
}
