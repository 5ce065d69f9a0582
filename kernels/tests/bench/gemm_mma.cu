// How fast tensor-core code runs: C = A B^T in bf16 with f32 sums, by mma.m16n8k16, ldmatrix and a double buffer of cp.async.
// Prints GFLOP/s, and checks every element of the result.
//
//     gemm_mma [M N K [repeats]]        multiples of 128, 128 and 32
//
// A: [M, K], B: [N, K], C: [M, N], rows without gaps. A block of 8 warps makes a tile of C of 128 x 128, each warp 64 x 32 of it, in
// steps of 32 along K. A step's rows lie in shared memory as four chunks of 16 bytes; chunk c of row r is stored at c ^ (r / 2 % 4),
// so that the eight rows that ldmatrix reads at once lie in different banks.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "../../common/config.cuh"
#include "../../common/ptx/async_copy.cuh"
#include "../../common/ptx/matrix.cuh"
#include "../../common/ptx/mma.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int tile_m = 128, tile_n = 128, tile_k = 32;
constexpr int threads = 256;
constexpr int warp_m = 64, warp_n = 32; // two warps along M, four along N
constexpr int chunk = 8;                // elements in 16 bytes
constexpr int stage_elements = (tile_m + tile_n) * tile_k;
constexpr size_t shared_bytes = 2 * stage_elements * sizeof(__nv_bfloat16);

// Where the chunk of a row of a stage's tile begins.
__device__ __forceinline__ int swizzled(int row, int chunk_in_row) {
    return row * tile_k + (chunk_in_row ^ (row / 2 % 4)) * chunk;
}

// Starts copying 128 rows x tile_k.
__device__ void start_copy(__nv_bfloat16 *tile, const __nv_bfloat16 *from, int64_t stride) {
    for (int i = static_cast<int>(threadIdx.x); i < 128 * tile_k / chunk; i += threads) {
        const int row = i / (tile_k / chunk), chunk_in_row = i % (tile_k / chunk);
        async_copy_cg(tile + swizzled(row, chunk_in_row), from + row * stride + chunk_in_row * chunk);
    }
}

__global__ void __launch_bounds__(threads) gemm(const __nv_bfloat16 *a, const __nv_bfloat16 *b, float *c, int n, int k) {
    __nv_bfloat16 *const shared = dynamic_shared<__nv_bfloat16>();
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    const int m0 = static_cast<int>(blockIdx.y) * tile_m, n0 = static_cast<int>(blockIdx.x) * tile_n;
    const int warp_m0 = warp / 4 * warp_m, warp_n0 = warp % 4 * warp_n;

    auto load_stage = [&](int step) {
        if (step < k / tile_k) {
            __nv_bfloat16 *const stage = shared + step % 2 * stage_elements;
            start_copy(stage, a + static_cast<int64_t>(m0) * k + step * tile_k, k);
            start_copy(stage + tile_m * tile_k, b + static_cast<int64_t>(n0) * k + step * tile_k, k);
        }
        async_commit();
    };

    FragmentC<float> sums[warp_m / 16][warp_n / 8] = {};
    load_stage(0);
    for (int step = 0; step < k / tile_k; step++) {
        load_stage(step + 1);
        async_wait<1>();
        __syncthreads();
        const __nv_bfloat16 *const tile_a = shared + step % 2 * stage_elements;
        const __nv_bfloat16 *const tile_b = tile_a + tile_m * tile_k;
#pragma unroll
        for (int k0 = 0; k0 < tile_k / chunk; k0 += 2) {
            // Lanes 0-15 give rows 0-15 of the left half of 16 x 16, lanes 16-31 those of the right half.
            FragmentA<__nv_bfloat16> fragments_a[warp_m / 16];
#pragma unroll
            for (int i = 0; i < warp_m / 16; i++)
                ldmatrix(fragments_a[i].r, tile_a + swizzled(warp_m0 + 16 * i + lane % 16, k0 + lane / 16));
            // Two fragments of B at once: lanes 0-7 and 8-15 the two halves of k of the first, lanes 16-31 those of the second.
            FragmentB<__nv_bfloat16> fragments_b[warp_n / 8];
#pragma unroll
            for (int j = 0; j < warp_n / 8; j += 2) {
                uint32_t r[4];
                ldmatrix(r, tile_b + swizzled(warp_n0 + 8 * (j + lane / 16) + lane % 8, k0 + lane / 8 % 2));
                fragments_b[j] = {{r[0], r[1]}};
                fragments_b[j + 1] = {{r[2], r[3]}};
            }
#pragma unroll
            for (int i = 0; i < warp_m / 16; i++)
#pragma unroll
                for (int j = 0; j < warp_n / 8; j++) mma(sums[i][j], fragments_a[i], fragments_b[j], sums[i][j]);
        }
        __syncthreads();
    }

#pragma unroll
    for (int i = 0; i < warp_m / 16; i++)
#pragma unroll
        for (int j = 0; j < warp_n / 8; j++)
#pragma unroll
            for (int e = 0; e < 4; e += 2) {
                const int64_t row = m0 + warp_m0 + 16 * i + FragmentC<float>::row(lane, e);
                const int column = n0 + warp_n0 + 8 * j + FragmentC<float>::column(lane, e);
                *reinterpret_cast<float2 *>(&c[row * n + column]) = make_float2(sums[i][j].r[e], sums[i][j].r[e + 1]);
            }
}

