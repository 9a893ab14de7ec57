/* Elements of any type as numbers. Private to src/ckpt. */
#ifndef S4D_CKPT_VALUES_H
#define S4D_CKPT_VALUES_H

#include "s4d/ckpt/file.h"

/* All elements as doubles, in memory of their own (s4d_mem_free); whole numbers beyond 2^53 are
 * rounded. */
s4d_status s4d_ckpt_doubles(s4d_ckpt *file, const s4d_ckpt_tensor *t, double **out, s4d_err *err);

#endif
