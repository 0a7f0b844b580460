package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/verify"
	"camswarm/verify/sign"
)

func newRegistryMoveCommand() *cobra.Command {
	return cli.Group("move", "Leave a registry for another one, or reset what cameras know of it (offline)", `A move is a file in which a manufacturer says that it leaves one registry for
another, with all of its products: the chain is dead, the contract has a fault,
or the registry's keys are in wrong hands. It counts when a threshold of the
keys in force have signed it; the old registry has no say. Cameras learn it from
the next release, which carries every move since the first.

  1. deploy a registry, then 'camswarm registry manufacturer' and 'camswarm
     registry product --continue-after N', N being the newest release so far
  2. new     write the statement: from where, where to, and whom to ask there
  3. sign    each signer on a computer of his own; the file goes round, or merge
             joins copies; tosign and attach for keys in security modules
  4. check   is it complete, and whose signature is missing
  5. camswarm release build --move FILE ... for the new registry, sign, publish

A move from a registry to itself is a reset: cameras forget what they accepted
of it, for example because endpoints lied to all of them, and believe what a
quorum says next.`,
		newRegistryMoveNewCommand(), newRegistryMoveSignCommand(), newRegistryMoveToSignCommand(), newRegistryMoveAttachCommand(),
		newRegistryMoveMergeCommand(), newRegistryMoveShowCommand(), newRegistryMoveCheckCommand())
}

// moveFile is a statement on disk.
type moveFile struct {
	*verify.Move
	path string
	raw  []byte
}

func readMoveFile(path string) (*moveFile, error) {
	raw, err := readBounded(path, verify.MaxMoveSize)
	if err != nil {
		return nil, fmt.Errorf("move: %w", err)
	}
	m, err := verify.DecodeMove(raw)
	if err != nil {
		return nil, fmt.Errorf("%s is no move: %w", path, err)
	}
	return &moveFile{m, path, raw}, nil
}

// readHistory reads complete statements, each list oldest first. Where there are
// moves the two must be a whole history that leads to a registry; else the
// rotations must count there. The zero registry is any.
func readHistory(rotations, moves []string, in verify.RegistryRef) (h verify.History, err error) {
	if len(moves) == 0 {
		h.Rotations, err = readRotations(rotations, in)
		return h, err
	}
	if h.Rotations, err = readRotations(rotations, verify.RegistryRef{}); err != nil {
		return h, err
	}
	for _, path := range moves {
		m, err := readMoveFile(path)
		if err != nil {
			return h, err
		}
		if err := m.Check(); err != nil {
			return h, fmt.Errorf("%s is not complete: %w; add signatures with 'camswarm registry move sign'", path, err)
		}
		h.Moves = append(h.Moves, m.Move)
	}
	if err := h.Validate(); err != nil {
		return h, fmt.Errorf("%w: name every move, and every rotation, that there ever was, oldest first", err)
	}
	if to := h.Moves[len(h.Moves)-1].To; in != (verify.RegistryRef{}) && to != in {
		return h, fmt.Errorf("the moves lead to registry %s, this is %s", to, in)
	}
	return h, nil
}

// moveFacts is what the commands print of a statement.
type moveFacts struct {
	File      string             `json:"file"`
	Number    uint64             `json:"number"`
	From      verify.RegistryRef `json:"from"`
	To        verify.RegistryRef `json:"to"`
	Reset     bool               `json:"reset"`
	Epoch     uint64             `json:"keyEpoch"` // of the keys that must sign
	Keys      signedSet          `json:"keys"`
	Endpoints []moveEndpoint     `json:"endpoints"` // none: devices ask those they know
	StartOf   uint64             `json:"startOf,omitempty"`
	StopOf    uint64             `json:"stopOf,omitempty"`
	Finality  string             `json:"finality,omitempty"`
	Reason    string             `json:"reason,omitempty"`
	Complete  bool               `json:"complete"`          // every signature is valid, the threshold is reached
	Problem   string             `json:"problem,omitempty"` // why it is not
}

type moveEndpoint struct {
	Operator string `json:"operator"`
	URL      string `json:"url"`
}

func (m *moveFile) facts() moveFacts {
	f := moveFacts{
		File: m.path, Number: m.Number, From: m.From, To: m.To, Reset: m.Reset(), Epoch: m.Epoch,
		Keys:      signedSet{Threshold: m.Move.Keys.Threshold, Signed: []verify.PublicKey{}, Missing: []verify.PublicKey{}},
		Endpoints: []moveEndpoint{}, StartOf: m.StartOf, StopOf: m.StopOf, Finality: m.Finality, Reason: m.Reason, Complete: true,
	}
	for _, k := range m.Move.Keys.Keys {
		if slices.ContainsFunc(m.Signatures, func(s verify.Signature) bool { return s.Key == k && m.Verify(s) }) {
			f.Keys.Signed = append(f.Keys.Signed, k)
		} else {
			f.Keys.Missing = append(f.Keys.Missing, k)
		}
	}
	for _, e := range m.Endpoints {
		f.Endpoints = append(f.Endpoints, moveEndpoint{e.Operator, e.URL})
	}
	if err := m.Check(); err != nil {
		f.Complete, f.Problem = false, ruleLast(err).Error()
	}
	return f
}

