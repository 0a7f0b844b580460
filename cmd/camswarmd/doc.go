// Command camswarmd runs one camera or seed node.
//
// It is the program that goes into camera firmware, so bytes matter: it adds
// flags, signals, logging and systemd's notifications to package node and
// nothing else. go-ethereum, signing code, the simulator, profilers and
// command-line frameworks are not linked in; a test over the list of its
// dependencies holds that.
package main
