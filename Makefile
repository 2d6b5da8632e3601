# Martlet's tasks. `make run` and `make test` are all that a newcomer needs.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DEFAULT_GOAL := help

CONFIG ?= embedded
NEED_SWIFT := command -v swift >/dev/null || { echo "Swift 6.2 or newer is needed: https://www.swift.org/install/linux/" >&2; exit 1; }
BUILD := scripts/build-release --product martlet

.PHONY: help run build test test-swift test-interop bench format lint fuzz mutants powercut soak judges

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

test: ## Builds and runs every test: Swift's, then those from outside
	@scripts/install-packages test
	@$(NEED_SWIFT)
	swift build --build-tests
	swift test --skip-build 2>&1 | tee .build/swift-test.log
	Tests/Interop/run 2>&1 | tee .build/interop-test.log
	@echo
	@grep -hE 'Test run with|Executed [1-9]' .build/swift-test.log
	@tail -n 1 .build/interop-test.log

test-swift: ## Only Swift's tests
	swift build --build-tests
	swift test --skip-build

test-interop: ## Only the tests from outside: stock clients, power cuts
	@scripts/install-packages test
	swift build --product martlet
	Tests/Interop/run

bench: ## Runs the project's benchmarks and, where it is there, the yardstick beside Postfix and Dovecot
	@scripts/install-packages build
	@$(NEED_SWIFT)
	@$(BUILD)
	scripts/build-release --product martlet-benchmarks
	scripts/build-release --product martlet-web-bench
	.build/release/martlet-benchmarks .build
	Benchmarks/web
	Benchmarks/counting
	Benchmarks/neighbours
	Benchmarks/outgoing --only deliver,through
	Benchmarks/outgoing --only backlog --targets martlet
	Benchmarks/judging
	Benchmarks/yardstick

format: ## Formats all Swift sources
	swift format format --in-place --recursive --parallel Package.swift Sources Tests

lint: ## Says where the sources break the rules of .swift-format
	swift format lint --strict --recursive --parallel Package.swift Sources Tests

fuzz: ## Fuzzes each grammar for a minute
	@scripts/install-packages build
	@$(NEED_SWIFT)
	Fuzz/run

mutants: ## 100,000 mutated transcripts, half of them IMAP's (MARTLET_MUTANTS, MARTLET_MUTANT_SEED)
	@scripts/install-packages test
	swift build --build-tests
	MARTLET_MUTANTS=$${MARTLET_MUTANTS:-50000} swift test --skip-build --filter MutantTests

powercut: ## The long tests of cut power, killed processes and 5,000 flipped files (MARTLET_FLIPS)
	@scripts/install-packages test
	Tests/PowerCut/run

judges: ## Strangers' suites that take minutes or heavy packages
	@scripts/install-packages judges
	@$(NEED_SWIFT)
	swift build --build-tests
	Tests/Judges/run

soak: ## Fifty clients for half an hour, every answer checked against a model
	@scripts/install-packages test
	@$(NEED_SWIFT)
	@$(BUILD)
	Tests/Soak/run
