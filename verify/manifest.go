package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Manifest describes one release for devices, in the vocabulary of RFC 9124
// (information model for firmware updates). docs/FORMAT.md gives its encoding.
// Every text is printable UTF-8 of at most MaxText bytes.
type Manifest struct {
	Product     Product
	Hardware    []string // hardware revisions it fits; empty: every revision
	Sequence    uint64   // monotonic, equal to the chain's
	Version     string   // for people
	MinSequence uint64   // smallest installed sequence it may replace (precursor); 0: any
	Image       ImageInfo
	Component   string // what to install: "firmware" unless the product has several parts
	Expires     uint64 // seconds since 1970 after which it must not be installed; 0: never
	Registry    RegistryRef
	IPNSName    string   // where the release directory is published; may be empty
	Origins     []Origin // where the flat image can be had outside of the swarm, best first
	Seeds       []Seed   // that devices use besides those that they were provisioned with
}

// Origin is a server outside of the swarm that has the image as a flat file. It needs
// no trust: every block is hashed.
type Origin struct {
	Region Region `json:"region,omitempty"` // whose devices it is for; "": all
	URL    string `json:"url"`              // https, of at most MaxOriginURL bytes of ASCII; public, as the manifest is
}

// Seed is a node that devices of the product use like the seeds that they were
// provisioned with. It needs no trust: it is believed no more than any peer.
type Seed struct {
	Region Region `json:"region,omitempty"` // whose devices it is for; "": all
	Addr   string `json:"addr"`             // multiaddr that ends in /p2p/ and a peer id, of at most MaxSeedAddr bytes of ASCII
}

// Validate checks every field on its own and against the others. It is called
// by [DecodeManifest] and [Manifest.Encode].
func (m *Manifest) Validate() error {
	if err := m.Product.Validate(); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	if len(m.Hardware) > MaxHardware {
		return fmt.Errorf("manifest names %d hardware revisions, at most %d are allowed", len(m.Hardware), MaxHardware)
	}
	for i, h := range m.Hardware {
		if err := checkText(h); err != nil {
			return fmt.Errorf("manifest hardware revision %d: %w", i+1, err)
		}
		if slices.Contains(m.Hardware[:i], h) {
			return fmt.Errorf("manifest names hardware revision %q twice", h)
		}
	}
	if m.Sequence == 0 {
		return errors.New("manifest has sequence 0, the first release has 1")
	}
	if m.MinSequence >= m.Sequence {
		return fmt.Errorf("manifest has minimum sequence %d, it must be below its own sequence %d", m.MinSequence, m.Sequence)
	}
	if err := checkText(m.Version); err != nil {
		return fmt.Errorf("manifest version: %w", err)
	}
	if !isLabel(m.Component) {
		return fmt.Errorf(`manifest component %q must be lower-case letters, digits and inner '-'; use "firmware" when the product has one part`, m.Component)
	}
	if err := m.Registry.Validate(); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	if m.IPNSName != "" {
		if err := checkText(m.IPNSName); err != nil {
			return fmt.Errorf("manifest IPNS name: %w", err)
		}
	}
	if len(m.Origins) > MaxOrigins {
		return fmt.Errorf("manifest names %d origins, at most %d are allowed", len(m.Origins), MaxOrigins)
	}
	for i, o := range m.Origins {
		if err := o.validate(); err != nil {
			return fmt.Errorf("manifest origin %d: %w", i+1, err)
		}
		if slices.Contains(m.Origins[:i], o) {
			return fmt.Errorf("manifest origin %d stands twice", i+1)
		}
	}
	if len(m.Seeds) > MaxSeeds {
		return fmt.Errorf("manifest names %d seeds, at most %d are allowed", len(m.Seeds), MaxSeeds)
	}
	for i, s := range m.Seeds {
		if err := s.validate(); err != nil {
			return fmt.Errorf("manifest seed %d: %w", i+1, err)
		}
		if slices.Contains(m.Seeds[:i], s) {
			return fmt.Errorf("manifest seed %d stands twice", i+1)
		}
	}
	return m.Image.Validate()
}

func (o Origin) validate() error {
	if _, err := ParseRegion(string(o.Region)); err != nil {
		return err
	}
	if !strings.HasPrefix(o.URL, "https://") {
		return errors.New(`its URL does not begin with "https://"`)
	}
	if len(o.URL) > MaxOriginURL {
		return fmt.Errorf("its URL is %d bytes long, at most %d are allowed; a presigned one belongs into the nodes' configuration", len(o.URL), MaxOriginURL)
	}
	if strings.ContainsFunc(o.URL, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("its URL holds a blank or what is not ASCII: write it as %XX")
	}
	return nil
}

func (s Seed) validate() error {
	if _, err := ParseRegion(string(s.Region)); err != nil {
		return err
	}
	if len(s.Addr) > MaxSeedAddr {
		return fmt.Errorf("its address is %d bytes long, at most %d are allowed", len(s.Addr), MaxSeedAddr)
	}
	if !strings.HasPrefix(s.Addr, "/") || !strings.Contains(s.Addr, "/p2p/") || strings.ContainsFunc(s.Addr, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("its address is no multiaddr with /p2p/ and a peer id at its end")
	}
	return nil
}

// checkText refuses what could mislead a person or a log: empty and overlong
// texts, bytes that are not UTF-8, control characters, invisible characters
// and those that change the direction of writing.
func checkText(s string) error {
	if s == "" {
		return errors.New("is empty")
	}
	if len(s) > MaxText {
		return fmt.Errorf("is %d bytes long, at most %d are allowed", len(s), MaxText)
	}
	if !utf8.ValidString(s) {
		return errors.New("is not UTF-8")
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("holds the unprintable character %U", r)
		}
	}
	return nil
}
