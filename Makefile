.PHONY: build check

# Both programs, static, into bin/.
build:
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/camswarm ./cmd/camswarmd

# All that CI runs.
check:
	.ci/run
