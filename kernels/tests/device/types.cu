// Vector types' sizes and alignments, the types that min, max and abs choose, and which code compiles: all as under nvcc.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <cassert>
#include <memory>
#include <type_traits>

#include "check.h"

#define LAYOUT(type, size, alignment) static_assert(sizeof(type) == size && alignof(type) == alignment, #type)
#define LAYOUTS(name, a1, s2, a2, s3, s4, a4)                                                                                      \
    LAYOUT(name##1, a1, a1);                                                                                                       \
    LAYOUT(name##2, s2, a2);                                                                                                       \
    LAYOUT(name##3, s3, a1);                                                                                                       \
    LAYOUT(name##4, s4, a4)
LAYOUTS(char, 1, 2, 2, 3, 4, 4);
LAYOUTS(uchar, 1, 2, 2, 3, 4, 4);
LAYOUTS(short, 2, 4, 4, 6, 8, 8);
LAYOUTS(ushort, 2, 4, 4, 6, 8, 8);
LAYOUTS(int, 4, 8, 8, 12, 16, 16);
LAYOUTS(uint, 4, 8, 8, 12, 16, 16);
LAYOUTS(float, 4, 8, 8, 12, 16, 16);
LAYOUT(long1, 8, 8);
LAYOUT(long2, 16, 16);
LAYOUT(long3, 24, 8);
LAYOUT(ulong2, 16, 16);
LAYOUT(longlong1, 8, 8);
LAYOUT(longlong2, 16, 16);
LAYOUT(longlong3, 24, 8);
LAYOUT(ulonglong2, 16, 16);
LAYOUT(double1, 8, 8);
LAYOUT(double2, 16, 16);
LAYOUT(double3, 24, 8);
LAYOUT(dim3, 12, 4);
LAYOUT(__half, 2, 2);
LAYOUT(__half2, 4, 4);
LAYOUT(__nv_bfloat16, 2, 2);
LAYOUT(__nv_bfloat162, 4, 4);
static_assert(std::is_trivially_copyable<__half>::value && std::is_trivially_copyable<__nv_bfloat16>::value, "copied as bytes");

#define CHOOSES(type, call) static_assert(std::is_same<decltype(call), type>::value, #call)

struct __align__(32) Aligned { float x[3]; };
static_assert(sizeof(Aligned) == 32, "__align__");

template <class T> __host__ __device__ __forceinline__ T twice(T x) { return x + x; }
__device__ __noinline__ int not_inlined(int x) { return x + 1; }
__constant__ float factors[4] = {1, 2, 3, 4};

__global__ void __launch_bounds__(64, 2) kernel(const float *__restrict__ in, float *__restrict__ out, const __grid_constant__ int n) {
    int i = 3;
    unsigned u = 4;
    long l = 5;
    size_t s = 6;
    long long ll = 7;
    unsigned long long ull = 8;
    float f = 1.5f;
    double d = 2.5;
    CHOOSES(int, min(i, 2));
    CHOOSES(unsigned, min(i, u));
    CHOOSES(unsigned, max(u, i));
    CHOOSES(long, min(l, l));
    CHOOSES(unsigned long, max(s, s));
    CHOOSES(unsigned long, max(l, s));
    CHOOSES(long long, min(ll, ll));
    CHOOSES(unsigned long long, max(ll, ull));
    CHOOSES(float, min(f, 1.0f));
    CHOOSES(double, max(f, d));
    CHOOSES(double, max(d, 1.0f));
    CHOOSES(int, abs(i));
    CHOOSES(float, abs(f));
    CHOOSES(double, abs(d));
    CHOOSES(long, abs(l));
    CHOOSES(float, sqrt(f));
    CHOOSES(float, rsqrt(f));
    CHOOSES(double, rsqrt(d));
    CHOOSES(float, exp10(f));
    CHOOSES(double, sinpi(d));
    CHOOSES(float, fmaxf(f, 2));
    CHOOSES(float, __ldg(in));
    __shared__ float4 tile[2];
    tile[0] = make_float4(f, 2, 3, 4);
    const int2 pair = {i, (int)u};
    const uchar4 bytes = make_uchar4(1, 2, 3, 4);
    const dim3 shape(2, 3);
    int sum = 0;
    for (int k = 0; k < n; k++) sum = not_inlined(sum);
    assert(sum == n);
    out[0] = tile[0].y + pair.y + bytes.w + shape.y + shape.z + sum;
    out[1] = max(1.0f, twice(in[0])) + factors[3];
    out[2] = min(0.0f / 0.0f * n, 5.0f) + max(nanf(""), 6.0f);
    out[3] = isnan(out[2]) || isinf(out[2]) || !isfinite(1.0f);
    out[4] = warpSize;
    out[5] = clock64() <= clock64() && clock() >= 0;
    __stcg(&out[6], 9.0f);
    out[7] = __ldcg(&out[6]) + __ldcv(&out[6]) + __ldcs(&out[6]);
}

int main() {
    float *in = managed<float>(1), *out = managed<float>(8);
    in[0] = 2;
    kernel<<<1, 1>>>(in, out, 10);
    finish();
    const float expected[] = {2 + 4 + 4 + 3 + 1 + 10, 8, 11, 0, 32, 1, 9, 27};
    for (int i = 0; i < 8; i++) expect("kernel", expected[i], out[i], i);
    return verdict();
}
