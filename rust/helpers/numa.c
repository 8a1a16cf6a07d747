// SPDX-License-Identifier: GPL-2.0

#include <linux/device.h>
#include <linux/nodemask.h>
#include <linux/numa.h>

__rust_helper int rust_helper_numa_map_to_online_node(int node)
{
	return numa_map_to_online_node(node);
}

__rust_helper void rust_helper_set_dev_node(struct device *dev, int node)
{
	set_dev_node(dev, node);
}

__rust_helper int rust_helper_phys_to_target_node(u64 start)
{
	return phys_to_target_node(start);
}
