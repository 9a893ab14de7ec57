/* One writer a folder. */
#ifndef S4D_BASE_LOCK_H
#define S4D_BASE_LOCK_H

#include "s4d/base/err.h"

/* In the folder while somebody has it; says who. */
#define S4D_LOCK_NAME ".s4d-lock"

typedef struct s4d_lock s4d_lock;
/* Takes a folder that is there for this process; S4D_FAILED where another has it, naming that one. The lock ends with the
 * process, however that ends, and a file that was left is taken over. Where a file system has no locks, the file alone tells:
 * one of a process of this machine that is gone is taken over, one of another machine is not. */
s4d_status s4d_lock_take(const char *folder, s4d_lock **out, s4d_err *err);
/* Makes a folder, with parents, that will be renamed once it is full, and takes it; S4D_FAILED where it is there already, saying
 * whether somebody fills it or it was left. */
s4d_status s4d_lock_make_folder(const char *folder, s4d_lock **out, s4d_err *err);
void s4d_lock_release(s4d_lock **lock); /* NULL accepted */

#endif
