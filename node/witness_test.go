package node_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"

	"camswarm/chainwatch"
	"camswarm/node"
	"camswarm/node/control"
	"camswarm/sim/localnet"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// witnessKeys are the keys of three witnesses, of whom two must agree.
func witnessKeys(t *testing.T) (keys []*sign.Key) {
	t.Helper()
	for i := range 3 {
		k, err := sign.New(verify.EdDSA, bytes.Repeat([]byte{byte(0x70 + i)}, ed25519.SeedSize))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	return keys
}

// withWitnesses names the witnesses in every configuration of the world, and makes
// the seeds be them: the first seed is the first witness. Each kind of node asks an
// endpoint of its own, which answers as the chain does.
func (w *world) withWitnesses(keys []*sign.Key, more func(name string, c *node.Config)) (fleet *replay) {
	w.t.Helper()
	fleet = &replay{recording: w.recording, base: w.base, from: w.from}
	w.also["https://fleet.example"] = fleet
	seeds := 0
	w.alter = func(name string, c *node.Config) {
		p := &c.Products[0]
		p.Witnesses.Threshold = 2
		for _, k := range keys {
			p.Witnesses.Keys = append(p.Witnesses.Keys, k.Public())
		}
		if c.Role == node.RoleSeed && seeds < len(keys) {
			c.Witness.Key = filepath.Join(w.dir, fmt.Sprintf("witness-%d.key", seeds))
			if err := keys[seeds].Save(c.Witness.Key); err != nil {
				w.t.Fatal(err)
			}
			seeds++
		} else {
			p.Chain.Endpoints = []chainwatch.Endpoint{{URL: "https://fleet.example", Operator: "fleet"}}
		}
		if more != nil {
			more(name, c)
		}
	}
	return fleet
}

// asked is how often the chain was asked.
func (w *replay) asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls
}

// known gives a node an identity that is the same in every run, and so its moments.
func known(t *testing.T, i byte) node.Option {
	t.Helper()
	key, err := crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{i}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return node.WithIdentity(key)
}

// holds reports whether a node has the whole image of a release.
func (c *citizen) holds(seq uint64) bool {
	return slices.ContainsFunc(c.Status().Products[0].Held, func(h control.HeldRelease) bool {
		return h.Sequence == seq && h.State >= control.StateVerified
	})
}

// all reports whether something holds of every node.
func all(nodes []*citizen, ok func(c *citizen) bool) bool {
	return !slices.ContainsFunc(nodes, func(c *citizen) bool { return !ok(c) })
}

// crowd starts three seeds, which are the witnesses, and cameras, and waits until all
// have met and seen the chain.
func (w *world) crowd(cameras int) (seeds, cams []*citizen) {
	w.t.Helper()
	for range 3 {
		seeds = append(seeds, w.add(node.RoleSeed))
	}
	for i := range cameras {
		cams = append(cams, w.add(node.RoleCamera, known(w.t, byte(i+1))))
	}
	w.until("all are connected", func() bool { return all(w.nodes, func(c *citizen) bool { return c.Status().Peers >= 3 }) })
	w.until("all have seen the chain, and what the witnesses say", func() bool {
		return all(w.nodes, func(c *citizen) bool {
			s := c.chain()
			return s.Rev > 0 && s.Witnesses.Rev == s.Rev
		})
	})
	time.Sleep(time.Minute)
	return seeds, cams
}

// spread sets install.confirm_spread.
func spread(d time.Duration) func(string, *node.Config) {
	return func(_ string, c *node.Config) { c.Install.ConfirmSpread = d }
}

func (c *citizen) chain() control.ChainStatus { return c.Status().Products[0].Chain }

func (c *citizen) alarmed(name string) bool {
	return slices.ContainsFunc(c.Status().Alarms, func(a control.Alarm) bool { return a.Name == name })
}

