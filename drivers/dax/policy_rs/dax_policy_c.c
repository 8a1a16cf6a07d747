// SPDX-License-Identifier: GPL-2.0
/*
 * What the policy cannot say in Rust: a parameter of the DAX core that may be
 * written at run time, an attribute, and what the C side knows of a region.
 */
#include <linux/device.h>
#include <linux/init.h>
#include <linux/moduleparam.h>
#include <linux/nodemask.h>
#include <linux/platform_device.h>
#include <linux/security.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include "../bus.h"
#include "../dax-private.h"
#include "dax_policy_c.h"
#include "policy.h"

bool dax_policy_has_node(unsigned int node)
{
	return node < MAX_NUMNODES && node_possible(node);
}

/*
 * The command line is read before there is memory to keep rules in. It stays
 * where it is, so that it is enough to know where.
 */
static const char *text_at_boot;
static bool initialized;

static int policy_set(const char *text, const struct kernel_param *kp)
{
	int rc;

	if (!initialized) {
		text_at_boot = text;
		return 0;
	}

	rc = security_locked_down(LOCKDOWN_MODULE_PARAMETERS);
	if (rc)
		return rc;
	return dax_policy_rs_set(text, strlen(text));
}

static int policy_get(char *page, const struct kernel_param *kp)
{
	return dax_policy_rs_get(page);
}

static const struct kernel_param_ops policy_ops = {
	.set = policy_set,
	.get = policy_get,
};

/* Of the DAX core, whichever object this is in. */
#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "dax."
module_param_cb(policy, &policy_ops, NULL, 0600);

/* Before the DAX core, and all that makes regions. */
static int __init dax_policy_initcall(void)
{
	dax_policy_rs_init(text_at_boot,
			   text_at_boot ? strlen(text_at_boot) : 0);
	initialized = true;
	return 0;
}
core_initcall(dax_policy_initcall);

static int origin_of(struct device *dev)
{
	if (dev_is_platform(dev) && dev->driver &&
	    !strcmp(dev->driver->name, "hmem"))
		return 0;
	if (dev->bus && !strcmp(dev->bus->name, "cxl"))
		return 1;
	return 2;
}

int dax_policy_init(struct dax_region *dax_region)
{
	struct resource *res = &dax_region->res;
	int origin = origin_of(dax_region->dev);
	bool idle = origin == 0 && !(res->flags & IORESOURCE_DAX_KMEM);

	if (res->flags & IORESOURCE_DAX_STATIC)
		return 0;

	dax_region->policy = dax_policy_rs_new(dax_region->dev, origin,
					       res->start, res->end,
					       dax_region->target_node, idle);
	return dax_region->policy ? 0 : -ENOMEM;
}

void dax_policy_free(struct dax_region *dax_region)
{
	if (dax_region->policy)
		dax_policy_rs_free(dax_region->policy);
}

bool dax_policy_memmap(struct dax_region *dax_region, bool memmap_on_memory)
{
	int memmap = -1;

	if (dax_region->policy)
		memmap = dax_policy_rs_memmap(dax_region->policy);
	return memmap < 0 ? memmap_on_memory : memmap;
}

/* Returns -1 if the policy has no say. */
int dax_policy_match(struct dev_dax *dev_dax,
		     const struct dax_device_driver *dax_drv)
{
	void *policy = dev_dax->region->policy;
	int driver = -1;

	if (policy)
		driver = dax_policy_rs_driver(policy);

	switch (driver) {
	case 0:
		/* Without kmem, device_dax takes such devices. */
		if (!IS_ENABLED(CONFIG_DEV_DAX_KMEM))
			return -1;
		return dax_drv->type == DAXDRV_KMEM_TYPE;
	case 1:
		return dax_drv->type == DAXDRV_DEVICE_TYPE;
	case 2:
		return dax_drv->type == DAXDRV_FSDEV_TYPE;
	case 3:
		return 0;
	default:
		return -1;
	}
}

int dax_policy_bind(struct dev_dax *dev_dax,
		    const struct dax_device_driver *dax_drv)
{
	void *policy = dev_dax->region->policy;

	if (!policy)
		return 0;
	return dax_policy_rs_bind(policy, &dev_dax->dev,
				  dax_drv->type == DAXDRV_KMEM_TYPE);
}

void dax_policy_unbind(struct dev_dax *dev_dax)
{
	void *policy = dev_dax->region->policy;

	if (policy)
		dax_policy_rs_unbind(policy);
}

int dax_policy_online_type(struct dev_dax *dev_dax)
{
	void *policy = dev_dax->region->policy;

	return policy ? dax_policy_rs_online(policy) :
			DAX_POLICY_ONLINE_DEFAULT;
}

/* Returns the last byte of what is under the same rule as the first byte. */
u64 dax_policy_cut(u64 start, u64 end, int target_node)
{
	return dax_policy_rs_cut(start, end, target_node);
}
EXPORT_SYMBOL_GPL(dax_policy_cut);

/* The policy is there before the attribute, and goes after it. */
static ssize_t policy_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct dax_region *dax_region = dev_get_drvdata(dev);

	return dax_policy_rs_show(dax_region->policy, buf);
}

static ssize_t policy_store(struct device *dev, struct device_attribute *attr,
			    const char *buf, size_t len)
{
	struct dax_region *dax_region = dev_get_drvdata(dev);
	int rc;

	rc = dax_policy_rs_write(dax_region->policy, dev, buf, len);
	return rc ? rc : len;
}

DEVICE_ATTR_ADMIN_RW(policy);

/* Static regions have no policy. */
bool dax_policy_hides(struct attribute *attr)
{
	return attr == &dev_attr_policy.attr;
}
