// SPDX-License-Identifier: GPL-2.0
/*
 * What a Rust module cannot say itself: a symbol exported to one module, a
 * parameter that may be written at run time, dynamic debug, an initcall, and a
 * file in debugfs that keeps the module.
 */
#include <linux/async.h>
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/init.h>
#include <linux/ioport.h>
#include <linux/module.h>
#include <linux/seq_file.h>
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

void hmem_rs_debug(struct device *dev, const char *what, u64 start, u64 end)
{
	struct resource res = DEFINE_RES_MEM(start, end - start + 1);

	dev_dbg(dev, "%s: %pr\n", what, &res);
}

/* Here, because the kernel's printk knows the names of errors. */
void hmem_rs_error(struct device *dev, const char *what, u64 start, u64 end,
		   int err, const char *hint)
{
	dev_err(dev, "%s %#llx-%#llx: %pe%s\n", what, start, end, ERR_PTR(err),
		hint);
}

#ifdef MODULE
void hmem_rs_wait_for_async_probes(void)
{
	async_synchronize_full();
}

void hmem_rs_wait_for_initcalls(void)
{
}
#else
/* CXL has not begun. */
void hmem_rs_wait_for_async_probes(void)
{
}

/*
 * CXL drivers that are built in come after this one, and no probe is under way
 * as long as they are not registered. Nothing that is initialised waits for the
 * decisions, hence they can wait for all of it.
 */
static DECLARE_COMPLETION(initcalls_done);

static int __init hmem_rs_initcalls_done(void)
{
	complete_all(&initcalls_done);
	return 0;
}
late_initcall_sync(hmem_rs_initcalls_done);

void hmem_rs_wait_for_initcalls(void)
{
	wait_for_completion(&initcalls_done);
}
#endif

/*
 * Here rather than in Rust: the file names its module, which stays for as long
 * as somebody has the file open.
 */
static int hmem_rs_ranges_show(struct seq_file *seq, void *unused)
{
	hmem_rs_show(seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(hmem_rs_ranges);

static struct dentry *debugfs_dir;

void hmem_rs_debugfs_add(void)
{
	debugfs_dir = debugfs_create_dir("hmem_rs", NULL);
	debugfs_create_file("ranges", 0400, debugfs_dir, NULL,
			    &hmem_rs_ranges_fops);
}

void hmem_rs_debugfs_remove(void)
{
	debugfs_remove_recursive(debugfs_dir);
}
