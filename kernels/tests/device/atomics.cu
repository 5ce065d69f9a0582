// arch: 90
// Atomics of every type and scope, under contention from many blocks.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "check.h"

constexpr int blocks = 12, threads = 64, total = blocks * threads;

struct Cells {
    int add_int, sub_int, min_int, max_int, and_int, or_int, xor_int, exch_int, cas_int;
    unsigned add_unsigned, sub_unsigned, min_unsigned, max_unsigned, and_unsigned, or_unsigned, xor_unsigned, exch_unsigned, cas_unsigned;
    unsigned inc, dec;
    unsigned long long add_ull, min_ull, max_ull, and_ull, or_ull, xor_ull, exch_ull, cas_ull;
    long long min_ll, max_ll, and_ll, or_ll, xor_ll;
    float add_float, exch_float;
    double add_double;
    float2 add_float2;
    alignas(16) float4 add_float4;
    __half2 add_half2;
    __nv_bfloat162 add_bf162;
    __half add_half;
    __nv_bfloat16 add_bf16;
    unsigned short cas_short;
};

// Each thread's contributions are small integers, so that sums of floats are exact in any order.
#define CONTEND(scope)                                                                                                             \
    __global__ void contend##scope(Cells *c, int *seen) {                                                                          \
        const int i = blockIdx.x * blockDim.x + threadIdx.x;                                                                       \
        atomicAdd##scope(&seen[atomicAdd##scope(&c->add_int, 1)], 1);                                                              \
        atomicSub##scope(&c->sub_int, i);                                                                                          \
        atomicMin##scope(&c->min_int, i - 100);                                                                                    \
        atomicMax##scope(&c->max_int, i - 100);                                                                                    \
        atomicAnd##scope(&c->and_int, ~(1 << i % 32));                                                                             \
        atomicOr##scope(&c->or_int, 1 << i % 31);                                                                                  \
        atomicXor##scope(&c->xor_int, i);                                                                                          \
        atomicExch##scope(&c->exch_int, i);                                                                                        \
        atomicAdd##scope(&c->add_unsigned, 0x80000001u);                                                                           \
        atomicSub##scope(&c->sub_unsigned, (unsigned)i);                                                                           \
        atomicMin##scope(&c->min_unsigned, 0x80000000u + i);                                                                       \
        atomicMax##scope(&c->max_unsigned, 0x80000000u + i);                                                                       \
        atomicAnd##scope(&c->and_unsigned, ~(1u << i % 16));                                                                       \
        atomicOr##scope(&c->or_unsigned, 1u << i % 32);                                                                            \
        atomicXor##scope(&c->xor_unsigned, (unsigned)i << 16);                                                                     \
        atomicExch##scope(&c->exch_unsigned, (unsigned)i);                                                                         \
        atomicInc##scope(&c->inc, 9);                                                                                              \
        atomicDec##scope(&c->dec, 9);                                                                                              \
        atomicAdd##scope(&c->add_ull, 0x100000000ull + i);                                                                         \
        atomicMin##scope(&c->min_ull, (1ull << 63) + i);                                                                           \
        atomicMax##scope(&c->max_ull, (1ull << 63) + i);                                                                           \
        atomicAnd##scope(&c->and_ull, ~(1ull << i % 64));                                                                          \
        atomicOr##scope(&c->or_ull, 1ull << i % 64);                                                                               \
        atomicXor##scope(&c->xor_ull, (unsigned long long)i << 32);                                                                \
        atomicExch##scope(&c->exch_ull, (unsigned long long)i << 32);                                                              \
        atomicMin##scope(&c->min_ll, (long long)i - 100);                                                                          \
        atomicMax##scope(&c->max_ll, (long long)i - 100);                                                                          \
        atomicAnd##scope(&c->and_ll, ~(1ll << i % 64));                                                                            \
        atomicOr##scope(&c->or_ll, 1ll << i % 64);                                                                                 \
        atomicXor##scope(&c->xor_ll, (long long)i << 32);                                                                          \
        atomicAdd##scope(&c->add_float, (float)i);                                                                                 \
        atomicExch##scope(&c->exch_float, (float)i);                                                                               \
        atomicAdd##scope(&c->add_double, i + 0.5);                                                                                 \
        for (int old = c->cas_int, read = old - 1; read != old;) {                                                                 \
            read = old;                                                                                                            \
            old = atomicCAS##scope(&c->cas_int, read, read + 1);                                                                   \
        }                                                                                                                          \
        for (unsigned old = 0, read = 1; read != old;) {                                                                           \
            read = old;                                                                                                            \
            old = atomicCAS##scope(&c->cas_unsigned, read, read + 2);                                                              \
        }                                                                                                                          \
        for (unsigned long long old = 0, read = 1; read != old;) {                                                                 \
            read = old;                                                                                                            \
            old = atomicCAS##scope(&c->cas_ull, read, read + (1ull << 33));                                                        \
        }                                                                                                                          \
    }
CONTEND()
CONTEND(_block)
CONTEND(_system)

// Those without scopes. A 16-bit float holds the counts up to 256 (bf16) exactly.
__global__ void contend_vectors(Cells *c) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    atomicAdd(&c->add_float2, make_float2(1, i));
    atomicAdd(&c->add_float4, make_float4(1, 2, i, -i));
    atomicAdd(&c->add_half, __float2half(2));
    atomicAdd(&c->add_half2, __floats2half2_rn(1, -2));
    for (unsigned short old = 0, read = 1; read != old;) {
        read = old;
        old = atomicCAS(&c->cas_short, read, (unsigned short)(read + 3));
    }
    if (i < 200) atomicAdd(&c->add_bf16, __float2bfloat16(1));
    if (i < 100) atomicAdd(&c->add_bf162, __floats2bfloat162_rn(1, -2));
}

