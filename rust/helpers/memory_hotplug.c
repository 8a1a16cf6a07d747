// SPDX-License-Identifier: GPL-2.0

#include <linux/memory-tiers.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/nodemask.h>

#ifdef CONFIG_MEMORY_HOTPLUG
__rust_helper bool rust_helper_page_in_zone_movable(struct page *page)
{
	return page_zonenum(page) == ZONE_MOVABLE;
}

#ifndef CONFIG_MEMORY_HOTREMOVE
__rust_helper int rust_helper_remove_memory(u64 start, u64 size)
{
	return remove_memory(start, size);
}

__rust_helper int
rust_helper_offline_and_remove_memory_ranges(const struct range *ranges,
					     unsigned int nr_ranges)
{
	return offline_and_remove_memory_ranges(ranges, nr_ranges);
}
#endif /* !CONFIG_MEMORY_HOTREMOVE */
#endif /* CONFIG_MEMORY_HOTPLUG */

#ifdef CONFIG_NUMA
__rust_helper void rust_helper_get_memory_type(struct memory_dev_type *memtype)
{
	kref_get(&memtype->kref);
}

__rust_helper bool rust_helper_node_has_memory(int node)
{
	return node_state(node, N_MEMORY);
}
#endif
