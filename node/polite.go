package node

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/node/metastore"
	"camswarm/node/strictjson"
	"camswarm/swarm"
	"camswarm/swarm/units"
)

// PoliteConfig says when a node leaves the line to others. Blocks are meant:
// announcements, looks at the chain and keep-alives go on, see docs/DEVICE.md.
type PoliteConfig struct {
	// Metered says that the line costs by the byte; MeteredMode is then what the
	// exchange may do at most ("lan-only" unless said otherwise). A program that knows
	// the route changes Metered over the control socket.
	Metered     bool       `toml:"metered"`
	MeteredMode swarm.Mode `toml:"metered_mode"`
	// QuietHours is a daily span of local time such as "07:00-23:00" in which the
	// exchange may do no more than QuietMode ("off" unless said otherwise). While the
	// time is not known they do not hold: a device without a clock must not be cut off.
	QuietHours string     `toml:"quiet_hours"`
	QuietMode  swarm.Mode `toml:"quiet_mode"`
	// BusyDownload is how fast is fetched while a program holds the line busy: slow
	// enough for a live picture, fast enough that updates come in the end. 0: nothing is.
	BusyDownload units.Rate `toml:"busy_download"`
}

// DefaultPoliteConfig returns the defaults.
func DefaultPoliteConfig() PoliteConfig {
	return PoliteConfig{MeteredMode: swarm.ModeLAN, QuietMode: swarm.ModeOff, BusyDownload: 8000}
}

// Validate says what is wrong with the configuration.
func (c *PoliteConfig) Validate() error {
	if err := c.MeteredMode.Validate(); err != nil {
		return fmt.Errorf("metered_mode: %w", err)
	}
	if err := c.QuietMode.Validate(); err != nil {
		return fmt.Errorf("quiet_mode: %w", err)
	}
	if _, err := install.ParseWindow(c.QuietHours); err != nil {
		return fmt.Errorf("quiet_hours: %w", err)
	}
	if r := c.BusyDownload; r != 0 && r < swarm.MinLimit {
		return fmt.Errorf("busy_download is %s, and must be at least %s (64 kbit/s), or 0 to fetch nothing", r, swarm.MinLimit)
	}
	return nil
}

// limits are those that a configuration sets.
func (c *Config) limits() control.Limits {
	return control.Limits{
		UploadLimit: c.Exchange.UploadLimit, DownloadLimit: c.Exchange.DownloadLimit, Mode: c.Exchange.Mode,
		Metered: c.Polite.Metered, QuietHours: c.Polite.QuietHours, QuietMode: c.Polite.QuietMode,
	}
}

// polite puts limits, leases and hours together and has the exchange keep to them.
type polite struct {
	exchange interface {
		SetLimits(up, down int64) error
		SetMode(modes ...swarm.Mode) error
		Scopes() (serve, fetch swarm.Scope)
		Cut()
	}
	clock   func() (now time.Time, known bool)
	kept    metastore.Value
	wake    signal // something changed that time depends on
	changed func(control.PoliteStatus)
	log     *slog.Logger

	keeping turn // to change limits, which may wait for the disk
	acting  turn // to change what holds and tell the exchange, which waits for nothing
	state   atomic.Pointer[courtesy]

	// Of who has the turn to act.
	limits  [2]units.Rate // what the exchange was told: up, down
	wasBusy bool
	told    string // what changed was told
}

// courtesy is what polite goes by. It is never changed.
type courtesy struct {
	cfg    PoliteConfig
	config control.Limits // of the configuration
	set    control.Limits
	leases map[string]lease
}

// newPolite returns one that holds to a configuration, which the exchange follows
// already. Its other fields are the caller's to set.
func newPolite(c *Config) *polite {
	p := &polite{wake: newSignal(), keeping: newTurn(), acting: newTurn(), limits: [2]units.Rate{c.Exchange.UploadLimit, c.Exchange.DownloadLimit}}
	p.state.Store(&courtesy{cfg: c.Polite, config: c.limits(), set: c.limits()})
	return p
}

// lease is a control.Busy.
type lease struct {
	until   time.Time // by the monotonic clock
	inhibit bool
}

// keptLimits is what a LimitsChange.Keep leaves: it holds while the configuration says
// what it said then.
type keptLimits struct {
	Config control.Limits `json:"config"`
	Set    control.Limits `json:"set"`
}

// load begins with what was kept. Unreadable limits are forgotten.
func (p *polite) load(ctx context.Context) error {
	data, err := p.kept.Load(ctx)
	if err != nil {
		return fmt.Errorf("read the kept limits: %w", err)
	}
	if data == nil {
		return nil
	}
	k, err := decodeKeptLimits(data)
	switch {
	case err != nil:
		p.log.Warn("the kept limits are unreadable; those of the configuration hold", "err", err)
	case k.Config != p.state.Load().config:
		p.log.Info("the limits of the configuration have changed: those that were kept are forgotten")
	default:
		_, _, err = p.act(func(c *courtesy) error { c.set = k.Set; return nil })
		return err
	}
	return nil
}

