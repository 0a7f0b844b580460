// Package cli holds what the commands for people, camswarm and camsim, share:
// how a command line runs, fails and prints.
//
// It exists so that both speak alike to scripts: the same exit codes, one line
// on stderr, one JSON document on stdout. It knows nothing of cameras or
// releases, and camswarmd does without it: camera bytes matter.
package cli
