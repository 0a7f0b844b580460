package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/node/control"
	"camswarm/swarm/member"
	"camswarm/verify"
)

func newMembersCommand() *cobra.Command {
	return cli.Group("members", "Say who belongs to a private swarm", `In a private swarm only members connect to each other: whoever else knows a
node's address learns that a port is open and no more. Who is a member is said by
the fleet's key, an Ed25519 key that stays with the fleet's owner and is neither a
signing key nor an account. Membership needs no clock and no Internet; it ends when
the fleet's key revokes it, by a list that members hand to each other.

'camswarm provision --fleet fleet.key' makes a node a member. Every node of a
product is one, or none is: members and others do not meet.`,
		newMembersIssueCommand(), newMembersRevokeCommand(), newMembersShowCommand(), newMembersPushCommand())
}

// loadFleet reads the fleet's secret key.
func loadFleet(cmd *cobra.Command, path string) (ed25519.PrivateKey, error) {
	key, err := loadFileKey(cmd, path)
	if err != nil {
		return nil, err
	}
	if key.Algorithm() != verify.EdDSA {
		return nil, fmt.Errorf("%s holds a key of type %s; a fleet's key is an Ed25519 key: 'camswarm keys new --out fleet.key'", path, key.Algorithm())
	}
	return ed25519.NewKeyFromSeed(key.Bytes()), nil
}

func parsePeer(s string) (peer.ID, error) {
	id, err := peer.Decode(s)
	if err != nil {
		return "", cli.Usagef("%q is not a peer id such as 12D3KooW…, which 'provision' and 'status' print: %w", s, err)
	}
	return id, nil
}

