// SPDX-License-Identifier: GPL-2.0
/*
 * What a Rust module cannot say itself: a symbol exported to one module, a
 * parameter that may be written at run time, and dynamic debug.
 */
#include <linux/device.h>
#include <linux/ioport.h>
#include <linux/module.h>
#include "../bus.h"
#include "hmem_rs_c.h"

static bool region_idle;
module_param(region_idle, bool, 0644);
MODULE_PARM_DESC(region_idle,
		 "Leave new regions empty and unbound, for an administrator to partition (default: N)");

bool hmem_rs_region_idle(void)
{
	return READ_ONCE(region_idle);
}

/*
 * dax_cxl calls this before it registers its driver, so that what CXL left over
 * already belongs to hmem.
 */
void dax_hmem_flush_work(void)
{
	hmem_rs_flush();
}
EXPORT_SYMBOL_FOR_MODULES(dax_hmem_flush_work, "dax_cxl");

void hmem_rs_debug(struct device *dev, enum hmem_rs_event event, u64 start,
		   u64 end)
{
	struct resource res = DEFINE_RES_MEM(start, end - start + 1);

	switch (event) {
	case HMEM_RS_AWAIT:
		dev_dbg(dev, "await CXL initial probe: %pr\n", &res);
		break;
	case HMEM_RS_NOT_RESERVED:
		dev_dbg(dev, "not Soft Reserved, skipping: %pr\n", &res);
		break;
	case HMEM_RS_CLAIMED:
		dev_dbg(dev, "CXL claims resource, dropping: %pr\n", &res);
		break;
	case HMEM_RS_NOT_CLAIMED:
		dev_dbg(dev, "CXL did not claim resource, registering: %pr\n",
			&res);
		break;
	}
}
