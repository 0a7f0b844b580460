# Boot selection by a file that the initramfs reads (boot/choose.sh does): BOOT_FILE holds
# "SLOT TRIES", where TRIES is how often a new slot is started before the other one is
# again, or "-" for one that was confirmed. What runs stands on the kernel's command
# line, see cmdline_slot.
# shellcheck shell=sh

boot_running() { cmdline_slot; }
boot_try() {
	case ${TRIES:=3} in
	[1-9] | [1-9][0-9]) ;;
	*) fail "TRIES=$TRIES: write a number from 1 to 99" ;;
	esac
	echo "$1 $TRIES" | put "${BOOT_FILE:?is not set}"
}
boot_keep() {
	[ "$(cat "${BOOT_FILE:?is not set}" 2>/dev/null)" = "$1 -" ] || echo "$1 -" | put "$BOOT_FILE"
}
