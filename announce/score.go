package announce

import (
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Range of the application's score of a peer, see [Options.AppScore].
const (
	MinAppScore = -200 // alone enough to silence a peer
	MaxAppScore = 10   // never enough to make up for one invalid message
)

// Thresholds, in points. An honest peer is never below 0 here: the only
// penalties are for what an honest peer cannot have sent. One invalid message
// costs 25 points (out of the mesh for half a day, no gossip for three hours),
// two cost 100 (nothing that the peer sends is read for 40 minutes, and longer
// with each one more).
var thresholds = pubsub.PeerScoreThresholds{
	GossipThreshold:   -10,
	PublishThreshold:  -50,
	GraylistThreshold: -60,
	AcceptPXThreshold: 1000, // never: peers are found by the swarm, not through strangers
	// Opportunistic grafting replaces a mesh that delivers badly. With days
	// between announcements a low median says nothing, so only a median below
	// zero counts.
	OpportunisticGraftThreshold: 0,
}

func scoreParams(app func(peer.ID) float64) *pubsub.PeerScoreParams {
	return &pubsub.PeerScoreParams{
		Topics:        map[string]*pubsub.TopicScoreParams{}, // one is added per followed product
		TopicScoreCap: 10,

		// P5: what the node knows of the peer from elsewhere (bytes served,
		// wrong bytes), in points.
		AppSpecificScore:  app,
		AppSpecificWeight: 1,

		// P6 is off: the cameras of a home or a site share one public address,
		// so many peers behind one address are the rule and no sign of Sybils.
		// Sybils cannot forge announcements; against eclipse stand outbound
		// mesh links, the answers on connect and the poll of the chain.
		IPColocationFactorWeight:    0,
		IPColocationFactorThreshold: 1,

		// P7: GRAFT floods and IWANTs that are not answered. Six in an hour are
		// forgiven: restarts and lost streams look like that.
		BehaviourPenaltyWeight:    -10,
		BehaviourPenaltyThreshold: 6,
		BehaviourPenaltyDecay:     decay(time.Hour),

		DecayInterval: scoreEvery,
		DecayToZero:   decayToZero,
		// A peer does not get rid of its score by reconnecting.
		RetainScore: time.Hour,
	}
}

func topicScoreParams() *pubsub.TopicScoreParams {
	return &pubsub.TopicScoreParams{
		TopicWeight: 1,

		// P1: a little for staying, so that stable neighbours are kept when a
		// mesh is pruned: 1 point after 100 minutes.
		TimeInMeshWeight:  0.01,
		TimeInMeshQuantum: time.Minute,
		TimeInMeshCap:     100,

		// P2: a point for bringing an accepted announcement first, remembered
		// for a week because announcements are days apart. Capped far below
		// the price of one invalid message, so that it cannot be saved up.
		FirstMessageDeliveriesWeight: 1,
		FirstMessageDeliveriesDecay:  decay(7 * 24 * time.Hour),
		FirstMessageDeliveriesCap:    5,

		// P3 and P3b are off: they demand a rate of deliveries. Nobody delivers
		// anything in a topic that is silent for days, so they would punish
		// every honest peer.
		MeshMessageDeliveriesWeight: 0,
		MeshFailurePenaltyWeight:    0,
		MeshFailurePenaltyDecay:     decay(time.Hour),

		// P4: an announcement is rejected only for what its bytes prove wrong
		// without the chain, or at the very rev that it names; an honest relay
		// checked the same bytes. So the penalty is strong, quadratic, and
		// lasts half a day.
		InvalidMessageDeliveriesWeight: -25,
		InvalidMessageDeliveriesDecay:  decay(12 * time.Hour),
	}
}

const decayToZero = 0.01

// decay returns the factor per scoreEvery with which a counter of 1 falls to
// decayToZero in d.
func decay(d time.Duration) float64 {
	return pubsub.ScoreParameterDecayWithBase(d, scoreEvery, decayToZero)
}

// meshParams are GossipSub's defaults around another degree and heartbeat.
func meshParams(degree int, heartbeat time.Duration) pubsub.GossipSubParams {
	p := pubsub.DefaultGossipSubParams()
	p.HeartbeatInterval = heartbeat
	p.D = degree
	p.Dlo = max(2, degree*2/3)
	p.Dhi = 2 * degree
	p.Dscore = degree / 2
	p.Dout = min(p.Dlo, degree/2) - 1 // a hostile crowd of inbound peers cannot own the mesh
	// A camera names what came to all neighbours outside its mesh: one of them may have
	// no other, and the mesh no room for it. No more than that, however many neighbours:
	// a seed would tell a quarter of a crowd of an envelope that is on its way to them,
	// and send it to all who ask back.
	p.Dlazy = max(degree, meshLinks-degree)
	p.GossipFactor = 0
	p.MaxIHaveLength = maxIHave
	// Peer exchange is off (see thresholds), so nothing ever waits for a
	// connector.
	p.PrunePeers = 0
	p.Connectors = 1
	p.MaxPendingConnections = 1
	return p
}
