package world

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Region is the code of a region, as a device has it in its configuration.
type Region string

// The regions, and where their data centres stand.
const (
	USEast      Region = "us-east"      // Virginia
	USWest      Region = "us-west"      // California
	EUWest      Region = "eu-west"      // London
	SAEast      Region = "sa-east"      // São Paulo
	APNortheast Region = "ap-northeast" // Tokyo
	APSouth     Region = "ap-south"     // Pune
)

var regions = []Region{USEast, USWest, EUWest, SAEast, APNortheast, APSouth}

// Regions returns all regions.
func Regions() []Region { return slices.Clone(regions) }

// Source says where the numbers come from, in one line, for reports.
const Source = "median round trips between six Azure regions in June 2026 (Azure network round-trip latency statistics), 10-32 ms inside a region, and 8-54 ms for access lines (Ookla, FCC, Ofcom and OECD figures, 2022-2025; see sim/world)"

// rtts are median round trips in ms, the larger of the two directions, from
// "Azure network round-trip latency statistics", P50 over the 30 days to 2 July
// 2026 (learn.microsoft.com/azure/networking/azure-network-latency), between
// East US, West US, UK South, Brazil South, Japan East and Central India.
//
// They are those of one operator's backbone. Paths between consumers of two
// countries cross several operators and are seldom shorter; how much longer is
// not in that source, and nothing was added for it.
//
// On the diagonal is how wide a region is: the round trip to the nearest other
// data centre of the country in the same table (East US 2, West US 2, UK West,
// Japan West, South India). Brazil has only one; 20 ms is a guess in the range
// of the others.
var rtts = [6][6]int{
	{10, 74, 80, 121, 172, 205},
	{74, 32, 147, 174, 110, 227},
	{80, 147, 8, 182, 229, 140},
	{121, 174, 182, 20, 265, 307},
	{172, 110, 229, 265, 11, 127},
	{205, 227, 140, 307, 127, 23},
}

func index(r Region) int {
	i := slices.Index(regions, r)
	if i < 0 {
		panic(fmt.Sprintf("world: there is no region %q; there are %v", r, regions))
	}
	return i
}

// RTT is the median round trip between data centres of two regions, or across
// one region. It panics for a region that is not one of Regions.
func RTT(a, b Region) time.Duration {
	return time.Duration(rtts[index(a)][index(b)]) * time.Millisecond
}

// Class is a kind of access line. Rates are in bit/s.
type Class struct {
	Name  string
	Share float64 // of the region's consumers; those of a region make 1

	// Up and Down are medians. Lines of the class lie between 1-Spread and
	// 1+Spread times that.
	Up, Down float64
	Spread   float64

	// Loss is the share of packets lost in each direction.
	Loss float64

	// RTT is the median round trip over the line to a server nearby.
	RTT time.Duration
}

const (
	mbit = 1e6
	ms   = time.Millisecond
)

// Loss. The FCC's Measuring Broadband America reports sort consumers by loss in
// the peak hours into below 0.4 %, 0.4 to 1 % and above (chart 8 of the Ninth to
// Thirteenth reports, data of 2018 to 2022); how many are in each could not be
// verified, nor medians by technology. The values here make 0.02 to 0.2 % both
// ways, which is all in the lowest of the three. Losses are independent here and
// come in bursts in life; bursts cost a sender less.
const (
	lossFibre  = 0.0001
	lossCopper = 0.0005 // cable, VDSL, and where technologies are not told apart
	lossWorst  = 0.001  // ADSL, fixed wireless
)

// spread of rates inside a class. No source gives distributions; medians alone
// would make all lines alike.
const spread = 0.5

