/* What reading one file may cost in proportion to its bytes, so that none that is damaged, or made to be slow, holds up a run.
 * Counts decide; time is only looked at for what no count foresees. data/README.md, "What reading may cost", tells users.
 * Private to the data layer. */
#ifndef S4D_DATA_EFFORT_H
#define S4D_DATA_EFFORT_H

#include <stdbool.h>
#include <stdint.h>

#include "s4d/base/err.h"

/* IDLE is what the caller does between two reads, which does not count. */
typedef enum s4d_effort_kind { S4D_EFFORT_IDLE, S4D_EFFORT_READING, S4D_EFFORT_DECODING, S4D_EFFORT_KINDS } s4d_effort_kind;

/* Of an open file; zeroed by s4d_effort_begin. */
typedef struct s4d_effort {
    uint64_t size;        /* bytes of the file */
    double pixels;        /* decoded so far */
    double packets, packet_bytes;
    s4d_effort_kind kind;          /* of what goes on */
    double turned, passed;          /* ms by the clock: at the last turn; in all but idling */
    double since;                   /* ms of processor time at the last turn, once a second has passed */
    double spent[S4D_EFFORT_KINDS]; /* of it */
} s4d_effort;

void s4d_effort_begin(s4d_effort *e, uint64_t size);

/* What goes on from here on. False: more time was spent than the file may take. */
bool s4d_effort_turn(s4d_effort *e, s4d_effort_kind kind);
s4d_status s4d_effort_too_slow(const s4d_effort *e, s4d_err *err);

/* So many passes over a picture of that size; or a packet of so many bytes. S4D_FAILED, in a sentence without the path, once
 * they are out of all proportion to the file. */
s4d_status s4d_effort_add_pictures(s4d_effort *e, double passes, int height, int width, s4d_err *err);
s4d_status s4d_effort_add_packet(s4d_effort *e, uint64_t bytes, s4d_err *err);

/* The same for a still image of which all is known at once: passes over it, as a progressive JPEG has one for each scan. */
s4d_status s4d_effort_check_scans(uint64_t size, uint64_t scans, int height, int width, s4d_err *err);

#endif
