package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// hook stands for a device's own: DIR/boot names the slot that is started, and what it
// was given.
const hook = `#!/bin/sh
set -eu
cd "$1"
read -r run was rest <boot
if [ "$run" = a ]; then free=b; else free=a; fi
case $2 in
slot) echo "$PWD/slot-$free" ;;
install)
	[ "$was" != "$CAMSWARM_SEQUENCE" ] || exit 0
	[ "${CAMSWARM_SLOT:-}" = "$PWD/slot-$free" ] || { echo "no slot: ${CAMSWARM_SLOT:-}" >&2; exit 1; }
	sum=$(head -c "$CAMSWARM_IMAGE_SIZE" "$CAMSWARM_SLOT" | sha256sum)
	[ "${sum%% *}" = "$CAMSWARM_IMAGE_SHA256" ] || exit 1
	echo "$free $CAMSWARM_SEQUENCE $CAMSWARM_IMAGE_SIZE" | dd of=boot.new conv=fsync 2>/dev/null
	mv boot.new boot
	sync .
	;;
esac
`

func (b *bench) hookPath() string { return filepath.Join(b.dir, "hook") }

// makeSlots puts two slots, somewhat larger than an image, on the mounted disk.
func (b *bench) makeSlots() error {
	if err := os.WriteFile(b.hookPath(), []byte(hook), 0o700); err != nil {
		return err
	}
	for _, name := range []string{"slot-a", "slot-b"} {
		if err := os.WriteFile(filepath.Join(b.disk.dir, name), make([]byte, b.size+64<<10), 0o600); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(b.disk.dir, "boot"), []byte("a 0 0\n"), 0o600); err != nil {
		return err
	}
	syscall.Sync()
	return nil
}

// checkSlot looks at the slot that is started.
func (b *bench) checkSlot() error {
	boot, err := os.ReadFile(filepath.Join(b.disk.dir, "boot"))
	if err != nil {
		return err
	}
	var (
		slot string
		seq  uint64
		size int
	)
	if _, err := fmt.Sscan(strings.TrimSpace(string(boot)), &slot, &seq, &size); err != nil {
		return fmt.Errorf("the boot selection is damaged: %q: %w", boot, err)
	}
	if seq < b.said {
		return fmt.Errorf("release %d is installed, and the camera has said that it runs %d", seq, b.said)
	}
	if seq == 0 {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(b.disk.dir, "slot-"+slot))
	if err != nil {
		return err
	}
	if size != b.size || len(data) != b.size+64<<10 || sha256.Sum256(data[:size]) != b.images[seq] {
		return fmt.Errorf("slot %s is started, and does not hold release %d", slot, seq)
	}
	return nil
}
