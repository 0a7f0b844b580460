// Package report holds what a simulation measured, and shows it: as JSON and CSV
// for machines, on a terminal, as figures and as one HTML page. It computes the
// summaries from the numbers of each node, so that no two outputs can disagree,
// and it knows nothing of how a simulation runs.
package report
