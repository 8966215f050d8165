# The front door: `make run` and `make test`. Everything below can also be typed by hand.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# The interpreter that runs the Python clients of the conformance suite: 3.10 to 3.12.
PYTHON ?= python3

.PHONY: help run test check fmt clippy tidy cargo-test conformance bench prepare prepare-rust prepare-tools prepare-podman prepare-clients

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: prepare-rust ## build and start on 127.0.0.1:2020; without a key or a file the built-in mock answers
	@cargo run --package openai-proxy -- serve

test: prepare check conformance ## everything CI runs

check: prepare-rust prepare-tools prepare-podman fmt clippy tidy cargo-test ## format, lints, walls, unit tests and the whole house in one process

fmt:
	cargo fmt --all --check

clippy:
	cargo clippy --workspace --all-targets -- --deny warnings

tidy: ## check the walls of the house (cargo xtask tidy --report shows sizes)
	cargo xtask tidy

# All tests are run even when one fails; the sum of cargo's "test result" lines closes the run.
cargo-test:
	@mkdir -p target
	@code=0; \
	cargo test --workspace --no-fail-fast 2>&1 | tee target/cargo-test.log || code=$$?; \
	awk '/^test result:/ { passed += $$4; failed += $$6; ignored += $$8 } \
	  END { printf "cargo test: %d passed, %d failed, %d ignored\n", passed, failed, ignored }' \
	  target/cargo-test.log; \
	exit $$code

conformance: prepare ## official clients against the release binary
	cargo build --release --package openai-proxy
	$(PYTHON) conformance/run.py
	$(PYTHON) conformance/languages.py
	$(PYTHON) conformance/launch.py
	$(PYTHON) conformance/edits.py
	$(PYTHON) conformance/giving_up.py
	$(PYTHON) conformance/admin.py
	$(PYTHON) conformance/specs.py

bench: ## the release build measured beside HAProxy and nginx, and each step of the line alone, a quarter of an hour (bench/README.md)
	bash bench/run.sh
	cargo bench --package bench --bench steps

prepare: prepare-rust prepare-tools prepare-podman prepare-clients ## say what is missing, if anything is

prepare-rust:
	@missing=0; need() { command -v "$$1" >/dev/null || { echo "missing: $$1. $$2"; missing=1; }; }; \
	need cargo "Install Rust from https://rustup.rs; rust-toolchain.toml picks the version."; \
	need cc "Install a C compiler: apt-get install gcc libc6-dev (the TLS library is compiled with it)."; \
	exit $$missing

# What the tests run: the shipped HAProxy files in a real HAProxy, every line of the documents in a network namespace
# with curl, the store on a PostgreSQL of its own, and on a disk that strace lets fail. Installed where we may. Debian keeps initdb off the path; pg_config
# and pg_lsclusters it does not.
TOOLS := haproxy:haproxy curl:curl ip:iproute2 unshare:util-linux pg_lsclusters:postgresql strace:strace
prepare-tools:
	@wanted=(); for tool in $(TOOLS); do command -v "$${tool%%:*}" >/dev/null || wanted+=("$${tool##*:}"); done; \
	if [ $${#wanted[@]} = 0 ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$${wanted[@]}"; \
	else \
	  echo "missing: $${wanted[*]}. Install: apt-get install $${wanted[*]}."; exit 1; \
	fi

# The container files are tested with a real podman where one may be installed; elsewhere those tests say that they are skipped.
# runc besides, because it runs where control groups of both versions are mixed. Compose is read with Python's YAML.
prepare-podman:
	@{ command -v podman >/dev/null && command -v runc >/dev/null && python3 -c 'import yaml' 2>/dev/null; } || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends podman runc python3-yaml; \
	  else \
	    false; \
	  fi; } || echo "Not everything is here for the container tests, which will say what they skip: apt-get install podman runc python3-yaml."

prepare-clients:
	@missing=0; need() { command -v "$$1" >/dev/null || { echo "missing: $$1. $$2"; missing=1; }; }; \
	need git "Install it: apt-get install git."; \
	need node "Install Node 20 or later: https://nodejs.org."; \
	need npm "It comes with Node; on Debian: apt-get install npm."; \
	need $(PYTHON) "Install Python 3.10 to 3.12: apt-get install python3 python3-venv."; \
	if [ $$missing = 0 ]; then \
	  $(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' || \
	    { echo "$$($(PYTHON) --version) is outside 3.10 to 3.12. Name another: make test PYTHON=python3.12"; missing=1; }; \
	  $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "missing: Python's venv. Install it: apt-get install python3-venv."; missing=1; }; \
	  node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' || \
	    { echo "Node $$(node --version) is too old. Install Node 20 or later: https://nodejs.org."; missing=1; }; \
	fi; \
	exit $$missing
