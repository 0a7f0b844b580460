// Package fleet computes how a release spreads over fleets of any size, up to
// millions of cameras, by an aggregated model: shares of classes of cameras
// instead of nodes. One integration takes milliseconds and gives the same result
// each time.
//
// It exists for sizes that neither real nodes (package sim) nor the scheduler's
// model (package flow) reach. Its few parameters are fitted to runs of real nodes;
// it knows how far off it was from them ([Calibrated]), and a result beyond the
// largest of those runs says that it is extrapolated. It knows no scenario files,
// no reports and no figures: package sim makes a [Fleet] of a scenario.
package fleet
