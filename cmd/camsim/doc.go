// Command camsim runs networks of real nodes in virtual time, for researchers:
// scenarios, baselines over the same lines, sweeps over parameters, figures.
//
// It exists so that every figure of this project can be repeated by one command
// line. It may link what cameras must not (the simulator, the testing package,
// plotting); what a node does is decided in the packages that cameras run, never
// here.
package main
