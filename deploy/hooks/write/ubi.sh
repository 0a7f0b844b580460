# Writes slots that are UBI volumes, such as /dev/ubi0_1, with ubiupdatevol. UBI itself
# refuses to read a volume whose update was cut off.
# shellcheck shell=sh disable=SC2034 # shared with ab
write_selects=no
write_in_place=no

write_slot() {
	ubiupdatevol -s "$CAMSWARM_IMAGE_SIZE" "$1" - || fail "ubiupdatevol $1 failed"
	is_image "$1" || fail "$1 does not hold the image after it was written"
}
