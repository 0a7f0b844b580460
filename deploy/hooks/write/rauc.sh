# Installs RAUC bundles: the image is one. SLOT_A and SLOT_B are names of RAUC's slots,
# such as rootfs.0; RAUC writes the one that does not run, and selects it.
# shellcheck shell=sh disable=SC2034,SC2154 # shared with ab
write_selects=yes
write_in_place=no

write_slot() {
	as_file
	rauc install "$image" || fail "rauc install failed"
}
