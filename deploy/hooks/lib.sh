# What the install hooks share. POSIX shell, sourced under set -eu.
# shellcheck shell=sh

fail() { echo "$*" >&2; exit 1; }  # of confirm: roll back
later() { echo "$*" >&2; exit 75; } # EX_TEMPFAIL: not now, or not known yet

# load reads the hook's settings and makes its directory.
load() {
	[ $# -eq 2 ] || fail "usage: ${0##*/} CONF install|confirm|rollback"
	case $1 in /*) ;; *) fail "$1: write the path of the settings from the root, /…" ;; esac
	# shellcheck source=/dev/null
	. "$1"
	: "${STATE:=/var/lib/camswarm/hook}"
	mkdir -p "$STATE"
}

# put writes standard input to a file that is there as a whole or not at all.
put() {
	[ ! -d "$1" ] || fail "$1 is a directory"
	dd of="$1.new" conv=fsync 2>/dev/null
	mv "$1.new" "$1"
	sync
}

# got prints a value of the record, nothing if there is none.
got() { sed -n "s/^$1=//p" "$STATE/record" 2>/dev/null || :; }

# record keeps what this hook did for the release: record KEY=VALUE...
record() {
	printf '%s\n' "sequence=$CAMSWARM_SEQUENCE" "sha256=$CAMSWARM_IMAGE_SHA256" "$@" | put "$STATE/record"
}

# recorded tells whether the record is of this release.
recorded() {
	[ "$(got sequence)" = "$CAMSWARM_SEQUENCE" ] && [ "$(got sha256)" = "$CAMSWARM_IMAGE_SHA256" ]
}

# boot_id is another after each boot.
boot_id() { cat "${BOOT_ID:-/proc/sys/kernel/random/boot_id}"; }

# take makes standard input the image, however the node gives it.
take() { [ -z "${CAMSWARM_IMAGE:-}" ] || exec <"$CAMSWARM_IMAGE"; }

# drain reads an image that is not needed: the node refuses a hook that does not.
drain() { cat >/dev/null; }

# is_image compares a file, or as much of a device as an image takes, with the digest.
is_image() {
	sum=$(head -c "$CAMSWARM_IMAGE_SIZE" "$1" | sha256sum)
	[ "${sum%% *}" = "$CAMSWARM_IMAGE_SHA256" ]
}

# as_file sets image to the path of a file that holds the image. Given as a stream it
# takes its size in STATE until the hook ends; install.feed = "file" saves that.
as_file() {
	image=${CAMSWARM_IMAGE:-}
	[ -z "$image" ] || return 0
	image=$STATE/image
	trap 'rm -f "$STATE/image"' EXIT
	cat >"$image"
	is_image "$image" || fail "the image broke off or changed on its way into $image"
}

# healthy asks the device's own test, if there is one.
healthy() {
	[ -n "${HEALTHY:-}" ] || return 0
	code=0
	sh -c "$HEALTHY" || code=$?
	case $code in
	0) ;;
	75) later "the device does not know yet whether it runs well" ;;
	*) fail "the device does not run well: $HEALTHY: exit code $code" ;;
	esac
}

# reboot_soon leaves the node time to write down how the hook ended. Descriptor 3 would
# make the next hook wait.
reboot_soon() {
	[ -n "${REBOOT:-}" ] || return 0
	(sleep "${REBOOT_DELAY:-5}" && exec sh -c "$REBOOT") </dev/null >/dev/null 2>&1 3>&- &
}

# cmdline_slot tells the slot that runs by the kernel's command line: RUNNING_A and
# RUNNING_B are words of it, such as root=/dev/mmcblk0p2.
cmdline_slot() {
	line=" $(cat "${CMDLINE:-/proc/cmdline}") "
	case $line in
	*" ${RUNNING_A:?is not set} "*) echo a ;;
	*" ${RUNNING_B:?is not set} "*) echo b ;;
	esac
}
