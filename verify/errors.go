package verify

import (
	"errors"
	"fmt"
)

// The values of [Error.Attack]: the names of the threats of TUF, Uptane and
// RFC 9124 section 4.2, and a few of this system. docs/FORMAT.md says which
// check raises which and why it is soft or hard.
const (
	AttackMalformed     = "malformed"                        // bytes that no honest encoder makes
	AttackEndlessData   = "endless_data"                     // over a limit
	AttackArbitrary     = "arbitrary_installation"           // unsigned, unknown signer, wrong signature, foreign bytes
	AttackKeyCompromise = "vulnerability_to_key_compromises" // fewer signers than the threshold, or an unpinned key set on chain
	AttackWrongSoftware = "wrong_software_installation"      // another product or hardware revision
	AttackUnapproved    = "upd_unapproved"                   // bound to another registry
	AttackWrongChain    = "rpc_wrong_chain"                  // the view is of another registry or product
	AttackBeforeChain   = "gossip_before_chain"              // sequence not on chain yet
	AttackFastForward   = "fast_forward"                     // sequence far beyond the chain's latest
	AttackRollback      = "rollback"                         // older than what is installed, offered or allowed
	AttackRevoked       = "revoked"                          // revoked on chain
	AttackHalted        = "halted"                           // halted or paused by the operator
	AttackExpired       = "img_expired"                      // past the manifest's expiry
	AttackPrecursor     = "upd_wrong_precursor"              // the installed sequence may not be replaced by this release
	AttackMixAndMatch   = "mix_and_match"                    // manifest, chain record and image do not belong together
	AttackUnixFSBomb    = "unixfs_bomb"                      // the root CID is not the DAG of the listed blocks
	AttackImageExtra    = "img_extra"                        // bytes after the image
	AttackImagePartial  = "partial_bundle_installation"      // bytes missing from the image
	AttackImageReplaced = "img_replace"                      // image bytes changed after they were checked
	AttackImageSHA      = "cid_right_sha_wrong"              // every block is right, the whole image's digest is not

	AttackDIDDocHash      = "did_doc_hash_mismatch"      // a DID document that is not the one whose digest the chain records
	AttackDIDRelationship = "did_key_wrong_relationship" // a key used for what its DID document does not list it for
	AttackDIDDeactivated  = "did_deactivated"            // a DID that was deactivated, or never registered
	AttackDIDCaseAlias    = "did_case_alias"             // two spellings of one identity used as two
)

// Error is the refusal of something that came from outside. Attack is a stable
// snake_case word for metrics and tests, listed under "Refusals" in docs/FORMAT.md; Hard says that
// an honest sender could not have sent it, so the sender may be penalised. A
// soft error means: ignore it now, it may become right later.
type Error struct {
	Attack string
	Hard   bool
	Err    error
}

func (e *Error) Error() string { return e.Attack + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// IsHard reports whether err holds a hard Error.
func IsHard(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Hard
}

// AttackName returns the Attack of the Error in err, or "".
func AttackName(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Attack
	}
	return ""
}

// Soft makes a soft [Error]; format is that of [fmt.Errorf], with %w.
func Soft(attack, format string, args ...any) *Error {
	return &Error{Attack: attack, Err: fmt.Errorf(format, args...)}
}

// Hard makes a hard [Error]; format is that of [fmt.Errorf], with %w.
func Hard(attack, format string, args ...any) *Error {
	return &Error{Attack: attack, Hard: true, Err: fmt.Errorf(format, args...)}
}
