package anvil

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"

	"camswarm/chainwatch/devchain"
	"camswarm/verify"
)

// ChainID is the id of every chain that [Start] starts.
const ChainID = 4690

// ErrMissing says that anvil is not installed.
var ErrMissing = errors.New(`anvil is not installed: run "npm ci" in chainwatch/contracts, or set CAMSWARM_ANVIL to its path`)

// Find returns the program: that of CAMSWARM_ANVIL, of the PATH, or of the contract's
// npm packages above the working directory.
func Find() (string, error) {
	if path := os.Getenv("CAMSWARM_ANVIL"); path != "" {
		return path, nil
	}
	if path, err := exec.LookPath("anvil"); err == nil {
		return path, nil
	}
	return Package("@foundry-rs/anvil-linux-amd64/bin/anvil")
}

// Package returns a file of the contract's npm packages.
func Package(name string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, "chainwatch", "contracts", "node_modules", filepath.FromSlash(name))
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if dir == filepath.Dir(dir) {
			return "", ErrMissing
		}
	}
}

// Server is a running anvil.
type Server struct {
	URL string

	cmd  *exec.Cmd
	rpc  *rpc.Client
	done chan struct{}
}

// Start starts anvil on a free port of this machine, with more arguments if need be,
// and gives the accounts what the dev chain gives them. It ends with Close or ctx;
// Close is due in both cases.
func Start(ctx context.Context, fund []verify.Address, args ...string) (*Server, error) {
	path, err := Find()
	if err != nil {
		return nil, err
	}
	s := &Server{done: make(chan struct{})}
	s.cmd = exec.CommandContext(ctx, path, append([]string{"--port", "0", "--hardfork", "cancun", "--chain-id", fmt.Sprint(ChainID)}, args...)...)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("anvil: %w", err)
	}
	for lines := bufio.NewScanner(out); s.URL == "" && lines.Scan(); {
		if _, address, ok := strings.Cut(lines.Text(), "Listening on "); ok {
			s.URL = "http://" + strings.TrimSpace(address)
		}
	}
	go func() {
		defer close(s.done)
		_, _ = io.Copy(io.Discard, out)
		_ = s.cmd.Wait() // killed
	}()
	if s.URL == "" {
		return nil, errors.Join(fmt.Errorf("anvil at %s did not say where it listens", path), s.Close())
	}
	if s.rpc, err = rpc.DialContext(ctx, s.URL); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	for _, a := range fund {
		if err := s.Call(ctx, nil, "anvil_setBalance", a.String(), (*hexutil.Big)(devchain.Balance())); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Call calls one of anvil's methods; result may be nil.
func (s *Server) Call(ctx context.Context, result any, method string, args ...any) error {
	if err := s.rpc.CallContext(ctx, result, method, args...); err != nil {
		return fmt.Errorf("anvil: %s: %w", method, err)
	}
	return nil
}

// Close ends it.
func (s *Server) Close() error {
	if s.rpc != nil {
		s.rpc.Close()
	}
	_ = s.cmd.Process.Kill() // it may have ended with ctx
	<-s.done
	return nil
}
