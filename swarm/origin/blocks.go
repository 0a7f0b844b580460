package origin

import (
	"context"
	"net/http"
)

// Blocks is a file of which every block has a URL of its own, as trustless IPFS
// gateways offer them (https://specs.ipfs.tech/http-gateways/trustless-gateway/).
type Blocks struct {
	name  string
	size  int64
	block int64
	url   func(i int) string
	http  *http.Client
}

// NewBlocks returns a file of size bytes in blocks of blockSize, the last one
// shorter; url makes the URL of each.
func NewBlocks(name string, size, blockSize int64, url func(i int) string, client *http.Client) (*Blocks, error) {
	if err := CheckURL(url(0)); err != nil {
		return nil, err
	}
	return &Blocks{name: name, size: size, block: blockSize, url: url, http: client}, nil
}

// String is the name that it was given.
func (b *Blocks) String() string { return b.name }

// Read is File.Read, a request for each block that holds a part of what is asked for.
func (b *Blocks) Read(ctx context.Context, off, n int64, take func([]byte) error) error {
	for n > 0 {
		i := off / b.block
		begin := i * b.block
		f := File{url: b.url(int(i)), size: min(b.block, b.size-begin), http: b.http}
		skip, left := off-begin, n
		err := f.Read(ctx, 0, f.size, func(p []byte) error {
			s := min(skip, int64(len(p)))
			skip -= s
			p = p[s:]
			p = p[:min(int64(len(p)), left)]
			left -= int64(len(p))
			if len(p) == 0 {
				return nil
			}
			return take(p)
		})
		if err != nil {
			return err
		}
		off, n = off+n-left, left
	}
	return nil
}
