package node_test

import (
	"crypto/ecdsa"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"

	"camswarm/chainwatch/registry/bindings"
	"camswarm/node"
	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/sim/localnet"
	"camswarm/verify/sign"
)

// A wallet sends transactions as any program may: with go-ethereum's client and
// nothing of ours but the encoding of calls.
type wallet struct {
	s      *swarm
	client *ethclient.Client
}

func (w *wallet) send(from *sign.Key, data []byte) {
	w.s.t.Helper()
	var secret *ecdsa.PrivateKey
	secret, err := crypto.ToECDSA(from.Bytes())
	w.s.must(err)
	id, err := w.client.ChainID(w.s.ctx)
	w.s.must(err)
	nonce, err := w.client.PendingNonceAt(w.s.ctx, crypto.PubkeyToAddress(secret.PublicKey))
	w.s.must(err)
	to := common.Address(w.s.Registry.Address())
	tx, err := types.SignNewTx(secret, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: nonce, GasTipCap: big.NewInt(params.GWei), GasFeeCap: big.NewInt(10 * params.GWei),
		Gas: 1_000_000, To: &to, Data: data,
	})
	w.s.must(err)
	w.s.must(w.client.SendTransaction(w.s.ctx, tx))
	w.s.until("the transaction is in a block", func() bool {
		receipt, err := w.client.TransactionReceipt(w.s.ctx, tx.Hash())
		if err == nil && receipt.Status != types.ReceiptStatusSuccessful {
			w.s.t.Fatal("the contract refused the transaction")
		}
		return err == nil
	})
}

// Whatever stops something reaches every camera, though nobody announces it and
// the cameras themselves look once a day: by the seed, whose view rises, and by
// the cameras that hear it.
func TestThreatStopSilenced_WhoeverSends(t *testing.T) {
	s := startSwarm(t, 2, nil)
	release := s.build(1, 100_000)
	s.release(release, toAll)
	s.untilAllRun(1)
	client, err := ethclient.DialContext(s.ctx, s.Chain.URL())
	s.must(err)
	defer client.Close()
	w, calls, product := &wallet{s, client}, bindings.NewFirmwareRegistry(), s.Product.ID()
	published := s.metric("seed", "camswarm_announce_judged_total", "self")

	var keys [][]byte
	for _, k := range s.Keys.Keys[:2] {
		keys = append(keys, k.Bytes())
	}
	manufacturer := s.DID.Hash()
	for _, stop := range []struct {
		name  string
		from  *sign.Key
		data  []byte
		holds func(m *localnet.Member) bool
	}{
		{"a halt", s.Operator, calls.PackSetHalted(product, 1, true), nil},
		{"the end of a halt", s.Operator, calls.PackSetHalted(product, 1, false), nil},
		{"a barrier", s.Operator, calls.PackSetBarrier(product, 1), nil},
		{"a raised floor", s.Manufacturer, calls.PackSetMinSequence(product, 1), nil},
		{"a pause", s.Guardian, calls.PackPause(), func(m *localnet.Member) bool {
			return m.Node.Status().Products[0].Chain.Paused
		}},
		{"the end of a pause", s.Operator, calls.PackUnpause(), func(m *localnet.Member) bool {
			return !m.Node.Status().Products[0].Chain.Paused
		}},
		{"a revocation", s.Manufacturer, calls.PackRevoke(product, 1), func(m *localnet.Member) bool {
			_, serves := m.Node.Progress(product, 1)
			return !serves
		}},
		{"a key set", s.Manufacturer, calls.PackSetKeys(manufacturer, 2, keys), nil},
	} {
		looks := map[string]float64{}
		for _, m := range s.Cameras {
			looks[m.Name] = s.metric(m.Name, "camswarm_chain_looks_total")
		}
		w.send(stop.from, stop.data)
		view, err := s.Registry.Check(s.ctx, product, "")
		s.must(err)
		for _, m := range s.Members() {
			s.until(stop.name+" reaches "+m.Name, func() bool {
				return m.Node.Status().Products[0].Chain.Rev >= view.Rev && (stop.holds == nil || stop.holds(m))
			})
		}
		for _, m := range s.Cameras {
			if more := s.metric(m.Name, "camswarm_chain_looks_total") - looks[m.Name]; more > 4 {
				t.Errorf("%s: %s looked %v times", stop.name, m.Name, more)
			}
		}
	}
	if s.metric("seed", "camswarm_announce_judged_total", "self") != published {
		t.Error("something was announced")
	}
}

