// wgmma: products that are under way while the warpgroup goes on, and read shared memory by the asynchronous proxy.
//
// All elements are 1, so that each sum is 16 and no layout matters.
// arch: 90
#include "../../common/ptx/proxy.cuh"
#include "../../common/ptx/wgmma.cuh"

#include "cases.cuh"

constexpr int n = 8, k = 16, threads = 128;
using bf16 = __nv_bfloat16;

struct Operands {
    alignas(128) bf16 elements[64 * k + n * k];
    __device__ bf16 *a() { return elements; }
    __device__ bf16 *b() { return elements + 64 * k; }
};

// Core matrices of 128 bytes, those along K side by side.
__device__ inline uint64_t describe(const bf16 *matrix) { return shared_descriptor(matrix, 128, 256, Swizzle::none); }

__device__ inline void fill(Operands &operands) {
    for (bf16 *at = operands.elements + threadIdx.x; at < operands.b() + n * k; at += threads)
        *at = __float2bfloat16(1.0f); // caught: products_without_proxy_fence, products_without_barrier
}

__device__ inline void fill_for_products(Operands &operands) {
    fill(operands);
    fence_proxy_async_shared();
    __syncthreads();
}

__device__ inline void store(float *out, const float (&d)[n / 2]) {
    for (int i = 0; i < n / 2; i++) out[threadIdx.x * (n / 2) + i] = d[i]; // caught: sums_read_before_wait, sums_read_with_a_group_in_flight
}

#define WGMMA_CASE(kernel)                                                                                                       \
    CASE(kernel) {                                                                                                               \
        Buffer<float> out(64 * n);                                                                                               \
        LAUNCH(kernel, ({1, threads, sizeof(Operands)}), out.device());                                                          \
        if (!mistake) expect_all("out", 16.0f, out.host());                                                                      \
    }

// case: sums_read_before_wait: used in flight
template <bool mistake> __global__ void sums_read_before_wait(float *out) {
    Operands &operands = *dynamic_shared<Operands>();
    fill_for_products(operands);
    float d[n / 2];
    wgmma_fence();
    wgmma<bf16, n>(d, describe(operands.a()), describe(operands.b()), false);
    wgmma_commit();
    if (!mistake) wgmma_wait<0>();
    store(out, d);
    wgmma_wait<0>();
}
WGMMA_CASE(sums_read_before_wait)

// case: sums_read_with_a_group_in_flight: used in flight
template <bool mistake> __global__ void sums_read_with_a_group_in_flight(float *out) {
    Operands &operands = *dynamic_shared<Operands>();
    fill_for_products(operands);
    float d[n / 2];
    wgmma_fence();
    wgmma<bf16, n>(d, describe(operands.a()), describe(operands.b()), false);
    wgmma_commit();
    wgmma_wait<mistake ? 1 : 0>();
    store(out, d);
    wgmma_wait<0>();
}
WGMMA_CASE(sums_read_with_a_group_in_flight)

// case: sums_of_no_group: was not committed
// The wait is for groups, and the product was not committed to one.
template <bool mistake> __global__ void sums_of_no_group(float *out) {
    Operands &operands = *dynamic_shared<Operands>();
    fill_for_products(operands);
    float d[n / 2];
    wgmma_fence();
    wgmma<bf16, n>(d, describe(operands.a()), describe(operands.b()), false);
    if (!mistake) wgmma_commit();
    wgmma_wait<0>(); // caught: sums_of_no_group
    store(out, d);
    if (mistake) wgmma_commit();
    wgmma_wait<0>();
}
WGMMA_CASE(sums_of_no_group)

// case: operand_overwritten_in_flight: used in flight
// The next tile is stored into the stage that the product still reads.
template <bool mistake> __global__ void operand_overwritten_in_flight(float *out) {
    Operands &operands = *dynamic_shared<Operands>();
    fill_for_products(operands);
    float d[n / 2];
    wgmma_fence();
    wgmma<bf16, n>(d, describe(operands.a()), describe(operands.b()), false); // caught: operand_overwritten_in_flight
    wgmma_commit();
    if (!mistake) {
        wgmma_wait<0>();
        __syncthreads();
    }
    operands.b()[threadIdx.x] = __float2bfloat16(2.0f); // caught: operand_overwritten_in_flight
    wgmma_wait<0>();
    for (int i = 0; i < n / 2; i++) out[threadIdx.x * (n / 2) + i] = d[i];
}
WGMMA_CASE(operand_overwritten_in_flight)

// case: products_without_proxy_fence: race ... no fence.proxy.async
template <bool mistake> __global__ void products_without_proxy_fence(float *out) {
    Operands &operands = *dynamic_shared<Operands>();
    fill(operands);
    if (!mistake) fence_proxy_async_shared();
    __syncthreads();
    float d[n / 2];
    wgmma_fence();
    wgmma<bf16, n>(d, describe(operands.a()), describe(operands.b()), false); // caught: products_without_proxy_fence
    wgmma_commit();
    wgmma_wait<0>();
    store(out, d);
}
WGMMA_CASE(products_without_proxy_fence)

