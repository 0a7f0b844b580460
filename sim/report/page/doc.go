// Package page makes pages of reports that stand alone, and writes everything
// about a result into a directory: documents, tables, figures and the page.
//
// It exists so that one command leaves all that a reader or a paper needs. What is
// drawn is decided in package figure, what is counted in package report.
package page
