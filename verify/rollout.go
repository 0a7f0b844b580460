package verify

// RolloutMode says which devices of a region may install a release. The
// numbers are those of the contract.
type RolloutMode uint8

// The modes, in the order in which a release usually passes through them.
const (
	RolloutPaused  RolloutMode = iota // nobody: the state of a release without a policy
	RolloutCanary                     // the devices listed, or those that carry the label
	RolloutPercent                    // a share of devices that grows linearly from StartBps to EndBps
	RolloutAll                        // every device
)

// Rollout is the operator's policy for one release in one region. A device
// evaluates it alone, see [Choose].
type Rollout struct {
	Mode      RolloutMode
	Halted    bool       // the operator stopped this release everywhere; overrides Mode
	NotBefore uint64     // seconds since 1970; nothing is installed earlier
	Start     uint64     // seconds since 1970; when the ramp of RolloutPercent starts
	Duration  uint32     // seconds from StartBps to EndBps; 0: EndBps at once from Start
	StartBps  uint16     // share at Start in basis points, 0..10000
	EndBps    uint16     // share at Start+Duration in basis points, 0..10000
	Warm      bool       // devices may fetch and serve before they are eligible to install
	Canaries  [][32]byte // SHA-256 of device DIDs, at most MaxCanaries
	Label     string     // devices provisioned with this label are canaries; "" for none
}

// Device is what one device knows of itself when it judges a release.
type Device struct {
	DID       string // identifies the device in canary lists and ramps
	Label     string // canary label, "" for none
	Hardware  string // hardware revision, matched with Manifest.Hardware
	Installed uint64 // sequence that runs now; 0: unknown or factory image
	Warmer    bool   // a seed: fetches every candidate at once and never installs
}

// Choice is the outcome of [Choose]: the release to move to, and how far.
type Choice struct {
	Sequence uint64 // 0: nothing to do
	Fetch    bool   // the image may be fetched and served
	Install  bool   // the image may be installed now
	Reason   string // constant words for logs and status, e.g. "eligible", "halted", "waiting for ramp"
	NextAt   uint64 // seconds since 1970 when the answer may change by time alone; 0: only by a chain change
}