func (f moveFacts) print(w io.Writer) {
	fmt.Fprintf(w, "move          number %d\n", f.Number)
	fmt.Fprintf(w, "from          %s\n", f.From)
	if f.Reset {
		fmt.Fprintf(w, "to            itself: cameras forget what they accepted of it\n")
	} else {
		fmt.Fprintf(w, "to            %s\n", f.To)
	}
	for _, e := range f.Endpoints {
		fmt.Fprintf(w, "ask           %s (%s)\n", cli.Line(e.URL), cli.Line(e.Operator))
	}
	if len(f.Endpoints) == 0 {
		fmt.Fprintf(w, "ask           the endpoints that each camera knows\n")
	}
	if f.StartOf > 0 || f.StopOf > 0 {
		fmt.Fprintf(w, "quorums       %d operators to believe, %d to stop (0: the default)\n", f.StartOf, f.StopOf)
	}
	if f.Finality != "" {
		fmt.Fprintf(w, "finality      %s\n", f.Finality)
	}
	if f.Reason != "" {
		fmt.Fprintf(w, "reason        %s\n", cli.Line(f.Reason))
	}
	f.Keys.print(w, fmt.Sprintf("keys, epoch %d", f.Epoch), f.Keys)
	if f.Complete {
		fmt.Fprintln(w, "complete: build releases of the new registry with --move")
	} else {
		fmt.Fprintf(w, "not complete: %s\n", f.Problem)
	}
}

