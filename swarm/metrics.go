package swarm

import "github.com/prometheus/client_golang/prometheus"

// exchangeMetrics are what an exchange counts for its operator.
type exchangeMetrics struct {
	bytes   *prometheus.CounterVec // by kind
	stalls  prometheus.Counter
	late    prometheus.Counter
	damaged prometheus.Counter
	haves   *prometheus.CounterVec // by direction
	sent    *prometheus.CounterVec // messages, by kind
	hostile *prometheus.CounterVec // by what
	refused *prometheus.CounterVec // wants, by reason
	fetches *prometheus.CounterVec // by result
}

func newExchangeMetrics(r prometheus.Registerer) (*exchangeMetrics, error) {
	name := func(s string) string { return prometheus.BuildFQName("camswarm", "exchange", s) }
	m := &exchangeMetrics{
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("block_bytes_total"),
			Help: "Bytes of blocks, by kind: sent, useful, duplicate (genuine, and not needed), wrong (never asked for, of no file here)."}, []string{"kind"}),
		stalls: prometheus.NewCounter(prometheus.CounterOpts{Name: name("send_stalls_total"),
			Help: "Sends given up because the receiver did not read."}),
		late: prometheus.NewCounter(prometheus.CounterOpts{Name: name("requests_withdrawn_total"),
			Help: "Requests taken back because the peer did not deliver in time (slow_retrieval, drop_request)."}),
		damaged: prometheus.NewCounter(prometheus.CounterOpts{Name: name("damaged_blocks_total"),
			Help: "Blocks on disk that no longer hashed to their digest."}),
		haves: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("have_messages_total"),
			Help: "Possession messages, by direction: in, out."}, []string{"direction"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("messages_sent_total"),
			Help: "Bitswap messages sent, by kind: wants (wants and cancels), blocks, answers (HAVE and DONT_HAVE)."}, []string{"kind"}),
		hostile: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("hostile_total"),
			Help: "Peers caught, by what: poisoned_peer (wrong bytes), bad_message (malformed possession message), want_flood, block_flood (genuine blocks that were not asked for, again and again)."}, []string{"what"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("refused_wants_total"),
			Help: "Wants not looked at, by reason: unlisted (of no added file), budget (too many), enough (the peer had its copies), huge_message."}, []string{"reason"}),
		fetches: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("fetches_total"),
			Help: "Ended fetches, by result: complete, interrupted, failed."}, []string{"result"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.bytes, m.stalls, m.late, m.damaged, m.haves, m.sent, m.hostile, m.refused, m.fetches} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
