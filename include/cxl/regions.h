/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CXL_REGIONS_H_
#define _CXL_REGIONS_H_

struct resource;

/**
 * typedef cxl_region_fn - is shown a committed region
 * @res: the addresses that the region covers
 * @id: the number of the region, whose device is called "region@id"
 * @data: what was given to cxl_walk_committed_regions()
 *
 * @res is valid during the call only. May sleep.
 *
 * Return: 0 to go on, anything else to end the walk.
 */
typedef int (*cxl_region_fn)(const struct resource *res, int id, void *data);

#if IS_ENABLED(CONFIG_CXL_REGION)
int cxl_walk_committed_regions(cxl_region_fn fn, void *data);
#else
static inline int cxl_walk_committed_regions(cxl_region_fn fn, void *data)
{
	return 0;
}
#endif

#if IS_ENABLED(CONFIG_CXL_BUS)
void cxl_bus_flush(void);
#else
static inline void cxl_bus_flush(void)
{
}
#endif

#endif /* _CXL_REGIONS_H_ */
