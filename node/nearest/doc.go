// Package nearest finds the word that somebody meant who wrote another: of commands,
// flags, scenarios and keys of a configuration.
package nearest
