# Bare `make` lists what there is. Each target installs what it lacks (.ci/setup).

TAGS := hashicorpmetrics
VERSION := $(shell git -c safe.directory='*' describe --tags --always --dirty 2>/dev/null || echo unknown)

# Go from .cache is there only where the machine's own was too old.
export PATH := $(CURDIR)/.cache/go/bin:$(PATH):/usr/local/go/bin
export GOTOOLCHAIN := local

BUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags $(TAGS) -ldflags "-X main.version=$(VERSION)"
TEST := go test -tags $(TAGS) -timeout 15m

.DEFAULT_GOAL := help
.PHONY: help build install package test test-unit test-e2e lint demo chaos fuzz bench setup clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/vipd and bin/vipctl, static
	@.ci/setup build
	$(BUILD) -o bin/ ./cmd/vipd ./cmd/vipctl

# What packages want: PREFIX=/usr. The unit's and the user's files go where systemd looks, whatever PREFIX is.
PREFIX ?= /usr/local
install: build ## install programs, unit, manual pages and completions below DESTDIR, in PREFIX (/usr/local)
	packaging/install "$(DESTDIR)" "$(PREFIX)"

package: build ## build the .deb and the .rpm in bin/
	@.ci/setup package
	packaging/build "$(VERSION)"

test: test-unit test-e2e ## run all tests; those that need root are skipped without it, unless CI=true

# The race detector needs cgo; what is shipped does without.
test-unit: ## test the packages, with the race detector
	@.ci/setup test
	CGO_ENABLED=1 $(TEST) -race -p 3 $$(go list -tags $(TAGS) ./... | grep -v '^vipd/e2e\b')

# One package at a time where times are judged; the others, a virtual machine's among them, two.
SIDE_BY_SIDE := ./e2e/bench/... ./e2e/bonds/... ./e2e/chaos/... ./e2e/lab/... ./e2e/vm/...
test-e2e: package ## test whole clusters in network namespaces and virtual machines
	@.ci/setup test
	VIPD_BIN=$(CURDIR)/bin $(TEST) -count=1 -p 1 $$(go list -tags $(TAGS) ./e2e/... | grep -vxF "$$(go list -tags $(TAGS) $(SIDE_BY_SIDE))")
	VIPD_BIN=$(CURDIR)/bin $(TEST) -count=1 -p 2 $(SIDE_BY_SIDE)

lint: ## check format, layout and common mistakes
	@.ci/setup build
	.ci/lint

demo: ## show a failover on a cluster in network namespaces; KEEP=1 leaves it running (needs root)
	@[ "$$(id -u)" = 0 ] || { echo "make demo makes network namespaces: run it as root" >&2; exit 1; }
	@.ci/setup demo
	@$(MAKE) --no-print-directory build
	CGO_ENABLED=0 go build -buildvcs=false -tags $(TAGS) -o bin/demo ./e2e/demo
	@VIPD_BIN=$(CURDIR)/bin $(if $(KEEP),KEEP=$(KEEP)) bin/demo

# Searching for what nobody thought of, for as long as one likes. FOR and FUZZTIME are Go durations.
FOR ?= 10m
SIM ?= 2m
SEED ?= 0
FUZZTIME ?= 30s

# First the simulated cluster, which tries thousands of schedules in the time, but only those of the lease; then real
# daemons, which are slower and all there is. One after the other, for each wants the processors. SIM=0 leaves the first
# out. The first 25 seconds of seed 1 are part of `make test`.
chaos: ## play faults on the simulated cluster for SIM (2m), then on real daemons for FOR (10m), by SEED (random); needs root
	@[ "$$(id -u)" = 0 ] || { echo "make chaos makes network namespaces: run it as root" >&2; exit 1; }
	@.ci/setup test
	@[ "$(SIM)" = 0 ] || $(TEST) -timeout 0 -count=1 ./cluster/lease/sim -run Chaos -sim.for=$(SIM) -v
	@$(MAKE) --no-print-directory build
	CGO_ENABLED=0 go build -buildvcs=false -tags $(TAGS) -o bin/chaos ./e2e/chaos
	VIPD_BIN=$(CURDIR)/bin bin/chaos -for $(FOR) -seed $(SEED)

fuzz: ## run every fuzz target for FUZZTIME (30s) each
	@.ci/setup build
	TAGS=$(TAGS) .ci/fuzz $(FUZZTIME)

bench: ## measure against keepalived in the same lab and write docs/benchmarks.md (needs root; over an hour)
	@[ "$$(id -u)" = 0 ] || { echo "make bench makes network namespaces: run it as root" >&2; exit 1; }
	@.ci/setup test
	@$(MAKE) --no-print-directory build
	CGO_ENABLED=0 go build -buildvcs=false -tags $(TAGS) -o bin/bench ./e2e/bench
	VIPD_BIN=$(CURDIR)/bin bin/bench $(BENCHFLAGS)

setup: ## install what any of these targets needs
	@.ci/setup test

clean: ## remove what was built; .cache, with what was fetched, stays
	rm -rf bin
