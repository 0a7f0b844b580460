// Package install puts verified firmware onto a device: through an integrator's
// hook or into files, inside the maintenance window. It takes nothing but a
// [verify.Image], and knows neither the swarm nor the chain.
package install
