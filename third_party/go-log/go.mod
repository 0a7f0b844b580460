module github.com/ipfs/go-log/v2

go 1.26

require go.uber.org/zap v1.28.0

require go.uber.org/multierr v1.11.0 // indirect
