package version

import (
	"cmp"
	"runtime/debug"
)

// Of returns one line: the program's name, its release (or else the module's
// version), the commit that it was built from and the Go version. release is
// what a release build was given with -ldflags; "" for any other build.
func Of(program, release string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return program + " (unknown version)"
	}
	v := program + " " + cmp.Or(release, info.Main.Version, "(devel)")
	commit := release != "" // a release is named by its version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v += " " + s.Value
			commit = true
		case "vcs.modified":
			if s.Value == "true" {
				v += " (modified)"
			}
		}
	}
	if !commit {
		v += " of a commit that the build did not record,"
	}
	return v + " " + info.GoVersion
}
