package sim

import (
	"fmt"
	"path/filepath"
	"slices"

	"camswarm/node"
	"camswarm/sim/localnet"
	"camswarm/swarm"
)

// makeWitnesses makes the witnesses' keys, each in a file for its node.
func (r *run) makeWitnesses() error {
	for i := range r.s.Witnesses {
		key, err := localnet.NewWitness(r.witnessFile(fmt.Sprintf("%s-%d", roleWitness, i+1)))
		if err != nil {
			return err
		}
		r.witnesses = append(r.witnesses, key)
	}
	return nil
}

func (r *run) witnessFile(name string) string { return filepath.Join(r.dir, name+".key") }

// nameWitnesses names the witnesses in a node's configuration, and makes it one.
func (r *run) nameWitnesses(a *actor, c *node.Config, p *node.ProductConfig) {
	if len(r.witnesses) == 0 {
		return
	}
	p.Witnesses.Keys, p.Witnesses.Threshold = slices.Clone(r.witnesses), len(r.witnesses)/2+1
	if a.role == roleWitness {
		c.Witness.Key = r.witnessFile(a.name)
		c.Exchange.Mode = swarm.ModeOff
	}
}
