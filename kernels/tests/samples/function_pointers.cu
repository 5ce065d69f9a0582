// Function pointers in device code: a table of operations, one chosen at run time, and one fetched to the host and handed back.
#include "check.h"

typedef float (*Operation)(float, float);

__device__ float add(float a, float b) { return a + b; }
__device__ float multiply(float a, float b) { return a * b; }
__device__ __noinline__ float difference(float a, float b) { return fabsf(a - b); }

__device__ Operation operations[3] = {add, multiply, difference};
__device__ Operation chosen = multiply;

struct Shape {
    __device__ virtual ~Shape() {}
    __device__ virtual float area() const = 0;
};

struct Square : Shape {
    float side;
    __device__ Square(float side) : side(side) {}
    __device__ float area() const override { return side * side; }
};

struct Circle : Shape {
    float radius;
    __device__ Circle(float radius) : radius(radius) {}
    __device__ float area() const override { return 3 * radius * radius; }
};

__global__ void apply(float *out, float a, float b, int operation) { out[0] = operations[operation](a, b); }

__global__ void apply_pointer(float *out, float a, float b, Operation operation) { out[0] = (*operation)(a, b); }

// Objects with virtual functions, made on the device's heap.
__global__ void areas(float *out) {
    Shape *shape;
    if (threadIdx.x % 2) shape = new Square(static_cast<float>(threadIdx.x));
    else shape = new Circle(static_cast<float>(threadIdx.x));
    out[threadIdx.x] = shape->area();
    delete shape;
}

int main() {
    float *device, result[8];
    CHECK(cudaMalloc(&device, sizeof(result)));
    const float expected[3] = {8, 15, 2};
    for (int operation = 0; operation < 3; operation++) {
        apply<<<1, 1>>>(device, 3, 5, operation);
        CHECK(cudaMemcpy(result, device, sizeof(float), cudaMemcpyDeviceToHost));
        EXPECT(result[0] == expected[operation], "operation %d gives %f", operation, result[0]);
    }
    Operation fetched;
    CHECK(cudaMemcpyFromSymbol(&fetched, chosen, sizeof(fetched)));
    void (*kernel)(float *, float, float, Operation) = apply_pointer;
    kernel<<<1, 1>>>(device, 6, 7, fetched);
    CHECK(cudaMemcpy(result, device, sizeof(float), cudaMemcpyDeviceToHost));
    EXPECT(result[0] == 42, "got %f", result[0]);
    areas<<<1, 8>>>(device);
    CHECK(cudaMemcpy(result, device, sizeof(result), cudaMemcpyDeviceToHost));
    for (int i = 0; i < 8; i++) EXPECT(result[i] == (i % 2 ? i * i : 3 * i * i), "area %d is %f", i, result[i]);
    CHECK(cudaFree(device));
    return 0;
}
