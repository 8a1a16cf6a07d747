/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The policy: what the DAX core asks of it. See dax_policy.rs.
 */
#ifndef _DAX_POLICY_H_
#define _DAX_POLICY_H_
#include <linux/kconfig.h>
#include <linux/types.h>

struct attribute;
struct dax_device_driver;
struct dax_region;
struct dev_dax;
struct device;
struct device_attribute;

/* Besides MMOP_* and DAX_KMEM_UNPLUGGED: what the system does by default */
#define DAX_POLICY_ONLINE_DEFAULT	(-2)

#if IS_ENABLED(CONFIG_DEV_DAX_POLICY)
/* dax_region/policy */
extern struct device_attribute dev_attr_policy;

int dax_policy_init(struct dax_region *dax_region);
void dax_policy_free(struct dax_region *dax_region);
bool dax_policy_hides(struct attribute *attr);
bool dax_policy_memmap(struct dax_region *dax_region, bool memmap_on_memory);
int dax_policy_match(struct dev_dax *dev_dax,
		     const struct dax_device_driver *dax_drv);
int dax_policy_bind(struct dev_dax *dev_dax,
		    const struct dax_device_driver *dax_drv);
void dax_policy_unbind(struct dev_dax *dev_dax);
int dax_policy_online_type(struct dev_dax *dev_dax);
u64 dax_policy_cut(u64 start, u64 end, int target_node);
#else
static inline int dax_policy_init(struct dax_region *dax_region)
{
	return 0;
}

static inline void dax_policy_free(struct dax_region *dax_region)
{
}

static inline bool dax_policy_hides(struct attribute *attr)
{
	return false;
}

static inline bool dax_policy_memmap(struct dax_region *dax_region,
				     bool memmap_on_memory)
{
	return memmap_on_memory;
}

static inline int dax_policy_match(struct dev_dax *dev_dax,
				   const struct dax_device_driver *dax_drv)
{
	return -1;
}

static inline int dax_policy_bind(struct dev_dax *dev_dax,
				  const struct dax_device_driver *dax_drv)
{
	return 0;
}

static inline void dax_policy_unbind(struct dev_dax *dev_dax)
{
}
#endif

#endif /* _DAX_POLICY_H_ */
