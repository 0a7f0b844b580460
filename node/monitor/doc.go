// Package monitor is a node's listener for operators' tools: metrics for Prometheus,
// /healthz and /readyz for whatever restarts and balances seeds, and pages that others
// add. It exists beside the control socket because those tools speak TCP, and must
// change nothing: it knows no request that does. The camera build leaves it out.
package monitor
