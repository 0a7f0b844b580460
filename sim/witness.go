package sim

import (
	"fmt"
	"path/filepath"
	"slices"

	"camswarm/node"
	"camswarm/swarm"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// makeWitnesses makes the witnesses' keys, each in a file for its node.
func (r *run) makeWitnesses() error {
	for i := range r.s.Witnesses {
		key, err := sign.Generate(verify.EdDSA)
		if err != nil {
			return err
		}
		if err := key.Save(r.witnessFile(fmt.Sprintf("%s-%d", roleWitness, i+1))); err != nil {
			return err
		}
		r.witnesses = append(r.witnesses, key.Public())
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
