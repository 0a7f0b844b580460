package sim

import (
	"errors"
	"fmt"
	"math"
	"time"

	"camswarm/sim/links"
)

// Camera says how much time a camera's processor and flash take. Packets and bytes
// cross the processor one after another, both ways; a look at the chain costs
// signatures; an image is done when it is hashed as a whole and written.
type Camera struct {
	// Class presets the others: "" for no time, or "armv7", a 32-bit processor of 1
	// GHz without instructions for cryptography. What is set below goes before it.
	Class string `toml:"class"`
	// Packet is the time for each packet: system calls and QUIC's bookkeeping.
	Packet time.Duration `toml:"packet"`
	// Byte is the time for each byte on the line, in ns: decryption, and the hash of
	// its block.
	Byte float64 `toml:"byte"`
	// Hash is the time for each byte of the image when it is hashed as a whole, in ns.
	Hash float64 `toml:"hash"`
	// Flash is at how many MB/s flash is written; 0: at once.
	Flash float64 `toml:"flash"`
	// Signature is the time to check one.
	Signature time.Duration `toml:"signature"`
}

// cameraClasses are the presets. Bytes and signatures: Go's generic code for 32-bit
// processors, measured in CPU time of a 2.6 GHz x86 core (GOARCH=386 -tags purego):
// SHA-256 10 cycles a byte, ChaCha20-Poly1305 15, ECDSA P-256 2.2 million for a
// signature; an in-order core is taken to need twice the cycles. Packets and flash are
// assumed: 25 us, and raw NAND behind UBIFS.
var cameraClasses = map[string]Camera{
	"":      {},
	"armv7": {Packet: 25 * time.Microsecond, Byte: 50, Hash: 20, Flash: 5, Signature: 4400 * time.Microsecond},
}

// resolved is the class with what is set over it.
func (c Camera) resolved() Camera {
	out := cameraClasses[c.Class]
	out.Class = c.Class
	set := func(to *float64, v float64) {
		if v > 0 {
			*to = v
		}
	}
	set(&out.Byte, c.Byte)
	set(&out.Hash, c.Hash)
	set(&out.Flash, c.Flash)
	if c.Packet > 0 {
		out.Packet = c.Packet
	}
	if c.Signature > 0 {
		out.Signature = c.Signature
	}
	return out
}

func (c Camera) validate() error {
	switch _, known := cameraClasses[c.Class]; {
	case !known:
		return fmt.Errorf("camera.class is %q; write \"\" or \"armv7\"", c.Class)
	case min(c.Byte, c.Hash, c.Flash) < 0 || max(c.Byte, c.Hash) > 1e5 || c.Packet < 0 || c.Packet > time.Second || c.Signature < 0 || c.Signature > time.Minute:
		return errors.New("camera: times are not negative, byte and hash at most 100000 ns, packet 1s and signature 1m")
	}
	return nil
}

// processor puts the times of packets and bytes on a node's line.
func (c Camera) processor(n *links.Node) { n.PerPacket, n.PerByte = c.Packet, c.Byte }

// looks is what a look at one endpoint costs the processor: two signatures of its
// certificate on a new connection.
func (c Camera) look(fresh bool) time.Duration {
	if !fresh {
		return 0
	}
	return 2 * c.Signature
}

// verify is how long an image takes from its last block until it is hashed as a whole,
// and what was not yet written during the fetch.
func (c Camera) verify(imageBytes int64, fetch time.Duration) time.Duration {
	d := time.Duration(c.Hash * float64(imageBytes))
	if c.Flash > 0 {
		d += max(0, c.write(imageBytes)-fetch)
	}
	return d
}

// install is how long it takes from there until the slot has the image: two manifest
// signatures, a second hash, and its bytes.
func (c Camera) install(imageBytes int64) time.Duration {
	return 2*c.Signature + time.Duration(c.Hash*float64(imageBytes)) + c.write(imageBytes)
}

func (c Camera) write(imageBytes int64) time.Duration {
	if c.Flash == 0 {
		return 0
	}
	return time.Duration(math.Round(float64(imageBytes) / c.Flash * 1000))
}