// classes by region.
//
// United States: median rates and round trips of providers in Ookla's results of
// June 2022 (telecompetitor.com, "Cox nears 200 Mbps download in June Ookla
// Speedtest results"): for cable Spectrum's 183.74 down, 11.70 up, 16 ms, the
// second lowest uplink of the three cable operators; for fibre Verizon's 171.01
// down, 112.36 up, 8 ms; for DSL CenturyLink's 41.29 down, 12.02 up, 15 ms. Fixed
// wireless: AT&T's 104.63 down, the lowest of three, in the third quarter of 2025
// and Verizon's 54 ms, the middle one (Ookla, "U.S. FWA Providers: Seasonal Slump
// or Victim of Their Own Success?", 15 December 2025); 15 up, the lower end of "15
// to 20" for 2023 (Ookla in 9to5mac.com, 22 December 2023). 12.5 % of households
// with broadband have fixed wireless (same Ookla article); how the others divide
// could not be verified and is assumed. For comparison, all of the country in
// December 2023: 227.27 down, 26.59 up (Ookla in freestatefoundation.blogspot.com,
// 16 January 2024).
//
// United Kingdom: medians of all lines in March 2023, 69.4 down, 18.4 up (Ofcom in
// ispreview.co.uk, September 2023). The same article has 2 to 3 million ADSL lines
// of "up to 20-24"; their rates and their share are assumed. Round trips not
// verified; those of the United States' DSL.
//
// Brazil: medians of September 2023, 131.94 down, 88.74 up, 5 ms (Ookla in
// msdigitalnews.com.br, 17 October 2023).
//
// Japan: median of early 2024, 185.7 down (Ookla's index as listed by
// xplaytv.digital). Up: 79.11, the mean of November 2017 (Ookla in appleifix.jp),
// for want of a newer one, and surely too low. 79 % of lines are fibre (OECD, end
// of 2023, in computerweekly.com); round trips as those of the United States'
// fibre.
//
// India: medians of December 2022, 49.14 down, 48.51 up, 7 ms (Ookla in
// thehindu.com, 23 January 2023).
var classes = map[Region][]Class{
	USEast: us,
	USWest: us,
	EUWest: {
		{Name: "broadband", Share: 0.92, Down: 69.4 * mbit, Up: 18.4 * mbit, Spread: spread, Loss: lossCopper, RTT: 15 * ms},
		{Name: "adsl", Share: 0.08, Down: 12 * mbit, Up: 1 * mbit, Spread: spread, Loss: lossWorst, RTT: 15 * ms},
	},
	SAEast: {
		{Name: "broadband", Share: 1, Down: 131.94 * mbit, Up: 88.74 * mbit, Spread: spread, Loss: lossCopper, RTT: 5 * ms},
	},
	APNortheast: {
		{Name: "broadband", Share: 1, Down: 185.7 * mbit, Up: 79.11 * mbit, Spread: spread, Loss: lossFibre, RTT: 8 * ms},
	},
	APSouth: {
		{Name: "broadband", Share: 1, Down: 49.14 * mbit, Up: 48.51 * mbit, Spread: spread, Loss: lossCopper, RTT: 7 * ms},
	},
}

var us = []Class{
	{Name: "cable", Share: 0.55, Down: 183.74 * mbit, Up: 11.70 * mbit, Spread: spread, Loss: lossCopper, RTT: 16 * ms},
	{Name: "fibre", Share: 0.25, Down: 171.01 * mbit, Up: 112.36 * mbit, Spread: spread, Loss: lossFibre, RTT: 8 * ms},
	{Name: "fixed wireless", Share: 0.12, Down: 104.63 * mbit, Up: 15 * mbit, Spread: spread, Loss: lossWorst, RTT: 54 * ms},
	{Name: "dsl", Share: 0.08, Down: 41.29 * mbit, Up: 12.02 * mbit, Spread: spread, Loss: lossCopper, RTT: 15 * ms},
}

// Classes returns the access lines of a region's consumers. It panics for a
// region that is not one of Regions.
func Classes(r Region) []Class {
	index(r)
	return slices.Clone(classes[r])
}

// Access draws the one-way delay of a line of the class: half its round trip,
// give or take 30 %, as lines differ in length. The share is a guess.
func (c Class) Access(rng *rand.Rand) time.Duration {
	return time.Duration(float64(c.RTT) / 2 * (0.7 + 0.6*rng.Float64()))
}

// Access draws the one-way delay of the access line of some consumer, from any
// region and class.
func Access(rng *rand.Rand) time.Duration {
	list := classes[regions[rng.IntN(len(regions))]]
	x := rng.Float64()
	for _, c := range list {
		if x -= c.Share; x < 0 {
			return c.Access(rng)
		}
	}
	return list[len(list)-1].Access(rng)
}