void check(cudaError_t error, const char *what) {
    if (error == cudaSuccess) return;
    std::printf("%s: %s\n", what, cudaGetErrorString(error));
    std::exit(1);
}

int run(int m, int n, int k, int repeats) {
    // Small integers: bf16 holds them, and f32 their sums.
    std::vector<__nv_bfloat16> a(static_cast<size_t>(m) * k), b(static_cast<size_t>(n) * k);
    std::vector<float> c(static_cast<size_t>(m) * n);
    std::vector<int> number_a(a.size()), number_b(b.size());
    uint32_t state = 1;
    auto fill = [&](std::vector<__nv_bfloat16> &values, std::vector<int> &numbers) {
        for (size_t i = 0; i < values.size(); i++) {
            state = state * 1664525u + 1013904223u;
            numbers[i] = static_cast<int>(state >> 24) % 9 - 4;
            values[i] = __float2bfloat16(static_cast<float>(numbers[i]));
        }
    };
    fill(a, number_a);
    fill(b, number_b);

    void *device_a, *device_b, *device_c;
    check(cudaMalloc(&device_a, a.size() * sizeof(a[0])), "cudaMalloc");
    check(cudaMalloc(&device_b, b.size() * sizeof(b[0])), "cudaMalloc");
    check(cudaMalloc(&device_c, c.size() * sizeof(c[0])), "cudaMalloc");
    check(cudaMemcpy(device_a, a.data(), a.size() * sizeof(a[0]), cudaMemcpyHostToDevice), "cudaMemcpy");
    check(cudaMemcpy(device_b, b.data(), b.size() * sizeof(b[0]), cudaMemcpyHostToDevice), "cudaMemcpy");

    const dim3 grid(static_cast<unsigned>(n / tile_n), static_cast<unsigned>(m / tile_m));
    const cudaLaunchConfig_t config = {grid, threads, shared_bytes, nullptr, nullptr, 0};
    auto launch = [&] {
        check(cudaLaunchKernelEx(&config, gemm, static_cast<const __nv_bfloat16 *>(device_a),
                                 static_cast<const __nv_bfloat16 *>(device_b), static_cast<float *>(device_c), n, k),
              "launch");
    };
    launch();
    check(cudaDeviceSynchronize(), "gemm");
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < repeats; i++) launch();
    check(cudaDeviceSynchronize(), "gemm");
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

    check(cudaMemcpy(c.data(), device_c, c.size() * sizeof(c[0]), cudaMemcpyDeviceToHost), "cudaMemcpy");
    for (void *memory : {device_a, device_b, device_c}) check(cudaFree(memory), "cudaFree");
    for (int row = 0; row < m; row++) {
        for (int column = 0; column < n; column++) {
            const int *const row_a = &number_a[static_cast<size_t>(row) * k], *const row_b = &number_b[static_cast<size_t>(column) * k];
            int expected = 0;
            for (int i = 0; i < k; i++) expected += row_a[i] * row_b[i];
            const float got = c[static_cast<size_t>(row) * n + column];
            if (got != static_cast<float>(expected)) {
                std::printf("C[%d, %d]: expected %d, got %g\n", row, column, expected, got);
                return 1;
            }
        }
    }
    std::printf("gemm_mma %d x %d x %d: %.2f GFLOP/s\n", m, n, k, 2.0 * m * n * k * repeats / seconds * 1e-9);
    return 0;
}

} // namespace
} // namespace WW_NAMESPACE

int main(int argc, char **argv) {
    const auto argument = [&](int i, int otherwise) { return i < argc ? std::atoi(argv[i]) : otherwise; };
    const int m = argument(1, 512), n = argument(2, 512), k = argument(3, 512), repeats = argument(4, 4);
    if (m <= 0 || n <= 0 || k <= 0 || repeats <= 0 || m % 128 != 0 || n % 128 != 0 || k % 32 != 0) {
        std::printf("usage: %s [M N K [repeats]], multiples of 128, 128 and 32\n", argv[0]);
        return 2;
    }
    return WW_NAMESPACE::run(m, n, k, repeats);
}
