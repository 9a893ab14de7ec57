/* First weights: every parameter from a stream of its own, so that one more layer changes no other. */
#include <math.h>

#include "s4d/base/mem.h"
#include "s4d/base/rng.h"
#include "s4d/model/params.h"

static double draw(const s4d_param *p, double bound, s4d_rng *rng)
{
    switch (p->init) {
    case S4D_INIT_ZERO: return 0;
    case S4D_INIT_ONE: return 1;
    case S4D_INIT_XAVIER:
    case S4D_INIT_FAN_IN: return s4d_rng_range(rng, -bound, bound);
    case S4D_INIT_NORMAL: {
        double x;
        do x = 0.02 * s4d_rng_normal(rng);
        while (fabs(x) > p->init_cut);
        return x;
    }
    }
    return 0;
}

s4d_status s4d_params_init(s4d_params *p, s4d_backend *be, uint64_t seed, s4d_err *err)
{
    int64_t largest = 1;
    for (int i = 0; i < p->count; ++i)
        if (p->item[i].count > largest) largest = p->item[i].count;
    float *value = s4d_mem_alloc((size_t)largest, sizeof *value);
    if (!value) return s4d_err_memory(err, (unsigned long long)largest * sizeof *value, "first weights");
    for (int i = 0; i < p->count; ++i) {
        const s4d_param *item = &p->item[i];
        s4d_rng rng = s4d_rng_make(seed, S4D_RNG_INIT, (uint32_t)i, 0);
        double bound = item->init == S4D_INIT_XAVIER ? sqrt(6.0 / (double)(item->dim[0] + item->count / item->dim[0]))
                                                     : 1.0 / sqrt((double)(item->fan_in > 0 ? item->fan_in : 1));
        for (int64_t j = 0; j < item->count; ++j) value[j] = (float)draw(item, bound, &rng);
        s4d_backend_upload_floats(be, s4d_params_w(p, i), value);
    }
    s4d_params_refresh(p, be);
    s4d_mem_free(value);
    return s4d_backend_check(be, err);
}
