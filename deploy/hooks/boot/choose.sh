#!/bin/sh
# Boot loader's part of boot/file.sh, for an initramfs: prints the slot to start, and
# counts a try of one that is not confirmed yet, durably, before it is started.
#
#	choose.sh BOOT_FILE DEFAULT
set -eu
slot=$2 tries=-
[ ! -s "$1" ] || read -r slot tries <"$1" || : # without its last newline it counts too
case $slot in a | b) ;; *) slot=$2 tries=- ;; esac
case $tries in
-) ;;
0 | *[!0-9]* | '')
	if [ "$slot" = a ]; then slot=b; else slot=a; fi
	tries=-
	;;
*)
	tries=${tries#"${tries%%[!0]*}"} # 08 is no octal number
	tries=$((${tries:-1} - 1))
	;;
esac
if [ "$(cat "$1" 2>/dev/null)" != "$slot $tries" ]; then
	echo "$slot $tries" >"$1.new"
	sync
	mv "$1.new" "$1"
	sync
fi
echo "$slot"
