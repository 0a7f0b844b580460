// Package version says which build of a program is running. It exists so that
// all three programs say it alike; it needs nothing but the standard library,
// because camswarmd links it too.
package version
