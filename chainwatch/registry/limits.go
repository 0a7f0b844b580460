package registry

import "time"

// Limits and habits of JSON-RPC endpoints.
const (
	// maxLogRange is how many blocks one eth_getLogs may span: IoTeX refuses
	// ranges over 2000 blocks.
	maxLogRange = 2000

	// logOverlap is how many blocks behind the head a Tail looks again. An
	// endpoint whose log index lags behind its head clamps the range without a
	// word; 64 blocks are 160 s on IoTeX.
	logOverlap = 64

	// pageSize is how many releases one call asks for; the contract's MAX_PAGE.
	pageSize = 64

	// gasMargin (percent) and gasSpare are added to an estimate: the state may
	// change before the transaction is executed, and a storage slot that
	// changes costs up to 22,100 gas more than one that stays (EIP-2929).
	// Unused gas is not paid for.
	gasMargin = 25
	gasSpare  = 50_000

	// A receipt is asked for after receiptMin, then less and less often, down
	// to once in receiptMax (blocks come every 2.5 s on IoTeX).
	receiptMin = 5 * time.Millisecond
	receiptMax = time.Second

	// waitReport is how often OnWait hears of a transaction that waits, and lastLook
	// how long the look for the reason may take when it was waited for in vain.
	waitReport = 5 * time.Second
	lastLook   = 5 * time.Second

	// replaceMargin (percent) is what a transaction must offer above one that it
	// replaces: go-ethereum, anvil and IoTeX want a tenth.
	replaceMargin = 15
	// maxRaised is how often the price of what replaces a transaction of unknown price
	// is doubled.
	maxRaised = 4

	// A transaction whose nonce another program has taken is sent again after
	// nonceRetryMin, then after twice as long and so on, until the wait would
	// pass nonceRetryMax.
	nonceRetryMin = 20 * time.Millisecond
	nonceRetryMax = 3 * time.Second

	// GrantWindow is how long a proposal can be executed, from the end of its delay:
	// the contract's GRANT_WINDOW.
	GrantWindow = 30 * 24 * time.Hour

	// minBlock is the lowest block that log queries name: IoTeX takes 0 for
	// the tip.
	minBlock = 1
)