// twoReleases records a registry with a first release (state 1), a second (2), both
// for all, and the second halted (3).
func twoReleases(t *testing.T) (*recording, []*localnet.Release) {
	t.Helper()
	var releases []*localnet.Release
	dir := t.TempDir()
	r := newRecording(t, func(a *localnet.Authority, keep func()) {
		keep()
		for seq := uint64(1); seq <= 2; seq++ {
			path := filepath.Join(dir, fmt.Sprint(seq))
			if err := os.WriteFile(path, bytes.Repeat([]byte{byte(seq), 3, 5, 7}, 20_000), 0o600); err != nil {
				t.Fatal(err)
			}
			rel, err := a.Build(path, seq, fmt.Sprintf("%d.0", seq))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := a.Registry.Publish(t.Context(), a.Manufacturer, rel.Record); err != nil {
				t.Fatal(err)
			}
			if err := a.SetRollout(t.Context(), seq, toAllNow); err != nil {
				t.Fatal(err)
			}
			releases = append(releases, rel)
			keep()
		}
		if _, err := a.Registry.SetHalted(t.Context(), a.Operator, a.Product.ID(), 2, true); err != nil {
			t.Fatal(err)
		}
		keep()
	})
	return r, releases
}

// A release is relayed and fetched on the word of two witnesses, without one
// question of a camera's to the chain; it is installed once the camera has asked,
// at its own moment of the spread.
func TestWitnessesSpareTheEndpoints(t *testing.T) {
	r, releases := twoReleases(t)
	r.inBubble(t, chainNow, chainNow, func(w *world) {
		fleet := w.withWitnesses(witnessKeys(t), spread(4*time.Minute))
		seeds, cameras := w.crowd(3)
		asked := fleet.asked()
		fleet.set(1)
		began := time.Now()
		w.release(seeds[0], releases[0], 1)
		w.until("every camera has the release", func() bool { return all(cameras, func(c *citizen) bool { return c.holds(1) }) })
		if now := fleet.asked(); now != asked {
			t.Errorf("the cameras asked the chain %d times before they had the release", now-asked)
		}
		for _, c := range cameras {
			s := c.Status().Products[0]
			if s.Chain.By != "witnesses" || s.Chain.Witnesses.Agree < 2 || s.Chain.Witnesses.ConfirmAt.IsZero() {
				t.Errorf("%s does not say whose word it goes by: %+v, %+v", c.name, s.Chain, s.Chain.Witnesses)
			}
			if s.Installed != nil || s.Target.Install || !strings.Contains(s.Target.Reason, "witnesses") {
				t.Errorf("%s: %+v, target %+v", c.name, s.Installed, s.Target)
			}
		}
		installed := map[string]time.Duration{}
		w.until("every camera runs the release", func() bool {
			for _, c := range cameras {
				if c.runs() == 1 && installed[c.name] == 0 {
					installed[c.name] = time.Since(began)
				}
			}
			return len(installed) == len(cameras)
		})
		for _, c := range cameras {
			w.slotHolds(c, releases[0])
			if c.chain().By != "quorum" {
				t.Errorf("%s still goes by the %s", c.name, c.chain().By)
			}
		}
		a, b := installed[cameras[0].name], installed[cameras[1].name]
		if (a - b).Abs() < time.Second {
			t.Errorf("two cameras asked at one moment: %v and %v", a, b)
		}
		t.Log(installed)
	})
}

// One witness of three lies, or was broken into: nothing comes of it, and what the
// other two say goes through.
func TestThreatWitnessLiar(t *testing.T) {
	r, releases := twoReleases(t)
	r.inBubble(t, chainNow, chainNow, func(w *world) {
		liar := &replay{recording: r, base: chainNow, from: time.Now()}
		w.also["https://liar.example"] = liar
		fleet := w.withWitnesses(witnessKeys(t), func(name string, c *node.Config) {
			if name == "seed-3" {
				c.Products[0].Chain.Endpoints[0].URL = "https://liar.example"
			}
		})
		seeds, cameras := w.crowd(2)
		liar.set(2)
		w.until("the liar has spoken to every camera", func() bool {
			return all(cameras, func(c *citizen) bool {
				return slices.ContainsFunc(c.chain().Witnesses.List, func(s control.WitnessStatus) bool { return s.Rev > c.chain().Witnesses.Rev })
			})
		})
		time.Sleep(time.Minute)
		for _, c := range cameras {
			if s := c.chain(); s.By != "quorum" || s.Latest != 0 || c.holds(1) {
				t.Errorf("%s believes one witness: %+v", c.name, s)
			}
		}
		fleet.set(1)
		w.release(seeds[0], releases[0], 1)
		w.until("every camera has the release", func() bool { return all(cameras, func(c *citizen) bool { return c.holds(1) }) })
	})
}

