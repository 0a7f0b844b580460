package node

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"camswarm/node/install"
)

// CheckFiles opens what the configuration names on this device and says of each file
// what is wrong with it, all in one line: statements, keys, the node's identity and its
// membership, the state directory, the install hook. It makes and changes nothing. The
// error wraps ErrConfig.
func (c *Config) CheckFiles() error {
	var wrong []string
	note := func(err error) {
		if err != nil {
			wrong = append(wrong, strings.TrimPrefix(err.Error(), ErrConfig.Error()+": "))
		}
	}
	for i := range c.Products {
		p := &c.Products[i]
		if _, err := p.Verifier(); err != nil {
			note(fmt.Errorf("product %q: %s", p.Name, strings.TrimPrefix(err.Error(), ErrConfig.Error()+": ")))
		}
	}
	if info, err := os.Stat(c.StateDir); err == nil && !info.IsDir() {
		note(fmt.Errorf("state_dir: %s is no directory; name one, or one that can be made", c.StateDir))
	} else {
		note(c.checkIdentity())
	}
	if c.Witness.Key != "" {
		_, err := loadWitnessKey(c.Witness.Key)
		note(err)
	}
	if c.Role == RoleCamera && len(c.Install.Command) > 0 {
		note((&install.ExecInstaller{Command: c.Install.Command}).Check())
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrConfig, strings.Join(wrong, "; "))
}

// checkIdentity holds the node's key, if it has one, and its membership together.
func (c *Config) checkIdentity() error {
	path := filepath.Join(c.StateDir, identityFile)
	key, err := loadIdentity(path)
	fresh := errors.Is(err, fs.ErrNotExist)
	if err != nil && !fresh {
		err = fmt.Errorf("the node's identity: %w", err)
	} else {
		err = nil
	}
	if c.Network.Membership == "" {
		return err
	}
	credential, err2 := loadCredential(c.Network.Membership)
	switch {
	case err2 != nil:
		err2 = errors.New(strings.TrimPrefix(err2.Error(), ErrConfig.Error()+": "))
	case fresh:
		err2 = fmt.Errorf("network.membership: %s belongs to a key that is not in %s; put it there", c.Network.Membership, path)
	case key != nil:
		raw, _ := key.GetPublic().Raw() // of an Ed25519 key it never fails
		if !bytes.Equal(raw, credential.Certificate.Member) {
			err2 = fmt.Errorf("network.membership: %s is the credential of another key than %s; make one with 'camswarm members issue'", c.Network.Membership, path)
		}
	}
	switch {
	case err == nil:
		return err2
	case err2 == nil:
		return err
	}
	return fmt.Errorf("%w; %w", err, err2)
}