// case: products_without_barrier: race
template <bool mistake> __global__ void products_without_barrier(float *out) {
    Operands &operands = *dynamic_shared<Operands>();
    fill(operands); // the tile before
    __syncthreads();
    fill(operands);
    fence_proxy_async_shared();
    if (!mistake) __syncthreads();
    float d[n / 2];
    wgmma_fence();
    wgmma<bf16, n>(d, describe(operands.a()), describe(operands.b()), false); // caught: products_without_barrier
    wgmma_commit();
    wgmma_wait<0>();
    store(out, d);
}
WGMMA_CASE(products_without_barrier)

// case: sums_set_without_fence: wgmma.fence
// The accumulators are set to zero by ordinary instructions, which wgmma.fence orders before the product that adds to them.
template <bool mistake> __global__ void sums_set_without_fence(float *out) {
    Operands &operands = *dynamic_shared<Operands>();
    fill_for_products(operands);
    float d[n / 2];
    for (int i = 0; i < n / 2; i++) d[i] = 0;
    if (!mistake) wgmma_fence();
    wgmma<bf16, n>(d, describe(operands.a()), describe(operands.b()), true); // caught: sums_set_without_fence
    wgmma_commit();
    wgmma_wait<0>();
    store(out, d);
}
WGMMA_CASE(sums_set_without_fence)

// case: sums_scaled_between_products: wgmma.fence
// Between two products the sums are touched, as attention's rescaling does: that needs another fence.
template <bool mistake> __global__ void sums_scaled_between_products(float *out) {
    Operands &operands = *dynamic_shared<Operands>();
    fill_for_products(operands);
    float d[n / 2];
    wgmma_fence();
    wgmma<bf16, n>(d, describe(operands.a()), describe(operands.b()), false);
    wgmma_commit();
    wgmma_wait<0>();
    for (int i = 0; i < n / 2; i++) d[i] *= 0.0f;
    if (!mistake) wgmma_fence();
    wgmma<bf16, n>(d, describe(operands.a()), describe(operands.b()), true); // caught: sums_scaled_between_products
    wgmma_commit();
    wgmma_wait<0>();
    store(out, d);
}
WGMMA_CASE(sums_scaled_between_products)

// case: registers_of_a_changed_in_flight: used in flight
template <bool mistake> __global__ void registers_of_a_changed_in_flight(float *out) {
    Operands &operands = *dynamic_shared<Operands>();
    fill_for_products(operands);
    float d[n / 2];
    uint32_t a[4];
    for (uint32_t &two : a) two = 0x3f803f80;
    wgmma_fence();
    wgmma<bf16, n>(d, a, describe(operands.b()), false);
    wgmma_commit();
    if (!mistake) wgmma_wait<0>();
    for (uint32_t &two : a) two = threadIdx.x; // caught: registers_of_a_changed_in_flight
    wgmma_wait<0>();
    wgmma_fence();
    for (int i = 0; i < n / 2; i++) out[threadIdx.x * (n / 2) + i] = d[i] + static_cast<float>(a[0]) - static_cast<float>(threadIdx.x);
}
WGMMA_CASE(registers_of_a_changed_in_flight)

// case: a_warp_is_missing: deadlock ... wgmma
// All four warps of the warpgroup take part.
template <bool mistake> __global__ void a_warp_is_missing(float *out) {
    Operands &operands = *dynamic_shared<Operands>();
    fill_for_products(operands);
    float d[n / 2] = {};
    if (!mistake || threadIdx.x < 96) {
        wgmma_fence();
        wgmma<bf16, n>(d, describe(operands.a()), describe(operands.b()), true);
        wgmma_commit();
        wgmma_wait<0>();
    }
    __syncthreads();
    store(out, d);
}
WGMMA_CASE(a_warp_is_missing)

// case: descriptor_past_the_end: illegal address ... of A is out of bounds
// The stride between core matrices is given twice as long, and the last ones lie behind the block's shared memory.
template <bool mistake> __global__ void descriptor_past_the_end(float *out) {
    Operands &operands = *dynamic_shared<Operands>();
    fill_for_products(operands);
    float d[n / 2];
    wgmma_fence();
    const uint64_t a = shared_descriptor(operands.a(), 128, mistake ? 512 : 256, Swizzle::none);
    wgmma<bf16, n>(d, a, describe(operands.b()), false); // caught: descriptor_past_the_end
    wgmma_commit();
    wgmma_wait<0>();
    store(out, d);
}
WGMMA_CASE(descriptor_past_the_end)
