// Package web serves HTTP until a context ends. It exists so that the control socket,
// the monitoring listener and the gateway stop alike: no handler outlives Serve, so
// what a handler reads may be closed afterwards. It knows nothing of nodes.
package web
