// Package units reads and writes amounts of bytes, and bytes per second, as people
// write them: one notation for configuration files, command lines and the
// control API. It depends on the standard library alone.
//
//	6200000, 6.2MB, 500kB, 2GB       bytes; k, M and G are powers of 1000
//	64KiB, 256MiB, 1GiB              bytes; powers of 1024
//	64000, 64kB/s, 1.5MB/s, 2MiB/s   bytes per second
//	64kbit/s, 16Mbit/s, 1Gbit/s      bits per second, an eighth of it in bytes
//
// A blank may stand between number and unit. "Mb" is refused, since it is not
// clear which of the two is meant.
package units
