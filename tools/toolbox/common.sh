# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Names that enter, build-root and host-check share.

toolbox_dir=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck disable=SC2034 # used by the scripts that source this file
repo=$(realpath "$toolbox_dir/../..")
cache=$(realpath -m "${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/hmem-rs")
root=$cache/toolbox

die() {
	printf 'toolbox: %s\n' "$*" >&2
	exit 1
}

say() {
	printf 'toolbox: %s\n' "$*" >&2
}

# A root made of this recipe says so in its stamp.
recipe() {
	(cd "$toolbox_dir" && cat packages preferences recipe.sh) | sha256sum | cut -d' ' -f1
}

complete() {
	[[ -r $root/.recipe && $(<"$root/.recipe") == "$(recipe)" ]]
}

# Programs whose failure would only be understood much later.
key_programs=(bash cargo rustc rustfmt clippy-driver bindgen clang-19 ld.lld-19
	llvm-objcopy-19 make ccache qemu-system-x86_64 daxctl cxl udevadm jq git)

# Runs inside: prints the key programs that do not run, and fails if any.
probe() {
	local p dir pids=() bad=0 i
	# kmod and busybox spell it differently, and are covered by their libraries
	for p in "${key_programs[@]}"; do
		"$p" --version >/dev/null 2>&1 &
		pids+=($!)
	done
	for i in "${!pids[@]}"; do
		wait "${pids[i]}" || {
			printf '%s ' "${key_programs[i]}"
			bad=1
		}
	done
	# What bindgen and the kernel's Rust build read besides programs
	for dir in /usr/lib/llvm-19/lib/libclang.so "$(rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library/core/src/lib.rs"; do
		[[ -s $dir ]] || {
			printf '%s ' "$dir"
			bad=1
		}
	done
	return $bad
}
