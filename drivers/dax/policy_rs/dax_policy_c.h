/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _DAX_POLICY_C_H_
#define _DAX_POLICY_C_H_
#include <linux/types.h>

struct device;

/* In border.rs, which says what they return, for dax_policy_c.c */
void dax_policy_rs_init(const u8 *text, size_t len);
int dax_policy_rs_set(const u8 *text, size_t len);
int dax_policy_rs_get(u8 *page);
u64 dax_policy_rs_cut(u64 start, u64 end, int node);
void *dax_policy_rs_new(struct device *dev, int origin, u64 start, u64 end,
			int node, bool idle);
void dax_policy_rs_free(void *policy);
int dax_policy_rs_driver(void *policy);
int dax_policy_rs_memmap(void *policy);
int dax_policy_rs_online(void *policy);
int dax_policy_rs_bind(void *policy, struct device *dev, bool makes_ram);
void dax_policy_rs_unbind(void *policy);
int dax_policy_rs_show(void *policy, u8 *page);
int dax_policy_rs_write(void *policy, struct device *dev, const u8 *text,
			size_t len);

/* In dax_policy_c.c, for border.rs */
bool dax_policy_has_node(unsigned int node);

#endif /* _DAX_POLICY_C_H_ */
