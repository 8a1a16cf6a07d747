/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _DAX_HMEM_RS_H_
#define _DAX_HMEM_RS_H_
#include <linux/types.h>

struct device;
struct seq_file;

/* In hmem_rs_c.c, for border.rs */
bool hmem_rs_region_idle(void);
void hmem_rs_debug(struct device *dev, const char *what, u64 start, u64 end);
void hmem_rs_error(struct device *dev, const char *what, u64 start, u64 end,
		   int err, const char *hint);
void hmem_rs_wait_for_async_probes(void);
void hmem_rs_wait_for_initcalls(void);
void hmem_rs_debugfs_add(void);
void hmem_rs_debugfs_remove(void);

/* In border.rs, for hmem_rs_c.c */
void hmem_rs_flush(void);
void hmem_rs_show(struct seq_file *seq);

#endif /* _DAX_HMEM_RS_H_ */
