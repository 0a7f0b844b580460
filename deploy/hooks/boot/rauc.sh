# Boot selection by RAUC, which knows the boot loader (U-Boot, Barebox, GRUB, EFI, or a
# program of one's own): SLOT_A and SLOT_B are names of RAUC's slots, such as rootfs.0.
# shellcheck shell=sh disable=SC2154 # shared with ab

boot_running() {
	eval "$(rauc status --output-format=shell 2>/dev/null)"
	i=0
	for name in ${RAUC_SYSTEM_SLOTS:-}; do
		i=$((i + 1))
		eval "state=\$RAUC_SLOT_STATE_$i"
		[ "$state" = booted ] || continue
		case $name in
		"$(slot a)") echo a ;;
		"$(slot b)") echo b ;;
		esac
	done
}

boot_try() {
	[ "$(rauc status --output-format=shell 2>/dev/null | sed -n "s/^RAUC_BOOT_PRIMARY='\(.*\)'/\1/p")" = "$(slot "$1")" ] ||
		rauc status mark-active "$(slot "$1")" >/dev/null || fail "rauc status mark-active failed"
}

boot_keep() {
	boot_try "$1"
	if [ "$1" = "$run" ]; then state=good; else state=bad; fi # of the slot that runs
	rauc status "mark-$state" booted >/dev/null || fail "rauc status mark-$state failed"
}
