package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// What follows signs with keys that this tool never sees: it writes the bytes to
// sign, and takes the signature that a security module, a card or a key service
// made of them.

// toSignHelp tells how they are signed, whatever they are of.
const toSignHelp = `The bytes are COSE's Sig_structure (RFC 9052 section 4.4) and depend on the key.
A P-256 or secp256k1 key signs them by ECDSA with SHA-256; a module that hashes
nothing itself is given --digest, which is their SHA-256 and is signed as it is.
An Ed25519 key signs the bytes themselves. With openssl, for example:

  openssl dgst -sha256 -sign p256.pem -out signature to-sign
  openssl pkeyutl -sign -inkey secp256k1.pem -in digest -out signature
  openssl pkeyutl -sign -rawin -inkey ed25519.pem -in to-sign -out signature`

// attachHelp tells what may be attached, whatever to.
const attachHelp = `The signature file holds what the module gave: DER or the 64 bytes of r and s for
ECDSA, the 64 bytes of Ed25519, or a COSE_Sign1 with detached payload; bytes, not
base64. An s in the upper half is turned into the lower one that cameras take.`

// keyID reads a public key named by its text or by a file: .pub, PEM, or a secret
// key file.
func keyID(arg string) (verify.PublicKey, error) {
	if key, err := verify.ParsePublicKey(arg); err == nil {
		return key, nil
	}
	return readPublicKey(arg)
}

// toSign is the flags of the commands that write what a key signs.
type toSign struct {
	key    string
	digest bool
	out    string
	asJSON bool
}

func (t *toSign) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&t.key, "key-id", "", "public key that will sign: a .pub or PEM file, or its text")
	fl.BoolVar(&t.digest, "digest", false, "write the SHA-256 of the bytes instead (ECDSA keys)")
	fl.StringVar(&t.out, "out", "", "file to write; - for stdout, without the facts")
	cli.AddJSON(cmd, &t.asJSON)
	_ = cmd.MarkFlagRequired("key-id")
	_ = cmd.MarkFlagRequired("out")
}

// toSignFacts is what they print.
type toSignFacts struct {
	File      string           `json:"file"`
	KeyID     verify.PublicKey `json:"keyId"`
	Algorithm string           `json:"algorithm"`
	Bytes     int              `json:"bytes"` // that are signed
	SHA256    string           `json:"sha256"`
}

func (f toSignFacts) print(w io.Writer) {
	fmt.Fprintf(w, "to sign       %d bytes by %s, in %s\n", f.Bytes, f.Algorithm, f.File)
	fmt.Fprintf(w, "their sha256  %s\n", f.SHA256)
}

// write writes what key signs of a statement, then prints the statement's facts and
// what was written: as one document that join makes of them, or one after the other.
func (t *toSign) write(cmd *cobra.Command, what sign.Statement, key verify.PublicKey, join func(toSignFacts) any, print func(io.Writer)) error {
	message, err := what.ToBeSigned(key)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(message)
	f := toSignFacts{File: t.out, KeyID: key, Algorithm: key.Algorithm().String(), Bytes: len(message), SHA256: hex.EncodeToString(digest[:])}
	if t.digest {
		if key.Algorithm() == verify.EdDSA {
			return cli.Usagef("--digest: key %s is an Ed25519 key, which signs the bytes themselves and not a digest", key)
		}
		message = digest[:]
	}
	if t.out == "-" {
		if cli.IsTerminal(cmd.OutOrStdout()) {
			return cli.Usagef("--out -: stdout is a terminal, and these are no text")
		}
		_, err := cli.Raw(cmd.OutOrStdout()).Write(message)
		return err
	}
	if err := writeFileAtomic(t.out, message, 0o644); err != nil {
		return err
	}
	return cli.PrintFacts(cmd, t.asJSON, join(f), func(w io.Writer) {
		print(w)
		f.print(w)
	})
}

// attached is the flags of the commands that take a signature.
type attached struct {
	key, file string
	asJSON    bool
}

func (a *attached) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.key, "key-id", "", "public key that signed: a .pub or PEM file, or its text (default whichever of the known keys it is)")
	cmd.Flags().StringVar(&a.file, "signature", "", "file of the signature")
	cli.AddJSON(cmd, &a.asJSON)
	_ = cmd.MarkFlagRequired("signature")
}

// find reads the signature and says which key made it: the one of --key-id, else
// the one of known that did.
func (a *attached) find(what sign.Statement, known []verify.PublicKey) (key verify.PublicKey, made []byte, err error) {
	if made, err = readBounded(a.file, sign.MaxForeignSignature); err != nil {
		return key, nil, fmt.Errorf("signature: %w", err)
	}
	if a.key != "" {
		if key, err = keyID(a.key); err != nil {
			return key, nil, err
		}
		known = []verify.PublicKey{key}
	}
	if len(known) == 0 {
		return key, nil, cli.Usagef("nothing here tells which keys sign: name the one that did with --key-id")
	}
	var other, form error // the most telling reasons
	for _, key := range known {
		_, err := sign.Import(what, key, made)
		switch {
		case err == nil:
			return key, made, nil
		case !errors.Is(err, sign.ErrOtherSignature):
			form = err
		case other == nil || len(err.Error()) > len(other.Error()): // it may name the mistake
			other = err
		}
	}
	if other == nil {
		other = form
	}
	if len(known) > 1 {
		return key, nil, fmt.Errorf("%s fits none of the %d keys that sign, for example: %w; sign the bytes that 'tosign' writes for the key, they differ by key", a.file, len(known), other)
	}
	return key, nil, fmt.Errorf("%s: %w", a.file, other)
}

