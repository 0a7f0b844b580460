// Package reporttest makes up reports with the shape of real ones: what the tests
// of reports, figures and pages are tried on. They do not depend on the machine.
package reporttest