// A threshold of witnesses lies: cameras fetch what the manufacturer signed and the
// chain does not offer, and that is all. When their own quorum has spoken it is gone,
// the node says so, and an honest release gets through without the witnesses.
func TestThreatWitnessesContradicted(t *testing.T) {
	r, releases := twoReleases(t)
	r.inBubble(t, chainNow, chainNow, func(w *world) {
		fleet := w.withWitnesses(witnessKeys(t), spread(4*time.Minute))
		seeds, cameras := w.crowd(3)
		w.release(seeds[0], releases[0], 1) // the witnesses' chain; that of the fleet has nothing
		w.until("every camera has the release", func() bool { return all(cameras, func(c *citizen) bool { return c.holds(1) }) })
		for _, c := range cameras {
			if s := c.Status().Products[0]; s.Installed != nil || s.Target.Install {
				t.Errorf("%s would install on the word of witnesses: %+v", c.name, s.Target)
			}
		}
		w.until("every camera's own quorum has spoken", func() bool {
			return all(cameras, func(c *citizen) bool { return c.alarmed("witness_contradicted") })
		})
		time.Sleep(time.Minute)
		for _, c := range cameras {
			s := c.Status().Products[0]
			if s.Installed != nil || s.Chain.By != "quorum" || s.Target != nil || s.Chain.Witnesses.Conflict == "" {
				t.Errorf("%s: %+v installed, %+v", c.name, s.Installed, s.Chain)
			}
		}
		fleet.set(2)
		w.release(seeds[0], releases[1], 2)
		w.until("every camera runs the honest release", func() bool { return all(cameras, func(c *citizen) bool { return c.runs() == 2 }) })
	})
}

// What stops something is not for witnesses to say: every camera asks the chain itself,
// at once.
func TestWitnessesDoNotStop(t *testing.T) {
	r, releases := twoReleases(t)
	r.inBubble(t, chainNow, chainNow, func(w *world) {
		fleet := w.withWitnesses(witnessKeys(t), spread(4*time.Minute))
		seeds, cameras := w.crowd(2)
		fleet.set(2)
		w.release(seeds[0], releases[1], 2)
		w.until("every camera runs the release", func() bool { return all(cameras, func(c *citizen) bool { return c.runs() == 2 }) })
		time.Sleep(10 * time.Minute)
		asked := fleet.asked()
		fleet.set(3)
		w.set(3)
		began := time.Now()
		w.until("every camera knows of the halt", func() bool {
			return all(cameras, func(c *citizen) bool {
				s := c.chain()
				return s.By == "quorum" && s.Rev == seeds[0].chain().Rev && s.Rev > 0
			})
		})
		w.until("all have asked", func() bool { return fleet.asked() > asked })
		if d := time.Since(began); d > 15*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

// A device without Internet installs by the word of its witnesses if its owner said
// so, and only then.
func TestWitnessesInstall(t *testing.T) {
	r, releases := twoReleases(t)
	r.inBubble(t, chainNow, chainNow, func(w *world) {
		fleet := w.withWitnesses(witnessKeys(t), func(name string, c *node.Config) {
			c.Products[0].Witnesses.Install = name == "camera-4"
		})
		fleet.kill()
		var seeds, cameras []*citizen
		for range 3 {
			seeds = append(seeds, w.add(node.RoleSeed))
		}
		for range 2 {
			cameras = append(cameras, w.add(node.RoleCamera))
		}
		w.until("all are connected", func() bool { return all(w.nodes, func(c *citizen) bool { return c.Status().Peers >= 3 }) })
		w.release(seeds[0], releases[0], 1)
		w.until("the one that may runs the release", func() bool { return cameras[0].runs() == 1 })
		time.Sleep(20 * time.Minute)
		if s := cameras[1].Status().Products[0]; s.Installed != nil || cameras[1].holds(1) {
			t.Errorf("the one that may not: %+v", s)
		}
		w.set(3) // two comes halted
		seeds[0].Look()
		time.Sleep(time.Minute)
		if got := cameras[0].runs(); got != 1 {
			t.Errorf("it runs %d, which the witnesses call halted", got)
		}
		fleet.set(3)
		fleet.revive()
		w.until("the own quorum has its say again", func() bool { return cameras[0].chain().By == "quorum" && cameras[0].chain().Quorum == "ok" })
	})
}
