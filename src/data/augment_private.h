/* Between the files of RandAugment: the two families of operators. */
#ifndef S4D_DATA_AUGMENT_PRIVATE_H
#define S4D_DATA_AUGMENT_PRIVATE_H

#include "s4d/data/augment.h"

/* augment_tables.c: operators that leave pixels where they are. Sharpness uses `spare`, which has
 * the picture's size. */
void s4d_augment_recolour(const s4d_augment_step *step, s4d_image *image, s4d_image *spare);

/* augment_affine.c: operators that move pixels; `out` is another picture of the size of `in`. */
void s4d_augment_move(const s4d_augment_step *step, const uint8_t fill[3], const s4d_image *in,
                      s4d_image *out);

#endif
