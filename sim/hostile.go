package sim

import (
	"context"
	"fmt"
)

// startHostile puts a hostile actor on stage.
func (r *run) startHostile(_ context.Context, a *actor) (stop func(), err error) {
	return nil, fmt.Errorf("there is no behaviour %q yet", a.role)
}
