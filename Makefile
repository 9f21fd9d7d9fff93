# make help lists the targets. `make demo` and `make test` do all of their own
# set-up on Debian and Ubuntu as root (scenarios/setup.sh); elsewhere they say
# what to install.

# ---- versions of tools; nowhere else
GOLANGCI_LINT_VERSION := 2.15.0
DIVE_VERSION          := 0.13.1
ACTIONLINT_VERSION    := 1.7.12

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS = -X main.version=$(VERSION) $(LAZY)

# The functions of NVIDIA's library are bound when they are first called: linked
# for immediate binding, as some distributions' compilers do by default, nothing
# would start where there is no such library. -ldflags in a command replaces those here.
LAZY := -extldflags=-Wl,-z,lazy
export GOFLAGS := $(shell $(GO) env GOFLAGS 2>/dev/null) -ldflags=$(LAZY)
# Its header deprecates functions that are bound all the same.
export CGO_CFLAGS ?= -O2 -g -Wno-deprecated-declarations

# An installed golangci-lint is used if it is of that version, else it is compiled.
GOLANGCI_LINT = $(shell golangci-lint version --short 2>/dev/null | grep -Fqx '$(GOLANGCI_LINT_VERSION)' \
	&& echo golangci-lint \
	|| echo $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(GOLANGCI_LINT_VERSION))

.DEFAULT_GOAL := build
.PHONY: help build test test-truth demo demo-images images lint format vet golangci actionlint bench bench-truth bench-inspect scenarios calibrate release clean toolchain engine browser

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/mlbench
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/mlbench ./cmd/mlbench

# One package at a time, as they share the engine and its page cache; and always
# anew, as what they find depends on the engine too.
test: toolchain engine browser images ## run every test that this machine can run, race detector on
	$(GO) test -race -count 1 -p 1 -timeout 60m ./...

# A module of its own, so that mlbench does not depend on its peers.
TRUTH := runner/docker/truth

test-truth: ## test what bench-truth runs, with two starts of everything
	cd $(TRUTH) && $(GO) test -count 1 ./...

demo: toolchain demo-images ## build a scenario's two images and compare them
	@mkdir -p demo
	bin/mlbench compare fastapi-sklearn:naive fastapi-sklearn:optimized --explain --out demo/report.md --out demo/result.json

demo-images: engine build ## build the images of demo
	@base=$$(scenarios/setup.sh base) && set -x && \
		bin/mlbench scenario build fastapi-sklearn --base "$$base"

images: demo-images ## build the scenarios' images that tests look at and that need no registry (6 min and 3 GB more than those of demo)
	@base=$$(scenarios/setup.sh base) && set -x && \
		bin/mlbench scenario build gpu-resnet cpu --base "$$base" && \
		bin/mlbench scenario build os-hygiene --base "$$base" && \
		bin/mlbench scenario build locked-install --base "$$base" && \
		bin/mlbench scenario build cuda-mismatch --base "$$base" && \
		bin/mlbench scenario build batch-features --base "$$base" && \
		bin/mlbench scenario build own-base --base "$$base" && \
		bin/mlbench scenario build own-base text-before text --base "$$base"

lint: format vet golangci ## gofmt, go vet and golangci-lint

format:
	@files=$$(gofmt -l .) && [ -z "$$files" ] || { echo "not formatted (gofmt -w):" $$files >&2; exit 1; }

vet:
	$(GO) vet ./...
	cd $(TRUTH) && $(GO) vet ./...
	cd $(PEERS) && $(GO) vet ./...

golangci:
	$(GOLANGCI_LINT) run
	cd $(TRUTH) && $(GOLANGCI_LINT) run
	cd $(PEERS) && $(GOLANGCI_LINT) run

# It looks into scripts within workflows where shellcheck is installed, and knows
# action.yml by the workflows that use it. Scripts of the action are files.
actionlint: ## check workflows, the examples of docs/ci and the action's scripts
	$(GO) run github.com/rhysd/actionlint/cmd/actionlint@v$(ACTIONLINT_VERSION) .github/workflows/*.yml docs/ci/*.yml
	@if command -v shellcheck >/dev/null; then set -x; shellcheck .github/action/*.sh; \
		else echo "shellcheck is not installed: the scripts are not looked into"; fi

bench: toolchain engine ## run the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

# It installs nothing and says what is missing. A quick one, with STARTS=20, is
# shown and not written down.
bench-truth: ## hold mlbench and its peers against servers' own moments of readiness (most of an hour), into docs/truth.md
	@mkdir -p bin docs
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/fixture ./runner/runnertest/fixture
	cd $(TRUTH) && $(GO) build -trimpath -o $(CURDIR)/bin/truth .
	bin/truth -fixture bin/fixture -version '$(VERSION)' $(if $(STARTS),-starts '$(STARTS)',-o docs/truth.md)

# A module of its own too. dive is compiled for it alone, into a folder that is
# removed again. A quick one, with ROUNDS=1, is shown and not written down.
PEERS := runner/image/peers

bench-inspect: engine ## measure how fast images are looked into, beside dive (some minutes), into docs/inspect.md
	@mkdir -p bin docs
	cd $(PEERS) && $(GO) build -trimpath -o $(CURDIR)/bin/peers .
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && set -x && \
		GOBIN=$$dir $(GO) install github.com/wagoodman/dive@v$(DIVE_VERSION) && \
		bin/peers -dive $$dir/dive -version '$(VERSION)' $(if $(ROUNDS),-rounds '$(ROUNDS)',-o docs/inspect.md)

# A scenario that needs a registry or a GPU is passed over, which is said, unless
# NAMES, which chooses, names it.
scenarios: engine build ## build and compare the ready-made images (half an hour where they are built already), into their READMEs and docs/scenarios.md
	@base=$$(scenarios/setup.sh base) && set -x && \
		$(GO) run ./cmd/scenarios -base "$$base" $(NAMES)

calibrate: build ## measure mlbench's own error rates (some minutes), into docs/calibration.md and docs/calibration-nights.md
	@mkdir -p docs
	$(GO) run ./cmd/calibrate -o docs/calibration.md -version '$(VERSION)' \
		-traces bench/calibration/testdata/traces -heavy bench/calibration/testdata/heavy
	$(GO) run ./cmd/calibrate -nights -o docs/calibration-nights.md -version '$(VERSION)'

# Of what is committed, from a clone of its own: the same commit gives the same
# bytes. PLATFORMS=linux/amd64 builds that one alone.
release: ## build an archive for each platform, reproducibly, into dist
	$(GO) run ./cmd/release -o dist $(if $(PLATFORMS),-platforms '$(PLATFORMS)')

clean: ## remove what make made here; images and the engine stay
	rm -rf bin demo dist

toolchain:
	@scenarios/setup.sh toolchain

engine:
	@scenarios/setup.sh engine

# Tests of HTML reports skip without one.
browser:
	@scenarios/setup.sh browser
