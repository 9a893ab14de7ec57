/* The two stages as commands: open everything, train, close. */
#include "s4d/train/run.h"

#include "train/session.h"

s4d_status s4d_pretrain(const s4d_run_opts *o, s4d_err *err)
{
    s4d_session s;
    s4d_status status = s4d_session_open(&s, o, err);
    if (status != S4D_OK) return status;
    status = s4d_session_run(&s, err);
    s4d_session_close(&s);
    return status;
}

s4d_status s4d_finetune(const s4d_run_opts *o, s4d_err *err)
{
    s4d_session s;
    s4d_status status = s4d_session_open(&s, o, err);
    if (status != S4D_OK) return status;
    status = s4d_session_run(&s, err);
    s4d_session_close(&s);
    return status;
}
