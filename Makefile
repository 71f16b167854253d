# The commands of a developer's day; `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.PHONY: help demo test bench setup setup-build

help: ## lists the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 20

demo: setup-build ## builds Argus and shows the StreamPulse pipeline at work; needs no server
	@cargo run --release --bin argus -- demo

test: setup ## runs every test, on a real Kafka, PostgreSQL and S3 server too
	@cargo xtask tidy
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; code=0; \
	  cargo test --workspace --no-fail-fast 2>&1 | tee "$$log" || code=$$?; \
	  echo; echo '== closing lines of every test runner'; \
	  grep -E '^(test result:|     Running |   Doc-tests |error: )|^test .* FAILED$$' "$$log" || true; \
	  exit $$code

bench: setup ## prints throughput, memory and start-up time; beside Flink where java is there
	@cargo xtask bench --flink

setup: setup-build ## installs what the build and the tests need, or says which Debian packages to install
	@services/setup test
	@services/kafka install
	@services/s3 install

setup-build:
	@services/setup build
