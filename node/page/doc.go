// Package page shows a seed to people: rollouts, what cameras tell, bytes by distance,
// attacks that were stopped. One document, made on the server, without a script or
// anything from elsewhere, so that it works on loopback, behind a proxy and in a text
// browser. It knows what it is handed and asks nobody.
package page
