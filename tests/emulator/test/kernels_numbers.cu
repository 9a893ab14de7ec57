/* Kernels about numbers: bfloat16, arguments of every size, bits and conversions. */
#include "launch.cuh"

static __global__ void narrow(const float *x, uint16_t *y, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = __bfloat16_as_ushort(__float2bfloat16_rn(x[i]));
}

static __global__ void narrow_double(const double *x, uint16_t *y, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = __bfloat16_as_ushort(__double2bfloat16(x[i]));
}

static __global__ void widen(const uint16_t *x, float *y, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = __bfloat162float(__ushort_as_bfloat16(x[i]));
}

extern "C" cudaError_t launch_narrow(const float *x, uint16_t *y, int n)
{
    return launch(narrow, dim3((n + 255) / 256), dim3(256), 0, (cudaStream_t)0, x, y, n);
}

extern "C" cudaError_t launch_narrow_double(const double *x, uint16_t *y, int n)
{
    return launch(narrow_double, dim3((n + 255) / 256), dim3(256), 0, (cudaStream_t)0, x, y, n);
}

extern "C" cudaError_t launch_widen(const uint16_t *x, float *y, int n)
{
    return launch(widen, dim3((n + 255) / 256), dim3(256), 0, (cudaStream_t)0, x, y, n);
}

static __global__ void take_bundle(double *y, bundle u, signed char d, short e)
{
    *y = u.a + (double)u.b + u.c[0] + u.c[1] + d + e;
}

extern "C" cudaError_t launch_bundle(double *y, bundle u, signed char d, short e)
{
    return launch(take_bundle, dim3(1), dim3(1), 0, (cudaStream_t)0, y, u, d, e);
}

static __global__ void numbers(double *y)
{
    int i = 0;
    double s, c;
    y[i++] = __popc(0xf0f0u);
    y[i++] = __popcll(0xf0f0f0f000000000ull);
    y[i++] = __ffs(0x30);
    y[i++] = __ffs(0);
    y[i++] = __clz(1);
    y[i++] = __clz(0);
    y[i++] = __clzll(1);
    y[i++] = __brev(1u);
    y[i++] = __umulhi(0xD2511F53u, 0xCD9E8D57u);
    y[i++] = __mulhi(-3, 1 << 30);
    y[i++] = (double)(__umul64hi(1ull << 63, 6));
    y[i++] = (double)__float_as_uint(1.0f);
    y[i++] = __uint_as_float(0x40490fdbu);
    y[i++] = __float2int_rz(-2.7f);
    y[i++] = __float2int_rn(2.5f);
    y[i++] = __float2int_rd(-2.1f);
    y[i++] = __float2int_rz(1e30f);
    y[i++] = __float2int_rz(NAN);
    y[i++] = __float2uint_rz(-5.0f);
    y[i++] = __double2int_rn(3.5);
    y[i++] = (double)__double_as_longlong(2.0);
    y[i++] = min(3, 5) + max(-2, -7);
    y[i++] = max(2.5f, -1.0f) + (double)min(7ll, 4ll);
    y[i++] = min(5u, 9u) + (double)fminf(NAN, 3.0f);
    y[i++] = rsqrtf(16.0f);
    y[i++] = rsqrt(0.25);
    y[i++] = normcdf(0.0);
    sincospi(0.25, &s, &c);
    y[i++] = s - c;
    sincospi(1e9 + 1.5, &s, &c);
    y[i++] = s + 2 * c;
    y[i++] = cospif(1.0f) + sinpif(0.5f);
    y[i++] = __fmul_rn(3.0f, 0.1f);
    y[i++] = __dadd_rn(1.0, 1e-30);
    y[i++] = fmaf(2.0f, 3.0f, 4.0f);
    y[i++] = isfinite(INFINITY) + 2 * isfinite(1.0f) + 4 * (isnan(NAN) != 0);
    y[i++] = __ldg(&y[0]);
    y[i++] = __funnelshift_l(0x80000000u, 1u, 1);
    y[i++] = __saturatef(3.0f) + __saturatef(-1.0f);
    y[i++] = __int_as_float(__float_as_int(-4.0f));
    y[i++] = warpSize;
    y[i++] = (double)__ull2float_rn(1ull << 40);
}

extern "C" cudaError_t launch_numbers(double *y)
{
    return launch(numbers, dim3(1), dim3(1), 0, (cudaStream_t)0, y);
}
