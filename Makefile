# SPDX-License-Identifier: GPL-2.0
#
# A thin front: everything is done by the tools in tools/, inside the toolbox.

KVER ?= 7.3
FLAVOUR ?= lab
SECONDS ?= 60
SEED ?= 1

SHELL := /bin/bash
.DEFAULT_GOAL := help

enter := tools/toolbox/enter
cargo := $(enter) cargo
tool = $(cargo) run --release --quiet --locked --manifest-path tools/Cargo.toml --package $(1) --
lab := $(call tool,hmem-lab)
graft := $(call tool,graft)

ksrc := $(if $(KSRC),--ksrc '$(abspath $(KSRC))')
# Without KVER it is the newest version that there is.
asked := $(if $(filter file,$(origin KVER)),,--kver '$(KVER)')
kernel := $(lab) kernel --kver '$(KVER)' --flavour '$(FLAVOUR)' $(ksrc)

# What the tools read themselves
export HMEM_BUILD JOBS KSRC MIRROR TOOLBOX

.PHONY: help
help: ## Show this
	@echo 'usage: make TARGET [VARIABLE=VALUE...]'
	@echo
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS=$$'\t' read -r target text; do \
		printf '  %-16s %s\n' "$$target" "$$text"; done
	@echo
	@echo '  KVER=7.3|7.2     kernel version (now $(KVER))'
	@echo '  FLAVOUR=...      kernel configuration (now $(FLAVOUR)); tools/hmem-lab/flavours has them'
	@echo '  KSRC=DIR         a kernel tree of your own: make kernel and run build a copy of it,'
	@echo '                   make graft, ungraft and patches work on the tree itself'
	@echo '  AUTHOR="NAME <ADDRESS>"   of make patches; by default whom git knows'
	@echo '  JOBS=N           compilers at the same time'
	@echo '  TOOLBOX=host     use the tools of this machine instead of the toolbox'
	@echo '  MIRROR=URL       Debian mirror to fetch from'
	@echo '  HMEM_BUILD=DIR   where kernels are built; XDG_CACHE_HOME where everything else is kept'

.PHONY: run
run: ## Build the kernel, boot it, show who owns the memory
	@$(lab) run $(asked) --flavour '$(FLAVOUR)' $(ksrc)

.PHONY: test
test: ## Host tests, and the scenarios on the newest Linux, in Rust and in C
	@tools/test-all

.PHONY: test-all
test-all: ## The same with all kernels that scenarios ask for; takes long
	@tools/test-all all

.PHONY: compare
compare: ## Boot what can run in C with both, and compare what they show; writes the table in Documentation
	@$(lab) compare --write

.PHONY: bench
bench: ## Count the instructions that the Rust and the C drivers need; with several processors, measure time
	@$(lab) bench --kver '$(KVER)'

# The compiler counts the edges that an input reaches.
fuzz_flags := --cfg fuzz_coverage -C codegen-units=1 -C debug-assertions -C overflow-checks \
	-C passes=sancov-module -C llvm-args=-sanitizer-coverage-level=3 \
	-C llvm-args=-sanitizer-coverage-inline-8bit-counters

.PHONY: fuzz
fuzz: ## Try made-up inputs on every parser, for SECONDS=60 in all, with SEED=1
	@$(enter) env RUSTFLAGS='$(fuzz_flags)' \
		cargo run --release --quiet --locked --manifest-path tools/Cargo.toml --package fuzz \
		--target x86_64-unknown-linux-gnu --target-dir out/target-fuzz -- \
		'$(SECONDS)' '$(SEED)' out/fuzz $(TARGETS)

.PHONY: check
check: ## Formatting, lints, documentation, patch style; fails on any finding
	@$(lab) check

.PHONY: kernel
kernel: ## Build a kernel into out/<version>-<flavour>/
	@$(kernel)

.PHONY: map
map: ## Show who owns the memory of this machine
	@$(call tool,hmem-map)

.PHONY: hmem-map
hmem-map: ## Build it as one file without libraries, out/hmem-map, to be copied to a server
	@$(enter) env RUSTFLAGS='-C target-feature=+crt-static' cargo build --release --quiet --locked \
		--manifest-path tools/Cargo.toml --package hmem-map --target x86_64-unknown-linux-gnu \
		--target-dir out/target
	@cp out/target/x86_64-unknown-linux-gnu/release/hmem-map out/hmem-map
	@echo out/hmem-map

.PHONY: graft
graft: ## Put the overlay into your own tree (KSRC=DIR)
	@$(if $(KSRC),,$(error KSRC is not set: make graft KSRC=/path/to/linux))$(graft) apply '$(abspath $(KSRC))'

.PHONY: ungraft
ungraft: ## Take the overlay out of it again (KSRC=DIR)
	@$(if $(KSRC),,$(error KSRC is not set: make ungraft KSRC=/path/to/linux))$(graft) undo '$(abspath $(KSRC))'

.PHONY: patches
patches: ## Write the series for git am into out/patches (KSRC=DIR or KVER)
	@tree='$(if $(KSRC),$(abspath $(KSRC)))'; \
	[ -n "$$tree" ] || tree=$$($(kernel) --source-only) && \
	$(graft) patches "$$tree" out/patches $(if $(AUTHOR),--author '$(AUTHOR)')

.PHONY: toolbox
toolbox: ## Make the toolbox, if it is not there
	@$(enter) true

.PHONY: toolbox-rebuild
toolbox-rebuild: ## Make it again
	@tools/toolbox/build-root --force

.PHONY: clean
clean: ## Remove out/
	rm -rf out

.PHONY: distclean
distclean: clean ## Also remove toolbox, sources and everything else in the cache
	@tools/toolbox/remove
