VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
BIN ?= bin/chatlake

.PHONY: build check release
build: # a static binary without symbols
	CGO_ENABLED=0 go build -ldflags '-s -w -X main.version=$(VERSION)' -o $(BIN) ./cmd/chatlake

check: # all that must pass before a change lands
	.ci/run

release: # the binaries of a release, into dist/; each target compiles the Temporal server
	go -C tools run ./release
