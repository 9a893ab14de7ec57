/* Drawing of one planned sample into its file or files. Private to src/synth. */
#ifndef S4D_SYNTH_RENDER_H
#define S4D_SYNTH_RENDER_H

#include "synth/plan.h"

/* What one thread draws with. */
typedef struct s4d_studio {
    s4d_canvas canvas;
    s4d_image picture;
} s4d_studio;

s4d_status s4d_studio_init(s4d_studio *s, int size, s4d_err *err);
void s4d_studio_release(s4d_studio *s);

/* Draws the item below `folder`, whose sub-folders exist. */
s4d_status s4d_render_item(s4d_studio *s, const s4d_plan *plan, const s4d_item *item,
                           const char *folder, s4d_err *err);

#endif
