.PHONY: build check release notice

# All programs, static, into bin/.
build:
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/...

# All that CI runs.
check:
	.ci/run

# The camera's program for every target as it is released, with its bill of
# materials, digests, and the licence texts to ship with it: VERSION=v1.2.3 make release
release: notice
	.ci/release bin/release
notice:
	mkdir -p bin/release
	go -C .ci/licences run . -notice ../../bin/release/THIRD-PARTY-LICENCES.txt
