#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A kernel that is locked down takes its policy from the command line, and from nobody after that. The policy of
# a region, which is no parameter, can still be written.

# shellcheck source=tools/testing/selftests/hmem_rs/policy-lib.sh
. "$(dirname "$(readlink -f "$0")")/policy-lib.sh"

LOCKDOWN=/sys/kernel/security/lockdown

unchanged() {
	[ "$(policy)" = "$had_policy" ] || { echo "the policy is now '$(policy)'" && return 1; }
}

cannot() {
	refused EPERM set_policy "$1" && unchanged
}

# What the rule says, but as written.
write_region() {
	local file=$PLATFORM/devices/$one/dax_region/policy actions
	actions=$(actions_of "$one")
	echo "$name" > "$DAX/devices/$name/driver/unbind" && store "$file" "$actions" || return
	[ "$(source_of "$one")" = written ] || { source_of "$one" && return 1; }
}

policy_begin
[ -e "$LOCKDOWN" ] || skip_all "no lockdown in this kernel, or no securityfs in /sys/kernel/security"
! grep -q '\[none\]' "$LOCKDOWN" || skip_all "this kernel is not locked down: boot it with lockdown=integrity"
ktap_set_plan 4
check "another policy" cannot '*:none'
check "no policy" cannot ''
check "what is no policy" cannot 'kmem'
check "the policy of a region" write_region
rebind "$one"
ktap_finished
