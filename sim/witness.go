package sim

import (
	"fmt"
	"path/filepath"
	"slices"

	"camswarm/node"
	"camswarm/sim/localnet"
	"camswarm/swarm"
)

// makeWitnesses makes the witnesses' keys, each in a file for its nodes: a witness speaks
// for every region, by a node there, since what is said of one region can contradict
// nothing that is said of another.
func (r *run) makeWitnesses() error {
	for i := range r.s.Witnesses {
		key, err := localnet.NewWitness(r.witnessFile(i))
		if err != nil {
			return err
		}
		r.witnesses = append(r.witnesses, key)
	}
	return nil
}

func witnessName(i int) string { return fmt.Sprintf("%s-%d", roleWitness, i+1) }

func (r *run) witnessFile(i int) string { return filepath.Join(r.dir, witnessName(i)+".key") }

// nameWitnesses names the witnesses in a node's configuration, and makes it one.
func (r *run) nameWitnesses(a *actor, c *node.Config, p *node.ProductConfig) {
	if len(r.witnesses) == 0 {
		return
	}
	p.Witnesses.Keys, p.Witnesses.Threshold = slices.Clone(r.witnesses), len(r.witnesses)/2+1
	if a.role == roleWitness {
		c.Witness.Key = r.witnessFile(a.witness)
		c.Exchange.Mode = swarm.ModeOff
	}
}