func newRegistryMoveNewCommand() *cobra.Command {
	var (
		from, to, after, out string
		endpoints, rotations []string
		threshold            int
		signers              []string
		m                    verify.Move
		asJSON               bool
	)
	cmd := &cobra.Command{
		Use:   "new --to FILE --out FILE",
		Short: "Write a move that nobody has signed yet (offline)",
		Long: `Writes the statement that the manufacturer leaves one registry for another. The
keys that must sign are those in force: the first ones, with --threshold and
--signer, or those of the last --rotation. With --after it goes on from another
move.

Cameras that know only another chain ask whom the statement names: the endpoints
of the new registry's file, each operator by its host, or those of --endpoint.
On the same chain none are named unless --endpoint says so: each camera asks
those that it knows. It never overwrites.`,
		Example: `  camswarm registry move new --from registry.json --to registry-2.json --reason "the chain stands still" \
      --threshold 2 --signer signer1.key.pub --signer signer2.key.pub --signer signer3.key.pub \
      --endpoint one=https://rpc.one.example --endpoint two=https://rpc.two.example --endpoint three=https://rpc.three.example \
      --out move-1.cbor
  camswarm registry move new --after move-1.cbor --to registry-3.json --rotation rotation-2.cbor --out move-2.cbor`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m.Number, m.Epoch = 1, 1
			if after != "" {
				before, err := readMoveFile(after)
				if err != nil {
					return err
				}
				m.Number, m.From, m.Epoch, m.Keys = before.Number+1, before.To, before.Epoch, before.Move.Keys
			} else {
				file, err := readRegistryFile(from)
				if err != nil {
					return err
				}
				m.From = file.ref()
			}
			file, err := readRegistryFile(to)
			if err != nil {
				return err
			}
			m.To = file.ref()
			switch {
			case len(rotations) > 0:
				rs, err := readRotations(rotations, verify.RegistryRef{})
				if err != nil {
					return err
				}
				m.Epoch, m.Keys = rs[len(rs)-1].Epoch, rs[len(rs)-1].To
			case len(signers) > 0:
				if m.Keys, err = readKeySet(threshold, signers); err != nil {
					return err
				}
			case after == "":
				return cli.Usagef("which keys sign? name the first ones with --threshold and --signer, or every --rotation since")
			}
			if m.Endpoints, err = moveEndpoints(endpoints, file, m.From.ChainID != m.To.ChainID); err != nil {
				return err
			}
			raw, err := m.Encode()
			if err != nil {
				return err
			}
			if _, err := os.Lstat(out); err == nil {
				return fmt.Errorf("%s exists already; moves are never overwritten: choose another --out", out)
			}
			if err := writeFileAtomic(out, raw, 0o644); err != nil {
				return err
			}
			var named []endpoint
			for _, e := range m.Endpoints {
				named = append(named, endpoint{e.URL, e.Operator})
			}
			if operator := loneOperator(named); operator != "" {
				cli.Note(cmd, "warning: every endpoint of the new registry is of one operator, %s: one that lies or is down can delay every camera; name at least three independent ones with --endpoint", operator)
			}
			facts := (&moveFile{&m, out, raw}).facts()
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&from, "from", "", "registry file of the registry that is left")
	fl.StringVar(&after, "after", "", "the move before: gives the registry that is left, and the keys unless others are named")
	fl.StringVar(&to, "to", "", "registry file of the new registry; the old one's for a reset")
	fl.StringArrayVar(&endpoints, "endpoint", nil, "whom cameras ask there, OPERATOR=URL; repeat it for each, at most 8 (default those of the new registry file, on another chain)")
	fl.IntVar(&threshold, "threshold", 0, "how many of the keys must sign")
	fl.StringArrayVar(&signers, "signer", nil, "public key file of a code signer; repeat it for each")
	fl.StringArrayVar(&rotations, "rotation", nil, "file of a complete rotation; repeat it for each there ever was, oldest first")
	fl.Uint64Var(&m.StartOf, "quorum-start", 0, "how many operators must agree before cameras believe anything new (default by their number)")
	fl.Uint64Var(&m.StopOf, "quorum-stop", 0, "how many suffice to stop (default by their number)")
	fl.StringVar(&m.Finality, "finality", "", "block tag to read the new chain at: latest, safe or finalized (default as each camera read before)")
	fl.StringVar(&m.Reason, "reason", "", "why, for people")
	fl.StringVar(&out, "out", "", "file to write")
	cli.AddJSON(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("to")
	_ = cmd.MarkFlagRequired("out")
	cmd.MarkFlagsOneRequired("from", "after")
	cmd.MarkFlagsMutuallyExclusive("from", "after")
	cmd.MarkFlagsRequiredTogether("threshold", "signer")
	cmd.MarkFlagsMutuallyExclusive("signer", "rotation")
	return cmd
}

// moveEndpoints returns the endpoints of a statement: those that are named, else on
// another chain those of the registry's file.
func moveEndpoints(named []string, file *registryFile, elsewhere bool) (out []verify.MoveEndpoint, err error) {
	for _, s := range named {
		operator, url, ok := strings.Cut(s, "=")
		if !ok || operator == "" || checkURLs([]string{url}) != nil {
			return nil, cli.Usagef("--endpoint %q: write OPERATOR=URL, with an http or https URL", s)
		}
		out = append(out, verify.MoveEndpoint{Operator: operator, URL: url})
	}
	if len(named) > 0 || !elsewhere {
		return out, nil
	}
	for _, e := range endpointsOf(file.RPC) {
		out = append(out, verify.MoveEndpoint{Operator: e.Operator, URL: e.URL})
	}
	return out, nil
}

func newRegistryMoveSignCommand() *cobra.Command {
	var keyPath string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "sign FILE --key FILE",
		Short: "Add one signature to a move (offline)",
		Long: `Adds the signature of one key and prints what was signed: look at the new
registry and at whom cameras will ask before you pass the file on.`,
		Example: `  camswarm registry move sign move-1.cbor --key signer1.key`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := readSoundMove(args[0])
			if err != nil {
				return err
			}
			key, err := loadKey(cmd, keyPath)
			if err != nil {
				return err
			}
			if err := key.SignMove(m.Move); err != nil {
				return err
			}
			return m.saveAndShow(cmd, asJSON)
		},
	}
	cmd.Flags().StringVar(&keyPath, "key", "", "secret key file of the signer")
	addPassphrase(cmd)
	cli.AddJSON(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("key")
	return cmd
}

// readSoundMove reads a statement and refuses one with a wrong signature.
func readSoundMove(path string) (*moveFile, error) {
	m, err := readMoveFile(path)
	if err != nil {
		return nil, err
	}
	for _, s := range m.Signatures {
		if !m.Verify(s) {
			return nil, fmt.Errorf("%s: the signature of key %s is wrong; write the statement anew", path, s.Key)
		}
	}
	return m, nil
}

// saveAndShow writes a statement with more signatures and prints who has signed.
func (m *moveFile) saveAndShow(cmd *cobra.Command, asJSON bool) error {
	raw, err := m.Encode()
	if err != nil {
		return err
	}
	if err := replaceStatement(m.path, m.raw, raw); err != nil {
		return err
	}
	facts := m.facts()
	return cli.PrintFacts(cmd, asJSON, facts, facts.print)
}