// A pause comes while a camera fetches: the fetch ends, and what has arrived is
// kept for when the pause is over. One comes while a release waits for its window:
// the install does not begin, though the window opens.
func TestThreatStopSilenced_WhatItStops(t *testing.T) {
	if testing.Short() {
		t.Skip("runs whole nodes; left out with -short")
	}
	path := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, imageOf(t, 1, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	var r *localnet.Release
	const offered, paused, open, pausedAgain, revoked = 1, 2, 3, 4, 5
	rec := newRecording(t, func(a *localnet.Authority, keep func()) {
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
			keep()
		}
		keep()
		r = named(t, a, path, 1, "")
		_, err := a.Registry.Publish(t.Context(), a.Manufacturer, r.Record)
		if err == nil {
			err = a.SetRollout(t.Context(), 1, toAllNow)
		}
		must(err)
		_, err = a.Registry.Pause(t.Context(), a.Guardian)
		must(err)
		_, err = a.Registry.Unpause(t.Context(), a.Operator)
		must(err)
		_, err = a.Registry.Pause(t.Context(), a.Guardian)
		must(err)
		_, err = a.Registry.Revoke(t.Context(), a.Manufacturer, a.Product.ID(), 1)
		must(err)
	})
	rec.inBubble(t, chainNow, chainNow, func(w *world) {
		inhibit := filepath.Join(w.dir, "inhibit")
		if err := os.WriteFile(inhibit, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		slot := &flash{t: t}
		seed := w.add(node.RoleSeed)
		camera := w.add(node.RoleCamera, node.WithInstaller(install.Installer(slot)))
		if err := camera.stop(); err != nil {
			t.Fatal(err)
		}
		camera.cfg.Install.InhibitFile = inhibit
		camera.cfg.Exchange.DownloadLimit = 64 << 10 // 64 s for the image
		w.start(camera)
		stopped := func(state int) {
			t.Helper()
			w.set(state)
			began := time.Now()
			w.until("the camera knows", func() bool {
				return camera.Status().Products[0].Chain.Rev == seed.Status().Products[0].Chain.Rev && camera.Status().Products[0].Chain.Paused == (state != open)
			})
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took the camera %v to know", took)
			}
		}
		blocks := func() (have, all int) {
			p, _ := camera.Progress(w.Product.ID(), 1)
			return p.Blocks, p.BlocksTotal
		}
		w.release(seed, r, offered)
		w.until("a part has arrived", func() bool { have, _ := blocks(); return have > 2 })

		stopped(paused)
		time.Sleep(5 * time.Second) // what was asked for is on its way
		had, _ := blocks()
		time.Sleep(10 * time.Minute)
		if got, all := blocks(); got != had || got == all {
			t.Errorf("%d blocks arrived during the pause, there are %d of %d", got-had, got, all)
		}
		stopped(open)
		w.until("the image is here", func() bool {
			tg := camera.Status().Products[0].Target
			return tg != nil && tg.State == control.StateVerified
		})

		stopped(pausedAgain)
		if err := os.Remove(inhibit); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		stopped(revoked)
		time.Sleep(time.Hour)
		if len(slot.started) > 0 {
			t.Errorf("installs began: %v", slot.started)
		}
		if _, serves := camera.Progress(w.Product.ID(), 1); serves {
			t.Error("the camera serves what was revoked")
		}
		if _, serves := seed.Progress(w.Product.ID(), 1); serves {
			t.Error("the seed serves what was revoked")
		}
	})
}