func decodeKeptLimits(data []byte) (k keptLimits, err error) {
	if err := strictjson.Decode(bytes.NewReader(data), &k); err != nil {
		return keptLimits{}, err
	}
	raiseKept(&k.Config)
	raiseKept(&k.Set)
	return k, checkLimits(&k.Set)
}

// checkLimits refuses values that no configuration may have.
func checkLimits(l *control.Limits) error {
	c := PoliteConfig{MeteredMode: swarm.ModeOff, QuietHours: l.QuietHours, QuietMode: l.QuietMode}
	if l.UploadLimit < 0 || l.DownloadLimit < 0 {
		return fmt.Errorf("%w: a rate is negative", control.ErrWrongLimit)
	}
	if err := errors.Join(l.Mode.Validate(), c.Validate()); err != nil {
		return fmt.Errorf("%w: %w", control.ErrWrongLimit, err)
	}
	return nil
}

// run has the exchange keep to what time changes: the ends of leases and hours.
func (p *polite) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.wake:
		case <-timer.C:
		}
		_, next, _ := p.act(func(*courtesy) error { return nil }) // nothing fails
		if next > 0 {
			timer.Reset(next)
		} else {
			timer.Stop()
		}
	}
}

// clockRecheck is how often the hours are looked at while they may begin by a change
// of the clock instead of by time alone.
const clockRecheck = 15 * time.Minute

// act changes what polite goes by and makes the exchange do what holds then, at once
// where less is allowed than before. next is after how long time alone may change it;
// 0: never. With an error, which is change's, nothing has changed.
func (p *polite) act(change func(*courtesy) error) (s control.PoliteStatus, next time.Duration, err error) {
	p.acting <- struct{}{}
	defer p.acting.give()
	now := *p.state.Load()
	now.leases = maps.Clone(now.leases)
	maps.DeleteFunc(now.leases, func(_ string, l lease) bool { return !time.Now().Before(l.until) })
	if err := change(&now); err != nil {
		return s, 0, err
	}
	p.state.Store(&now)
	s, modes, next := p.reckon(&now)
	busy := len(s.Busy) > 0
	if limits := [2]units.Rate{s.UploadLimit, s.DownloadLimit}; p.limits != limits {
		p.limits = limits
		if err := p.exchange.SetLimits(int64(limits[0]), int64(limits[1])); err != nil {
			p.log.Error("limits were not taken over", "err", err) // checkLimits has seen them all
		}
	}
	serve, fetch := p.exchange.Scopes()
	if err := p.exchange.SetMode(modes...); err != nil {
		p.log.Error("modes were not taken over", "err", err)
	}
	if serveNow, fetchNow := p.exchange.Scopes(); serveNow < serve || fetchNow < fetch || busy && !p.wasBusy {
		p.exchange.Cut()
	}
	p.wasBusy = busy
	// Of what holds, without what merely counts down.
	what := fmt.Sprint(s.Serves, s.Fetches, s.UploadLimit, s.DownloadLimit, s.Reasons, slices.Sorted(maps.Keys(now.leases)), now.inhibiting(), now.set)
	if p.told != what {
		p.told = what
		p.changed(s)
	}
	return s, next, nil
}

// reckon puts together what holds now: the modes that hold at once, and when time
// alone may change them.
func (p *polite) reckon(c *courtesy) (s control.PoliteStatus, modes []swarm.Mode, next time.Duration) {
	s = control.PoliteStatus{Reasons: []string{}, Busy: []control.Lease{}, DownloadLimit: c.set.DownloadLimit, UploadLimit: c.set.UploadLimit}
	modes = []swarm.Mode{c.set.Mode}
	soon := func(d time.Duration) {
		if next == 0 || d < next {
			next = max(d, time.Millisecond)
		}
	}
	if c.set.Mode != swarm.ModeShare {
		s.Reasons = append(s.Reasons, "mode")
	}
	if c.set.UploadLimit > 0 || c.set.DownloadLimit > 0 {
		s.Reasons = append(s.Reasons, "limit")
	}
	now := time.Now()
	for _, holder := range slices.Sorted(maps.Keys(c.leases)) {
		l := c.leases[holder]
		left := l.until.Sub(now)
		if left <= 0 {
			continue
		}
		soon(left)
		s.Busy = append(s.Busy, control.Lease{Holder: holder, Seconds: int((left + time.Second - 1) / time.Second), Inhibit: l.inhibit})
	}
	if len(s.Busy) > 0 {
		s.Reasons = append(s.Reasons, "busy")
		if floor := c.cfg.BusyDownload; floor == 0 {
			modes = append(modes, swarm.ModeOff)
		} else {
			modes = append(modes, swarm.ModeLeech)
			if s.DownloadLimit == 0 || s.DownloadLimit > floor {
				s.DownloadLimit = floor
			}
		}
	}
	if c.set.Metered {
		modes, s.Reasons = append(modes, c.cfg.MeteredMode), append(s.Reasons, "metered")
	}
	local, known := p.clock()
	if known {
		s.LocalTime = local.Format(time.RFC3339)
	}
	if c.set.QuietHours != "" {
		hours, _ := install.ParseWindow(c.set.QuietHours) // it was checked
		soon(clockRecheck)
		switch {
		case !known:
			soon(time.Minute)
		case hours.Contains(local):
			modes, s.Reasons = append(modes, c.set.QuietMode), append(s.Reasons, "quiet_hours")
			soon(hours.End(local).Sub(local))
		default:
			soon(hours.Next(local).Sub(local))
		}
	}
	serve, fetch := swarm.Scopes(modes...)
	s.Serves, s.Fetches = serve.String(), fetch.String()
	return s, modes, next
}

