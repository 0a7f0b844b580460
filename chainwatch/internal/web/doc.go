// Package web is an HTTP client for hosts that may be hostile: it bounds the
// time and the header of every answer, follows no redirect, decompresses
// nothing, and checks certificates even on a device without a clock.
package web
