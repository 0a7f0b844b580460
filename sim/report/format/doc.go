// Package format writes numbers and text for people: times, sizes, rates and
// shares in the units that fit, cells of tables, and names that are safe for a
// terminal.
//
// It exists so that tables, figures and pages of one result say the same. It
// knows nothing of reports.
package format
