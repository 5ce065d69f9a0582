// Gravity between all pairs of bodies: float4 positions with the mass in w, a tile of them at a time in shared memory.
#include <cmath>
#include <vector>

#include "check.h"

constexpr float softening = 0.01f;

__host__ __device__ float3 interaction(float3 force, float4 mine, float4 other) {
    float3 r = make_float3(other.x - mine.x, other.y - mine.y, other.z - mine.z);
    float distance = r.x * r.x + r.y * r.y + r.z * r.z + softening;
#ifdef __CUDA_ARCH__
    float inverse = rsqrtf(distance);
#else
    float inverse = 1.0f / std::sqrt(distance);
#endif
    float s = other.w * inverse * inverse * inverse;
    force.x += r.x * s;
    force.y += r.y * s;
    force.z += r.z * s;
    return force;
}

__global__ void step(float4 *__restrict__ next, float4 *velocity, const float4 *__restrict__ position, int n, float dt) {
    extern __shared__ float4 tile[];
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    float4 mine = position[i];
    float3 force = {0.0f, 0.0f, 0.0f};
    for (int first = 0; first < n; first += blockDim.x) {
        tile[threadIdx.x] = position[first + threadIdx.x];
        __syncthreads();
#pragma unroll 4
        for (int j = 0; j < static_cast<int>(blockDim.x); j++) force = interaction(force, mine, tile[j]);
        __syncthreads();
    }
    float4 v = velocity[i];
    v.x = fmaf(force.x, dt, v.x);
    v.y = fmaf(force.y, dt, v.y);
    v.z = fmaf(force.z, dt, v.z);
    velocity[i] = v;
    next[i] = make_float4(mine.x + v.x * dt, mine.y + v.y * dt, mine.z + v.z * dt, mine.w);
}

int main() {
    const int n = 192, threads = 64, steps = 3;
    const float dt = 0.01f;
    std::vector<float4> position(n), velocity(n), result(n);
    for (int i = 0; i < n; i++) {
        float angle = 0.7f * i;
        position[i] = make_float4(std::cos(angle) * i / n, std::sin(angle) * i / n, 0.01f * (i % 10), 1.0f / n);
        velocity[i] = make_float4(-std::sin(angle), std::cos(angle), 0, 0);
    }
    const size_t bytes = n * sizeof(float4);
    float4 *p[2], *v;
    CHECK(cudaMalloc(&p[0], bytes));
    CHECK(cudaMalloc(&p[1], bytes));
    CHECK(cudaMalloc(&v, bytes));
    CHECK(cudaMemcpy(p[0], position.data(), bytes, cudaMemcpyHostToDevice));
    CHECK(cudaMemcpy(v, velocity.data(), bytes, cudaMemcpyHostToDevice));
    for (int s = 0; s < steps; s++) {
        step<<<n / threads, threads, threads * sizeof(float4)>>>(p[(s + 1) % 2], v, p[s % 2], n, dt);
        CHECK(cudaGetLastError());
    }
    CHECK(cudaMemcpy(result.data(), p[steps % 2], bytes, cudaMemcpyDeviceToHost));

    for (int s = 0; s < steps; s++) {
        std::vector<float4> old = position;
        for (int i = 0; i < n; i++) {
            float3 force = make_float3(0, 0, 0);
            for (int j = 0; j < n; j++) force = interaction(force, old[i], old[j]);
            velocity[i].x += force.x * dt;
            velocity[i].y += force.y * dt;
            velocity[i].z += force.z * dt;
            position[i].x += velocity[i].x * dt;
            position[i].y += velocity[i].y * dt;
            position[i].z += velocity[i].z * dt;
        }
    }
    for (int i = 0; i < n; i++) {
        float difference = std::fabs(result[i].x - position[i].x) + std::fabs(result[i].y - position[i].y) + std::fabs(result[i].z - position[i].z);
        EXPECT(difference <= 1e-5f, "body %d is off by %g", i, difference);
        EXPECT(result[i].w == 1.0f / n, "body %d has mass %g", i, result[i].w);
    }
    for (float4 *q : {p[0], p[1], v}) CHECK(cudaFree(q));
    return 0;
}
