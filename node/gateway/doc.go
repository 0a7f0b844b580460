// Package gateway is a trustless IPFS gateway
// (https://specs.ipfs.tech/http-gateways/trustless-gateway/) over what a seed holds:
// single blocks, CAR archives and signed IPNS records, each of which the client checks
// by itself. It exists so that origins, CDNs and stock IPFS tools can fetch a release by
// HTTP. It fetches nothing for anybody, joins no blocks to files, and shows no pages,
// which is why it is not boxo's gateway: that resolves, fetches and renders, and would
// double the modules that a seed links for two handlers. The camera build leaves it out.
package gateway
