// Package statedir reads and writes the files of a node's state directory: whole,
// durable, and never through what is not a regular file. It knows nothing of what
// the files mean.
package statedir