func newRegistryMoveToSignCommand() *cobra.Command {
	var to toSign
	cmd := &cobra.Command{
		Use:   "tosign FILE --key-id KEY --out FILE",
		Short: "Write the bytes that a key signs of a move, for security modules (offline)",
		Long: `Prints the move and writes the bytes for a key that a security module, a card or
a key service holds. What it returns goes into the file with 'camswarm registry
move attach'.

` + toSignHelp,
		Example: `  camswarm registry move tosign move-1.cbor --key-id hsm1.pem --digest --out digest`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := readSoundMove(args[0])
			if err != nil {
				return err
			}
			key, err := keyID(to.key)
			if err != nil {
				return err
			}
			if !m.Move.Keys.Has(key) {
				return fmt.Errorf("key %s is not in the key set of the move: its signature would make every camera refuse it", key)
			}
			facts := m.facts()
			return to.write(cmd, m.Move, key, func(f toSignFacts) any {
				return struct {
					moveFacts
					ToSign toSignFacts `json:"toSign"`
				}{facts, f}
			}, facts.print)
		},
	}
	to.add(cmd)
	return cmd
}

func newRegistryMoveAttachCommand() *cobra.Command {
	var a attached
	cmd := &cobra.Command{
		Use:   "attach FILE --signature FILE",
		Short: "Add a signature that a security module made to a move (offline)",
		Long: `Adds a signature over the bytes that 'camswarm registry move tosign' wrote, after
verifying it.

` + attachHelp,
		Example: `  camswarm registry move attach move-1.cbor --signature signature`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := readSoundMove(args[0])
			if err != nil {
				return err
			}
			key, made, err := a.find(m.Move, m.Move.Keys.Keys)
			if err != nil {
				return err
			}
			if err := sign.AttachMove(m.Move, key, made); err != nil {
				return err
			}
			return m.saveAndShow(cmd, a.asJSON)
		},
	}
	a.add(cmd)
	return cmd
}

func newRegistryMoveMergeCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "merge FILE COPY...",
		Short: "Join the signatures of copies of a move (offline)",
		Long: `Adds the signatures of the copies to the first file, for signers who worked at
the same time. The copies must be of the same statement. The joined file is the
same bytes whatever the order.`,
		Example: `  camswarm registry move merge move-1.cbor from-signer1.cbor from-signer2.cbor`,
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var first *moveFile
			var payload []byte
			for i, path := range args {
				m, err := readSoundMove(path)
				if err != nil {
					return err
				}
				p, err := m.Payload()
				if err != nil {
					return err
				}
				if i == 0 {
					first, payload = m, p
					continue
				}
				if !bytes.Equal(p, payload) {
					return fmt.Errorf("%s is another statement than %s: copies that can be joined have the same registries, number, keys, endpoints and reason", path, args[0])
				}
				first.Signatures = joinSignatures(first.Signatures, m.Signatures)
			}
			return first.saveAndShow(cmd, asJSON)
		},
	}
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func newRegistryMoveShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show FILE",
		Short:   "Show a move: from where, where to, whom to ask, and who has signed (offline)",
		Example: `  camswarm registry move show move-1.cbor`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := readMoveFile(args[0])
			if err != nil {
				return err
			}
			facts := m.facts()
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// wayFacts is what `registry move check` prints.
type wayFacts struct {
	From      verify.RegistryRef `json:"from"`
	To        verify.RegistryRef `json:"to"`
	Moves     int                `json:"moves"`
	Rotations int                `json:"rotations"`
}

func newRegistryMoveCheckCommand() *cobra.Command {
	var rotations []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Check that moves are complete and follow one another (offline)",
		Long: `Checks each signature, the threshold of each statement, and that each goes on
where the one before ended; with the rotations of the keys, if there were any,
that each was signed by the keys of its time. Name all files, oldest first. It
fails, and names the keys that have not signed, unless cameras would follow.`,
		Example: `  camswarm registry move check move-1.cbor move-2.cbor --rotation rotation-2.cbor`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := readHistory(rotations, args, verify.RegistryRef{})
			if err != nil {
				return err
			}
			first, last := h.Moves[0], h.Moves[len(h.Moves)-1]
			facts := wayFacts{first.From, last.To, len(h.Moves), len(h.Rotations)}
			return cli.PrintFacts(cmd, asJSON, facts, func(w io.Writer) {
				fmt.Fprintf(w, "complete: %d moves from registry %s to %s\n", facts.Moves, facts.From, facts.To)
			})
		},
	}
	cmd.Flags().StringArrayVar(&rotations, "rotation", nil, "file of a complete rotation of the signing keys; repeat it for each there ever was, oldest first")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}
