# What people type. `make test` installs what the tests need and runs all of them.

.DEFAULT_GOAL := help
.PHONY: help run test fmt lint doc rust deploy api no-std c install package docs header browser screenshots node browser-package fuzz soak faults install-tools
.PHONY: bench bench-auth bench-codec bench-hub bench-server bench-flood bench-abi bench-instructions bench-node bench-readme bench-build bench-library

SKIPPED := target/skipped
BROWSER := bindings/smol/tests/browser
NODE := bindings/node/test
BROWSER_PACKAGE := bindings/browser/test
BUILT := $(or $(CARGO_TARGET_DIR),target)
FIGURES := $(BUILT)/bench
BENCH := $(BUILT)/release/tidings-bench

help: ## Say what can be typed
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 27

run: ## Run the reference server on http://127.0.0.1:8080
	cargo run --release

test: ## Install what the tests need and run all of them
	@mkdir -p target && : > $(SKIPPED)
	$(MAKE) --no-print-directory fmt lint doc rust no-std api c browser node browser-package
	@sed 's/^/skipped: /' $(SKIPPED)
	@echo "all tests passed; $$(wc -l < $(SKIPPED)) skipped"

fmt: install-tools
	cargo fmt --all --check

lint: install-tools
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy -p tidings-smol --no-default-features --all-targets --locked -- -D warnings
	cargo clippy -p tidings-smol --no-default-features --features server --all-targets --locked -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --features tidings-core/async,tidings-core/serde

rust: ## Run the Rust tests alone
	bindings/smol/deploy/setup.sh
	TIDINGS_SKIPPED=$(abspath $(SKIPPED)) cargo test --workspace --exclude tidings-ffi --locked
	bindings/smol/tests/no-tokio-runtime.sh

api: ## Compare the server with its OpenAPI document alone; SEED= other requests
	$(if $(SEED),SEED=$(SEED)) bindings/smol/openapi/run.sh $(abspath $(SKIPPED))

no-std:
	core/tests/no_std/prove.sh

deploy: ## Run the tests of proxies and other files for running it alone
	bindings/smol/deploy/setup.sh
	TIDINGS_SKIPPED=$(abspath $(SKIPPED)) cargo test -p tidings-smol --locked --test sockets deploy::

c: install-tools ## Run the tests of the C ABI alone: plain, under valgrind, with sanitizers
	ffi/tests/setup.sh
	cargo clippy -p tidings-ffi --all-targets --locked --features engine,test-hooks -- -D warnings
	TIDINGS_SKIPPED=$(abspath $(SKIPPED)) cargo test -p tidings-ffi --locked --features test-hooks
	TIDINGS_SKIPPED=$(abspath $(SKIPPED)) cargo test -p tidings-ffi --locked --features engine,test-hooks
	bindings/c/packaging/test.sh $(abspath $(SKIPPED))

install: ## Install the C and C++ libraries in PREFIX=/usr/local; LIBDIR=, INCLUDEDIR=, DESTDIR=
	PREFIX="$(PREFIX)" LIBDIR="$(LIBDIR)" INCLUDEDIR="$(INCLUDEDIR)" DESTDIR="$(DESTDIR)" bindings/c/packaging/install.sh

package: ## See that cargo-c packages the C library as well; installs cargo-c, which takes minutes
	bindings/c/packaging/cargo-c.sh

docs: ## Make the reference pages of the C and C++ headers, below target/
	bindings/c/docs.sh

header: ## Write ffi/include/tidings.h anew, from the sources
	TIDINGS_BLESS=1 cargo test -q -p tidings-ffi --locked --test header

browser: ## Run the tests with real clients alone: Chromium, curl, npm's eventsource
	cargo build --locked -p tidings-smol --bins --examples
	$(BROWSER)/run.sh $(abspath $(SKIPPED))

screenshots: browser ## Put the pictures that the browser tests take beside the texts
	cp target/screenshots/*.png bindings/smol/screenshots/

node: ## Run the tests of the npm package for Node alone
	$(NODE)/run.sh $(abspath $(SKIPPED))

browser-package: ## Run the tests of the npm package for pages alone
	$(BROWSER_PACKAGE)/run.sh $(abspath $(SKIPPED))

# SECONDS is make's: in a shell it would be the time that has passed.
fuzz: ## Fuzz each target for a minute; TARGET= one of them, SECONDS= longer or shorter
	fuzz/run.sh fuzz "$(TARGET)" "$(SECONDS)"

soak: ## Run worlds and hubs beside their model for minutes, a Node hub, hostile clients, WebSockets, chats; SEED= to begin at, STEPS= in all
	$(if $(SEED),SEED=$(SEED)) $(if $(STEPS),STEPS=$(STEPS)) cargo run --release -q --locked -p tidings-fuzz --example soak
	$(NODE)/run.sh /dev/null soak
	TIDINGS_SOAK=true cargo test -q --locked -p tidings-smol --test sockets -- hostile come_and_go --nocapture
	cargo build -q --locked -p tidings-smol --bins --examples
	TIDINGS_SOAK=true $(BROWSER)/run.sh /dev/null chat_load.test.js

faults: ## Make deliberate faults in a copy, and see each caught; FAULT= some of them (half an hour)
	cargo run -q --locked -p tidings-fuzz --example faults

bench: ## Measure everything, and write the README's numbers (about ten minutes)
	@status=0; for part in codec hub auth server flood abi instructions node readme; do \
	  $(MAKE) --no-print-directory bench-$$part || status=1; done; exit $$status

bench-codec: ## Measure the decoder and the encoder beside their peers alone
bench-hub: ## Measure the hub alone
bench-server: ## Measure the server against the physical floor alone
bench-auth: ## Measure authentication alone
bench-flood: ## Measure refusing a flood beside a bare loop alone
bench-abi: ## Measure the C ABI beside Rust alone
bench-auth bench-codec bench-hub bench-server bench-flood bench-abi: bench-%: bench-build
	$(BENCH) $* --out $(FIGURES)/$*.jsonl
bench-server bench-abi: bench-library

bench-instructions: ## Count instructions alone, and fail where there are too many
	fuzz/bench/instructions.sh

bench-node: ## Measure the npm package beside its peers alone
	@mkdir -p $(FIGURES)
	$(NODE)/run.sh /dev/null bench --out $(abspath $(FIGURES))/node.jsonl

bench-readme: bench-build
	$(BENCH) readme $(foreach part,server flood auth codec hub abi node,$(FIGURES)/$(part).jsonl)

bench-build:
	@mkdir -p $(FIGURES)
	cargo build --release --locked -p tidings-smol -p tidings-bench --bins

# The C library as people install it.
bench-library:
	PREFIX=$(abspath $(FIGURES))/installed LIBDIR= INCLUDEDIR= DESTDIR= bindings/c/packaging/install.sh

install-tools:
	@command -v cargo >/dev/null || { echo "install Rust first: https://rustup.rs" >&2; exit 1; }
	@cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 || rustup component add rustfmt clippy
