// Package figure draws what reports say: distributions, progress, where bytes
// came from, sweeps, and models of fleets.
//
// Each figure is made in two sizes: as SVG and PNG for a page, and as PDF in the
// width of a column of a paper, with letters that need no magnifier there. Colours
// stay apart under the common kinds of colour blindness, and lines differ in their
// dashes and marks as well, for print without colours. It knows no files but those
// of its own figures; package page puts figures and tables together.
package figure