func newMembersIssueCommand() *cobra.Command {
	var fleet, id, out string
	var epoch uint32
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "issue",
		Short: "Make a node a member, by its peer id (offline)",
		Long: `Writes a node's credential, one line in a file of mode 0600, for the setting
network.membership. 'provision --fleet' does so for a new node; this is for one that
exists already, and for new credentials in a new epoch.`,
		Example: `  camswarm keys new --out fleet.key
  camswarm members issue --fleet fleet.key --peer 12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X --out member.cred`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := parsePeer(id)
			if err != nil {
				return err
			}
			key, err := loadFleet(cmd, fleet)
			if err != nil {
				return err
			}
			credential, err := member.Issue(key, p, epoch)
			if err != nil {
				return err
			}
			if _, err := os.Lstat(out); err == nil {
				return fmt.Errorf("%s exists already; choose another --out", out)
			}
			if err := writeFileAtomic(out, []byte(credential.Text()+"\n"), 0o600); err != nil {
				return err
			}
			return cli.PrintFacts(cmd, asJSON, map[string]any{"peerId": p.String(), "epoch": epoch, "credential": out}, func(w io.Writer) {
				fmt.Fprintf(w, "%s is a member: %s\nset network.membership to that file on the node, and keep it secret\n", p, out)
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&fleet, "fleet", "", "the fleet's secret key file")
	addPassphrase(cmd)
	fl.StringVar(&id, "peer", "", "the node's peer id")
	fl.StringVar(&out, "out", "", "file to write")
	fl.Uint32Var(&epoch, "epoch", 0, "the fleet's epoch")
	cli.AddJSON(cmd, &asJSON)
	for _, name := range []string{"fleet", "peer", "out"} {
		_ = cmd.MarkFlagRequired(name)
	}
	return cmd
}

// listFacts describes a revocation list.
type listFacts struct {
	File    string   `json:"file"`
	Number  uint64   `json:"number"`
	Epoch   uint32   `json:"epoch"`
	Revoked []string `json:"revoked"` // names, see docs/FORMAT.md, Membership

	Peer        string `json:"peer,omitempty"`        // that was asked about
	PeerRevoked *bool  `json:"peerRevoked,omitempty"` // whether the list names it
}

func factsOfList(file string, l *member.Revocations) listFacts {
	f := listFacts{File: file, Number: l.Number, Epoch: l.Epoch, Revoked: []string{}}
	for _, n := range l.Revoked {
		f.Revoked = append(f.Revoked, n.String())
	}
	return f
}

func (f listFacts) print(w io.Writer) {
	fmt.Fprintf(w, "revocation list %d, epoch %d: %d revoked (digests of peer keys; --peer ID looks for one)\n", f.Number, f.Epoch, len(f.Revoked))
	if f.PeerRevoked != nil {
		switch {
		case *f.PeerRevoked:
			fmt.Fprintf(w, "%s is REVOKED\n", f.Peer)
		case f.Epoch > 0:
			fmt.Fprintf(w, "%s is not revoked; its credential is out nevertheless if it is of an epoch before %d\n", f.Peer, f.Epoch)
		default:
			fmt.Fprintf(w, "%s is not revoked\n", f.Peer)
		}
		return
	}
	for _, n := range f.Revoked {
		fmt.Fprintln(w, n)
	}
}

func readList(path string) (*member.Revocations, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, member.MaxRevocationsSize+1))
	if err != nil {
		return nil, err
	}
	l, err := member.ParseRevocations(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

func newMembersRevokeCommand() *cobra.Command {
	var fleet, file string
	var epoch uint32
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "revoke [PEER-ID …]",
		Short: "Put members out: make the next revocation list (offline)",
		Long: `Adds peers to the fleet's revocation list, or begins it. The list is one file that
the fleet's owner keeps; 'members push' hands it to a node, and members hand it to
each other from there. A revoked identity stays out: give the repaired node a new
one.

With --epoch one higher than before, all credentials of the epochs before are out
at once, and the list is empty again: first give the members that stay credentials
of the new epoch. A list takes 4096 members.`,
		Example: `  camswarm members revoke --fleet fleet.key --list revoked 12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X
  camswarm members push --socket seed revoked`,
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := loadFleet(cmd, fleet)
			if err != nil {
				return err
			}
			last, err := readList(file)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if last != nil && !cmd.Flags().Changed("epoch") {
				epoch = last.Epoch
			}
			if len(args) == 0 && (last == nil || epoch == last.Epoch) {
				return cli.Usagef("name the peer ids to put out, or a higher --epoch")
			}
			var names []member.Name
			for _, a := range args {
				id, err := parsePeer(a)
				if err != nil {
					return err
				}
				name, err := member.NameOf(id)
				if err != nil {
					return cli.Usage(err)
				}
				names = append(names, name)
			}
			list, err := member.Revoke(key, last, epoch, names...)
			if err != nil {
				return err
			}
			if err := writeFileAtomic(file, list.Bytes(), 0o644); err != nil {
				return err
			}
			return cli.PrintFacts(cmd, asJSON, factsOfList(file, list), func(w io.Writer) {
				fmt.Fprintf(w, "revocation list %d, epoch %d: %d revoked; hand it to a node: camswarm members push --socket NODE %s\n", list.Number, list.Epoch, len(list.Revoked), file)
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&fleet, "fleet", "", "the fleet's secret key file")
	addPassphrase(cmd)
	fl.StringVar(&file, "list", "", "the fleet's revocation list; made if it is not there, else replaced by the next one")
	fl.Uint32Var(&epoch, "epoch", 0, "the fleet's epoch from now on (default: as before)")
	cli.AddJSON(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("fleet")
	_ = cmd.MarkFlagRequired("list")
	return cmd
}

func newMembersShowCommand() *cobra.Command {
	var id string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show LIST",
		Short: "Show a revocation list, or whether a peer is on it (offline)",
		Example: `  camswarm members show revoked
  camswarm members show revoked --peer 12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := readList(args[0])
			if err != nil {
				return err
			}
			facts := factsOfList(args[0], list)
			if cmd.Flags().Changed("peer") {
				p, err := parsePeer(id)
				if err != nil {
					return err
				}
				name, err := member.NameOf(p)
				if err != nil {
					return cli.Usage(err)
				}
				revoked := slices.Contains(list.Revoked, name)
				facts.Peer, facts.PeerRevoked = p.String(), &revoked
			}
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	cmd.Flags().StringVar(&id, "peer", "", "say whether the node with this peer id is revoked")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func newMembersPushCommand() *cobra.Command {
	var socket string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "push LIST",
		Short: "Hand a revocation list to a running node, which spreads it",
		Long: `Any member will do, a seed is quickest: it hangs up on those that are out and hands
the list to everybody who is connected, and these to their neighbours. Nodes that
are off get it with their next connection.`,
		Example: `  camswarm members push --socket seed revoked`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := readList(args[0])
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), controlTimeout)
			defer cancel()
			return withNode(socket, func(c *control.Client) error {
				if err := c.Revoke(ctx, list.Bytes()); err != nil {
					return err
				}
				return cli.PrintFacts(cmd, asJSON, factsOfList(args[0], list), func(w io.Writer) {
					fmt.Fprintf(w, "list %d is in force and spreads from here\n", list.Number)
				})
			})
		},
	}
	addSocket(cmd, &socket)
	cli.AddJSON(cmd, &asJSON)
	return cmd
}
