# Writes slots that are partitions or files: SLOT_A and SLOT_B are their paths. The node
# may do so itself (install.feed = "slot").
# shellcheck shell=sh disable=SC2034 # shared with ab
write_selects=no
write_in_place=yes

check_slot() {
	# A name that is wrong would make a file, in /dev even one in memory.
	[ -e "$1" ] || fail "slot $1 does not exist"
	case $(readlink -f "$1") in /dev/*) [ -b "$1" ] || fail "slot $1 is no block device" ;; esac
	grep -qs "^$(readlink -f "$1") " /proc/mounts && fail "$1 is mounted"
	if [ -b "$1" ]; then
		space=$(blockdev --getsize64 "$1")
		[ "$space" -ge "$CAMSWARM_IMAGE_SIZE" ] || fail "$1 has $space bytes, the image $CAMSWARM_IMAGE_SIZE"
	fi
}

# sealed_slot makes sure that the medium holds the image.
sealed_slot() {
	[ ! -b "$1" ] || blockdev --flushbufs "$1" # so that it is read from the medium
	is_image "$1" || fail "$1 does not hold the image after it was written"
}

write_slot() {
	check_slot "$1"
	dd of="$1" bs=64k conv=fsync,notrunc 2>/dev/null || fail "writing $1 failed"
	sealed_slot "$1"
}
