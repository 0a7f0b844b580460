// Command camswarm is the tool of those who make, roll out and own firmware:
// keys, the registry contract, releases, rollout policies, provisioning, and
// questions to a running camswarmd.
//
// It exists so that nothing a manufacturer or operator does needs a node of
// their own: it makes files offline, sends transactions, and talks to a seed
// over its control socket. It may link what cameras must not (go-ethereum,
// signing); it may not decide anything that a camera relies on, since cameras
// believe the chain and the signatures only.
package main
