/* What the rows of a csv keep while they are read. Private to data. */
#ifndef S4D_DATA_ROWS_H
#define S4D_DATA_ROWS_H

#include "s4d/data/list.h"
#include "s4d/data/table.h"

struct s4d_rows {
    char path[S4D_PATH_MAX]; /* of the file */
    s4d_list list;
    s4d_heads heads;
    s4d_record record;
    long rows, swapped; /* that were good, and of these the first ones with a path under label and none under path */
    s4d_row first;      /* of the latter */
    long faults;
    char text[400]; /* the first of them, in words */
};

#endif
