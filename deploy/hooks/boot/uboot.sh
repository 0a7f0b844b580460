# Boot selection by U-Boot's environment and its boot count limit: the variable "slot"
# says which slot is started; while upgrade_available is 1 U-Boot counts bootcount up and
# runs altbootcmd once it passes bootlimit (conf/uboot.env has it). All three change in
# one write, which a redundant environment makes safe against power cuts. What runs
# stands on the kernel's command line, see cmdline_slot.
# shellcheck shell=sh

boot_running() { cmdline_slot; }

env_set() { # SLOT UPGRADE_AVAILABLE
	env_is "$@" && return
	# U-Boot's own tool reads "name value", libubootenv's "name=value", and neither says
	# that it did not understand.
	for sep in ' ' =; do
		printf '%s\n' "slot$sep$1" "upgrade_available$sep$2" "bootcount${sep}0" >"$STATE/env"
		fw_setenv -c "${FW_ENV:-/etc/fw_env.config}" -s "$STATE/env" >/dev/null 2>&1 || :
		if env_is "$@"; then return; fi
	done
	fail "U-Boot's environment cannot be written: see fw_setenv and ${FW_ENV:-/etc/fw_env.config}"
}
env_get() { fw_printenv -c "${FW_ENV:-/etc/fw_env.config}" -n "$1" 2>/dev/null || :; }
env_is() {
	[ "$(env_get slot)" = "$1" ] && [ "$(env_get upgrade_available)" = "$2" ] && [ "$(env_get bootcount)" = 0 ]
}

boot_try() { env_set "$1" 1; }
boot_keep() { env_set "$1" 0; }
