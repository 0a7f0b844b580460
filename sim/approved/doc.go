// Package approved takes an image the whole way to an approved release, as a
// manufacturer, a chain and a device do, for tests of what comes after that.
package approved