func newReleaseToSignCommand() *cobra.Command {
	var to toSign
	var signers signerFlags
	cmd := &cobra.Command{
		Use:   "tosign DIR|ENVELOPE --key-id KEY --out FILE",
		Short: "Write the bytes that a key signs, for security modules (offline)",
		Long: `Checks what 'camswarm release sign' checks, prints what is being signed, and
writes the bytes for a key that a security module, a card or a key service holds.
What it returns goes into the release with 'camswarm release attach'.

` + toSignHelp,
		Example: `  camswarm release tosign release-2 --key-id hsm1.pem --out to-sign
  camswarm release attach release-2 --signature signature`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := openRelease(args[0])
			if err != nil {
				return err
			}
			key, err := keyID(to.key)
			if err != nil {
				return err
			}
			known, err := signers.known(cmd, r)
			if err != nil {
				return err
			}
			if err := r.mayBeSigned(cmd, known, key); err != nil {
				return err
			}
			facts := r.facts(r.image != "", known)
			return to.write(cmd, r.envelope, key, func(f toSignFacts) any {
				return struct {
					releaseFacts
					ToSign toSignFacts `json:"toSign"`
				}{facts, f}
			}, facts.print)
		},
	}
	to.add(cmd)
	signers.add(cmd)
	return cmd
}

func newReleaseAttachCommand() *cobra.Command {
	var a attached
	var signers signerFlags
	cmd := &cobra.Command{
		Use:   "attach DIR|ENVELOPE --signature FILE",
		Short: "Add a signature that a security module made (offline)",
		Long: `Adds a signature over the bytes that 'camswarm release tosign' wrote. Before it
writes anything it verifies the signature, that the key is one of the
manufacturer's, as 'camswarm release sign' knows them, and that the image is the
one the manifest describes.

` + attachHelp,
		Example: `  camswarm release attach release-2 --signature signature
  camswarm release attach envelope.cbor --signature signature.der --key-id hsm1.pem`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := openRelease(args[0])
			if err != nil {
				return err
			}
			known, err := signers.known(cmd, r)
			if err != nil {
				return err
			}
			key, made, err := a.find(r.envelope, known.keys.Keys)
			if err != nil {
				return err
			}
			if err := r.mayBeSigned(cmd, known, key); err != nil {
				return err
			}
			if err := sign.Attach(r.envelope, key, made); err != nil {
				return err
			}
			return r.saveSigned(cmd, known, key, a.asJSON)
		},
	}
	a.add(cmd)
	signers.add(cmd)
	return cmd
}

func newKeysRotateToSignCommand() *cobra.Command {
	var to toSign
	cmd := &cobra.Command{
		Use:   "tosign FILE --key-id KEY --out FILE",
		Short: "Write the bytes that a key signs of a rotation, for security modules (offline)",
		Long: `Prints the rotation and writes the bytes for a key that a security module, a card
or a key service holds. What it returns goes into the file with 'camswarm keys
rotate attach'.

` + toSignHelp,
		Example: `  camswarm keys rotate tosign rotation-2.cbor --key-id hsm1.pem --digest --out digest`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := readRotationFile(args[0])
			if err != nil {
				return err
			}
			if err := r.checkSignatures(); err != nil {
				return err
			}
			key, err := keyID(to.key)
			if err != nil {
				return err
			}
			if !r.From.Has(key) && !r.To.Has(key) {
				return fmt.Errorf("key %s is in neither key set of the rotation: its signature would make every camera refuse it", key)
			}
			facts := r.facts()
			return to.write(cmd, r.Rotation, key, func(f toSignFacts) any {
				return struct {
					rotationFacts
					ToSign toSignFacts `json:"toSign"`
				}{facts, f}
			}, facts.print)
		},
	}
	to.add(cmd)
	return cmd
}

func newKeysRotateAttachCommand() *cobra.Command {
	var a attached
	cmd := &cobra.Command{
		Use:   "attach FILE --signature FILE",
		Short: "Add a signature that a security module made to a rotation (offline)",
		Long: `Adds a signature over the bytes that 'camswarm keys rotate tosign' wrote, by a key
of the old or the new set, after verifying it.

` + attachHelp,
		Example: `  camswarm keys rotate attach rotation-2.cbor --signature signature`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := readRotationFile(args[0])
			if err != nil {
				return err
			}
			if err := r.checkSignatures(); err != nil {
				return err
			}
			key, made, err := a.find(r.Rotation, append(append([]verify.PublicKey{}, r.From.Keys...), r.To.Keys...))
			if err != nil {
				return err
			}
			if err := sign.AttachRotation(r.Rotation, key, made); err != nil {
				return err
			}
			return r.saveAndShow(cmd, a.asJSON)
		},
	}
	a.add(cmd)
	return cmd
}
