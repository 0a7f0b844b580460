# Installs SWUpdate images (.swu): SLOT_A and SLOT_B are what --select says for each, such
# as stable,copy-a. SWUPDATE is the program with its own options, by default "swupdate -i";
# "swupdate-client" hands the image to a running daemon.
# shellcheck shell=sh disable=SC2034,SC2154 # shared with ab
write_selects=yes
write_in_place=no

write_slot() {
	as_file
	# shellcheck disable=SC2086
	set -- "$1" ${SWUPDATE:-swupdate -i}
	select=$1 program=$2
	shift 2
	code=0
	out=$("$program" -e "$select" "$@" "$image" 2>&1) || code=$?
	echo "$out"
	# SWUpdate 2022.12 may exit with 1 after an install that went well, when it looks for the
	# result before that is written down.
	case $code$out in
	0* | *"SWUPDATE successful"*) sync ;;
	*) fail "$program failed: exit code $code" ;;
	esac
}
