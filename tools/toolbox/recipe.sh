# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # common.sh comes before, build-root after
# How mmdebstrap makes the toolbox. A change here, or to the lists that are read
# here, makes every toolbox outdated.

suite=trixie

# Runs before packages are looked up. The line for the backports is the line of
# the stable suite, as mmdebstrap wrote it, with another suite's name.
# shellcheck disable=SC2016 # expanded by the hook's shell
hook='printf "%s\n" "$TOOLBOX_PREFERENCES" >"$1/etc/apt/preferences.d/toolbox"
sed -n "s/^\(deb .*\) $TOOLBOX_SUITE main\$/\1 $TOOLBOX_SUITE-backports main/p" \
	"$1/etc/apt/sources.list" >"$1/etc/apt/sources.list.d/backports.list"
test -s "$1/etc/apt/sources.list.d/backports.list"'
TOOLBOX_PREFERENCES=$(<"$toolbox_dir/preferences")
export TOOLBOX_PREFERENCES TOOLBOX_SUITE=$suite

options=(
	--variant=apt
	--include="$(sed 's/#.*//' "$toolbox_dir/packages" | xargs | tr ' ' ,)"
	--setup-hook="$hook"
	--aptopt='Acquire::Retries "3"'
	# A root that a crash spoils is made again.
	--dpkgopt=force-unsafe-io
	# bindgen loads libclang; nothing links with its 800 MiB of archives.
	--dpkgopt='path-exclude=/usr/lib/llvm-*/lib/lib*.a'
	--dpkgopt='path-exclude=/usr/share/doc/*'
	--dpkgopt='path-exclude=/usr/share/locale/*'
	--dpkgopt='path-exclude=/usr/share/man/*'
)
