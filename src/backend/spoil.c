/* Spoils a result on demand, so that the tests can be tested. Compiled into the test library only.
 */
#include "backend/backend_private.h"

#ifdef S4D_TEST_HOOKS

#include <string.h>

void s4d_backend_spoil(s4d_backend *be, int op, size_t tensor)
{
    be->spoil = op;
    be->spoil_tensor = tensor;
}

/* A plausible wrong value: off by a thousandth, a sixteenth in BF16, or by one for integers. */
static void damage(s4d_dtype dtype, void *element)
{
    if (dtype == S4D_I32) {
        int32_t i;
        memcpy(&i, element, sizeof i);
        i++;
        memcpy(element, &i, sizeof i);
    } else if (dtype == S4D_F32) {
        float x;
        memcpy(&x, element, sizeof x);
        x = x == 0.0f ? 1e-3f : x * 1.001f;
        memcpy(element, &x, sizeof x);
    } else if (dtype == S4D_BF16) {
        uint16_t half;
        memcpy(&half, element, sizeof half);
        uint32_t bits = (uint32_t)half << 16;
        float x;
        memcpy(&x, &bits, sizeof x);
        x = x == 0.0f ? 1e-3f : x * 1.0625f;
        memcpy(&bits, &x, sizeof bits);
        half = (uint16_t)(bits >> 16);
        memcpy(element, &half, sizeof half);
    } else if (dtype == S4D_F64) {
        double x;
        memcpy(&x, element, sizeof x);
        x = x == 0.0 ? 1e-3 : x * 1.001;
        memcpy(element, &x, sizeof x);
    } else {
        *(unsigned char *)element ^= 1;
    }
}

void s4d_backend_spoil_result(s4d_backend *be, const void *args)
{
    s4d_tensor t;
    memcpy(&t, (const char *)args + be->spoil_tensor, sizeof t);
    int64_t count = s4d_tensor_count(&t);
    if (count == 0) {
        return;
    }
    size_t size = s4d_dtype_size(t.dtype);
    char *place = (char *)t.data + (size_t)(count - 1) * size;
    unsigned char element[8];
    s4d_backend_download(be, element, place, size);
    damage(t.dtype, element);
    s4d_backend_upload(be, place, element, size);
}

#endif
