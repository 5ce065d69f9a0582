// C = A B by square tiles in static shared memory; the tile's size is a template parameter.
#include <vector>

#include "check.h"

template <int TILE>
__global__ void __launch_bounds__(TILE *TILE) multiply(float *c, const float *a, const float *b, int inner, int columns) {
    __shared__ float a_tile[TILE][TILE];
    __shared__ float b_tile[TILE][TILE];
    int row = blockIdx.y * TILE + threadIdx.y;
    int column = blockIdx.x * TILE + threadIdx.x;
    float sum = 0;
    for (int k = 0; k < inner; k += TILE) {
        a_tile[threadIdx.y][threadIdx.x] = a[row * inner + k + threadIdx.x];
        b_tile[threadIdx.y][threadIdx.x] = b[(k + threadIdx.y) * columns + column];
        __syncthreads();
#pragma unroll
        for (int i = 0; i < TILE; i++) sum += a_tile[threadIdx.y][i] * b_tile[i][threadIdx.x];
        __syncthreads();
    }
    c[row * columns + column] = sum;
}

template <int TILE>
void test(int rows, int inner, int columns) {
    std::vector<float> a(rows * inner), b(inner * columns), c(rows * columns);
    for (size_t i = 0; i < a.size(); i++) a[i] = static_cast<float>(i % 7) - 3;
    for (size_t i = 0; i < b.size(); i++) b[i] = static_cast<float>(i % 5) - 2;
    float *da, *db, *dc;
    CHECK(cudaMalloc(&da, a.size() * sizeof(float)));
    CHECK(cudaMalloc(&db, b.size() * sizeof(float)));
    CHECK(cudaMalloc(&dc, c.size() * sizeof(float)));
    CHECK(cudaMemcpy(da, a.data(), a.size() * sizeof(float), cudaMemcpyHostToDevice));
    CHECK(cudaMemcpy(db, b.data(), b.size() * sizeof(float), cudaMemcpyHostToDevice));

    dim3 threads(TILE, TILE);
    dim3 grid(columns / threads.x, rows / threads.y);
    multiply<TILE><<<grid, threads>>>(dc, da, db, inner, columns);
    CHECK(cudaGetLastError());
    CHECK(cudaDeviceSynchronize());
    CHECK(cudaMemcpy(c.data(), dc, c.size() * sizeof(float), cudaMemcpyDeviceToHost));
    for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
            float sum = 0;
            for (int i = 0; i < inner; i++) sum += a[row * inner + i] * b[i * columns + column];
            EXPECT(c[row * columns + column] == sum, "(%d, %d): %f, not %f", row, column, c[row * columns + column], sum);
        }
    }
    for (float *p : {da, db, dc}) CHECK(cudaFree(p));
}

int main() {
    test<16>(48, 64, 32);
    test<32>(64, 32, 96);
    return 0;
}
