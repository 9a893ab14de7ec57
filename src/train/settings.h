/* Whether the settings of this run agree with those another one was made with. Private to src/train. */
#ifndef S4D_TRAIN_SETTINGS_H
#define S4D_TRAIN_SETTINGS_H

#include <stdbool.h>

#include "s4d/base/err.h"

/* `before` and `now` are resolved configs as JSON text. */

/* What the shapes of weights do not show: block counts, heads, experts a token goes to; for an evaluation also the sizes
 * of its input. S4D_USAGE where one differs; path: the model's file, for the sentence. */
s4d_status s4d_settings_same_model(const char *before, const char *now, bool evaluation, const char *path, s4d_err *err);
/* S4D_USAGE where a resumed run would not be the same run any more: stage, seed, model, class names, batches. Other
 * changes are told in the log. folder: the run's, for the sentence. */
s4d_status s4d_settings_may_resume(const char *before, const char *now, const char *folder, s4d_err *err);

#endif
