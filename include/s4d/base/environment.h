/* Variables of the environment that libraries below s4d read behind its back, where they reach results. */
#ifndef S4D_BASE_ENVIRONMENT_H
#define S4D_BASE_ENVIRONMENT_H

/* Takes those out of the environment that would loosen arithmetic or make files unreadable. Once, before any library is used
 * and any thread made. */
void s4d_environment_settle(void);
/* The variables that may change the last bits of a result, and those that were taken out, as in
 * "ONEDNN_MAX_CPU_ISA=AVX2, JPEGMEM=1 (ignored)"; "" where there are none. */
const char *s4d_environment_text(void);

#endif
