package metastore

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ipfs/go-datastore"
)

// stuck is a database whose Close does not return before released is closed.
type stuck struct {
	datastore.Batching
	released chan struct{}
}

func (s stuck) Close() error {
	<-s.released
	return nil
}

// A store under which the storage hangs does not keep the process from ending.
func TestCloseEndsThoughTheDatabaseDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := stuck{datastore.NewMapDatastore(), make(chan struct{})}
		s := Wrap(db)
		start := time.Now()
		closed := make(chan error, 1)
		go func() { closed <- s.Close() }()
		select {
		case err := <-closed:
			if err == nil || !strings.Contains(err.Error(), "does not close within 10s") {
				t.Errorf("Close returned %v", err)
			}
			if took := time.Since(start); took != closeTimeout {
				t.Errorf("Close gave up after %v, want %v", took, closeTimeout)
			}
			if again := s.Close(); again != err {
				t.Errorf("a second Close returned %v, the first %v", again, err)
			}
		case <-time.After(time.Hour):
			t.Error("Close does not return")
		}
		close(db.released) // lets the goroutines end
	})
}
