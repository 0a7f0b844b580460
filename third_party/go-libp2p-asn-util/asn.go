package asnutil

import "net"

// AsnForIPv6 returns 0, which the original returns for a network that it does not know.
func AsnForIPv6(net.IP) uint32 { return 0 }

// AsnForIPv6Network returns 0, as AsnForIPv6.
func AsnForIPv6Network(uint64) uint32 { return 0 }
