# Martlet's tasks. `make run` and `make test` are all that a newcomer needs.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DEFAULT_GOAL := help

CONFIG ?= embedded
MARTLET_DATA ?= ./data
export MARTLET_DATA
VENV := Tests/Interop/.venv
NEED_SWIFT := command -v swift >/dev/null || { echo "Swift 6.2 or newer is needed: https://www.swift.org/install/linux/" >&2; exit 1; }
BUILD := swift build -c release --product martlet

.PHONY: help run build test test-swift test-interop bench format lint fuzz powercut

help: ## Shows this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

run: ## Builds and starts the server: 127.0.0.1, standard ports + 2000, data in ./data
	@scripts/install-packages run
	@$(NEED_SWIFT)
	@$(BUILD)
	@exec "$$($(BUILD) --show-bin-path)/martlet" serve --config $(CONFIG)

build: ## Builds the program
	@scripts/install-packages build
	@$(NEED_SWIFT)
	@$(BUILD)

test: test-swift test-interop ## Builds and runs every test

test-swift:
	@scripts/install-packages test
	swift build --build-tests
	swift test --skip-build

test-interop:
	@scripts/install-packages test
	swift build --product martlet
	@[ -x $(VENV)/bin/pytest ] || { python3 -m venv $(VENV) && $(VENV)/bin/pip install -q -r Tests/Interop/requirements.txt; }
	$(VENV)/bin/pytest -q Tests/Interop $(wildcard Tests/PowerCut)

bench: ## Runs the benchmarks, and the yardstick where it is there
	@scripts/install-packages test
	@Benchmarks/run

format: ## Formats all Swift sources
	swift format format --in-place --recursive --parallel Package.swift Sources Tests

lint: ## Says where the sources break the rules of .swift-format
	swift format lint --strict --recursive --parallel Package.swift Sources Tests

fuzz: ## Fuzzes each grammar for a minute
	@Fuzz/run

powercut: ## The long power-cut test: 20 cuts under load
	@scripts/install-packages test
	@Tests/PowerCut/run
