/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _DAX_HMEM_RS_H_
#define _DAX_HMEM_RS_H_
#include <linux/types.h>

struct device;

/* What happens to a range, for dynamic debug; the same as in border.rs. */
enum hmem_rs_event {
	HMEM_RS_AWAIT,
	HMEM_RS_NOT_RESERVED,
	HMEM_RS_CLAIMED,
	HMEM_RS_NOT_CLAIMED,
};

/* In hmem_rs_c.c, for border.rs */
bool hmem_rs_region_idle(void);
void hmem_rs_debug(struct device *dev, enum hmem_rs_event event, u64 start,
		   u64 end);

/* In border.rs, for hmem_rs_c.c */
void hmem_rs_flush(void);

#endif /* _DAX_HMEM_RS_H_ */
