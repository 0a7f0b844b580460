// Package world holds measured facts about the Internet that the global
// scenario stands on: round trips between six regions of the world, and the
// access lines of consumers there. Each number names its source and date. Where
// none could be verified it says so, and the value chosen is the one that is
// kinder to a central origin than to a swarm: low loss, slow uplinks.
package world
