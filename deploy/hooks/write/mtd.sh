# Writes slots that are bare MTD partitions, such as /dev/mtd4: NOR flash by default,
# with NAND=yes raw NAND, whose bad blocks are skipped.
# shellcheck shell=sh disable=SC2034 # shared with ab
write_selects=no
write_in_place=no

write_slot() {
	flash_erase -q "$1" 0 0 || fail "flash_erase $1 failed"
	if [ "${NAND:-no}" = yes ]; then
		nandwrite -q -p "$1" - || fail "nandwrite $1 failed"
		sum=$(nanddump -q --bb=skipbad -l "$CAMSWARM_IMAGE_SIZE" "$1" | head -c "$CAMSWARM_IMAGE_SIZE" | sha256sum)
		[ "${sum%% *}" = "$CAMSWARM_IMAGE_SHA256" ] || fail "$1 does not hold the image after it was written"
	else
		dd of="$1" bs=64k 2>/dev/null || fail "writing $1 failed"
		is_image "$1" || fail "$1 does not hold the image after it was written"
	fi
}