void check_scope(void (*kernel)(Cells *, int *), const char *scope, int grid) {
    Cells *c = managed<Cells>(1);
    int *seen = managed<int>(total);
    const int count = grid * threads, sum = count * (count - 1) / 2;
    c->min_int = 1 << 30, c->max_int = -1 << 30, c->and_int = -1;
    c->min_unsigned = ~0u, c->and_unsigned = ~0u;
    c->min_ull = ~0ull, c->and_ull = ~0ull;
    c->min_ll = 1ll << 60, c->max_ll = -(1ll << 60), c->and_ll = -1;
    kernel<<<grid, threads>>>(c, seen);
    finish();
    unsigned xor_all = 0;
    for (int i = 0; i < count; i++) {
        xor_all ^= (unsigned)i;
        expect("atomicAdd returned each count once", 1, seen[i], i);
    }
    expect(scope, count, c->add_int, 1);
    expect(scope, -sum, c->sub_int, 2);
    expect(scope, -100, c->min_int, 3);
    expect(scope, count - 101, c->max_int, 4);
    expect(scope, 0, c->and_int, 5);
    expect(scope, 0x7FFFFFFF, c->or_int, 6);
    expect(scope, (int)xor_all, c->xor_int, 7);
    expect(scope, true, c->exch_int >= 0 && c->exch_int < count, 8);
    expect(scope, count, c->cas_int, 9);
    expect(scope, 0x80000001u * count, c->add_unsigned, 10);
    expect(scope, 0u - sum, c->sub_unsigned, 11);
    expect(scope, 0x80000000u, c->min_unsigned, 12);
    expect(scope, 0x80000000u + count - 1, c->max_unsigned, 13);
    expect(scope, 0xFFFF0000u, c->and_unsigned, 14);
    expect(scope, ~0u, c->or_unsigned, 15);
    expect(scope, xor_all << 16, c->xor_unsigned, 16);
    expect(scope, 2u * count, c->cas_unsigned, 17);
    expect(scope, (unsigned)count % 10, c->inc, 18);
    expect(scope, (10u - count % 10) % 10, c->dec, 19);
    expect(scope, 0x100000000ull * count + sum, c->add_ull, 20);
    expect(scope, 1ull << 63, c->min_ull, 21);
    expect(scope, (1ull << 63) + count - 1, c->max_ull, 22);
    expect(scope, 0ull, c->and_ull, 23);
    expect(scope, ~0ull, c->or_ull, 24);
    expect(scope, (unsigned long long)xor_all << 32, c->xor_ull, 25);
    expect(scope, (unsigned long long)count << 33, c->cas_ull, 26);
    expect(scope, -100ll, c->min_ll, 27);
    expect(scope, count - 101ll, c->max_ll, 28);
    expect(scope, 0ll, c->and_ll, 29);
    expect(scope, -1ll, c->or_ll, 30);
    expect(scope, (long long)xor_all << 32, c->xor_ll, 31);
    expect(scope, (float)sum, c->add_float, 32);
    expect(scope, sum + count * 0.5, c->add_double, 33);
}

// A lock by atomicCAS guards a plain counter.
__device__ int lock, guarded;
__global__ void locked() {
    while (atomicCAS(&lock, 0, 1) != 0) {
    }
    __threadfence();
    *(volatile int *)&guarded = *(volatile int *)&guarded + 1;
    __threadfence();
    atomicExch(&lock, 0);
}
__global__ void read_guarded(int *result) { *result = guarded; }

// Global memory's float adder flushes subnormal numbers, shared memory's keeps them: PTX ISA, atom.add.f32.
__global__ void subnormal(float *global, float *results) {
    __shared__ float shared;
    shared = 1e-40f;
    *global = 1e-40f;
    atomicAdd(global, 1e-40f);
    atomicAdd(&shared, 1e-40f);
    results[0] = *global;
    results[1] = shared;
}

int main() {
    check_scope(contend, "device", blocks);
    check_scope(contend_block, "block", 1);
    check_scope(contend_system, "system", blocks);

    Cells *c = managed<Cells>(1);
    contend_vectors<<<blocks, threads>>>(c);
    finish();
    const float sum = total * (total - 1) / 2;
    expect("float2.x", (float)total, c->add_float2.x);
    expect("float2.y", sum, c->add_float2.y);
    expect("float4.x", (float)total, c->add_float4.x);
    expect("float4.y", 2.0f * total, c->add_float4.y);
    expect("float4.z", sum, c->add_float4.z);
    expect("float4.w", -sum, c->add_float4.w);
    expect("half", 2.0f * total, __half2float(c->add_half));
    expect("half2.x", 1.0f * total, __low2float(c->add_half2));
    expect("half2.y", -2.0f * total, __high2float(c->add_half2));
    expect("bf16", 200.0f, __bfloat162float(c->add_bf16));
    expect("bf162.x", 100.0f, __low2float(c->add_bf162));
    expect("bf162.y", -200.0f, __high2float(c->add_bf162));

    expect("16-bit atomicCAS", (unsigned short)(3 * total), c->cas_short);

    int *result = managed<int>(1);
    locked<<<8, 4>>>();
    read_guarded<<<1, 1>>>(result);
    finish();
    expect("counter under a lock", 32, *result);

    float *global = managed<float>(1), *results = managed<float>(2);
    subnormal<<<1, 1>>>(global, results);
    finish();
    expect("subnormal sum in global memory", 0.0f, results[0]);
    expect("subnormal sum in shared memory", 1e-40f + 1e-40f, results[1]);
    return verdict();
}