// inhibiting names who keeps installs from starting; "": nobody.
func (c *courtesy) inhibiting() (holder string) {
	for _, h := range slices.Sorted(maps.Keys(c.leases)) {
		if c.leases[h].inhibit {
			return cmp.Or(h, "a program")
		}
	}
	return ""
}

// inhibited names who keeps installs from starting, and until when.
func (p *polite) inhibited() (holder string, until time.Time) {
	for h, l := range p.state.Load().leases {
		if l.inhibit && time.Now().Before(l.until) && l.until.After(until) {
			holder, until = cmp.Or(h, "a program"), l.until
		}
	}
	return holder, until
}

// change makes a LimitsChange.
func (p *polite) change(ctx context.Context, c control.LimitsChange) (control.Limits, error) {
	p.keeping <- struct{}{} // changes come one after the other
	defer p.keeping.give()
	now := p.state.Load()
	next := now.set
	if c.Reset {
		next = now.config
	}
	for _, f := range []struct{ to, from *units.Rate }{{&next.UploadLimit, c.UploadLimit}, {&next.DownloadLimit, c.DownloadLimit}} {
		if f.from == nil {
			continue
		}
		if err := swarm.CheckLimit("the rate", *f.from); err != nil {
			return now.set, fmt.Errorf("%w: %w", control.ErrWrongLimit, err)
		}
		*f.to = *f.from
	}
	for _, f := range []struct{ to, from *swarm.Mode }{{&next.Mode, c.Mode}, {&next.QuietMode, c.QuietMode}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if c.Metered != nil {
		next.Metered = *c.Metered
	}
	if c.QuietHours != nil {
		next.QuietHours = *c.QuietHours
	}
	if err := checkLimits(&next); err != nil {
		return now.set, err
	}
	if err := p.keep(ctx, c, keptLimits{now.config, next}); err != nil {
		return now.set, err
	}
	_, _, err := p.act(func(s *courtesy) error { s.set = next; return nil })
	p.wake.set()
	return next, err
}

// keep writes down what is to hold over restarts, or forgets it.
func (p *polite) keep(ctx context.Context, c control.LimitsChange, k keptLimits) error {
	switch {
	case c.Keep:
		data, err := json.Marshal(k)
		if err != nil {
			return err
		}
		if err := p.kept.Save(ctx, data); err != nil {
			return fmt.Errorf("keep the limits: %w", err)
		}
	case c.Reset:
		if err := p.kept.Delete(ctx); err != nil {
			return fmt.Errorf("forget the kept limits: %w", err)
		}
	}
	return nil
}

// configure takes over another configuration, and what it says of limits.
func (p *polite) configure(ctx context.Context, cfg *Config) (control.Limits, error) {
	if _, _, err := p.act(func(c *courtesy) error { c.cfg, c.config = cfg.Polite, cfg.limits(); return nil }); err != nil {
		return control.Limits{}, err
	}
	return p.change(ctx, control.LimitsChange{Reset: true})
}

// busy makes, renews or ends a lease.
func (p *polite) busy(b control.Busy) (control.PoliteStatus, error) {
	defer p.wake.set()
	s, _, err := p.act(func(c *courtesy) error {
		if b.Seconds == 0 {
			delete(c.leases, b.Holder)
			return nil
		}
		if _, mine := c.leases[b.Holder]; !mine && len(c.leases) >= control.MaxLeases {
			return fmt.Errorf("%w: %d of them", control.ErrLeases, len(c.leases))
		}
		if c.leases == nil {
			c.leases = map[string]lease{}
		}
		c.leases[b.Holder] = lease{time.Now().Add(time.Duration(b.Seconds) * time.Second), b.Inhibit}
		return nil
	})
	return s, err
}

// status is what is set and what holds now.
func (p *polite) status() (control.Limits, control.PoliteStatus) {
	c := p.state.Load()
	s, _, _ := p.reckon(c)
	return c.set, s
}
