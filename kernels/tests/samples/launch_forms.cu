// Every way to write a launch and to declare dynamic shared memory that programs use.
#include <vector>

#include "check.h"
#include "launch_forms.h"

#define LAUNCH(kernel, ...) kernel<<<dim3(2), 1 << 1>>>(__VA_ARGS__)
#define LAUNCH_SIZE(N)                    \
    case N:                               \
        store##N<<<1, 1>>>(result, N * 2, \
                           nullptr);      \
        break

namespace outer {
namespace inner {
template <class T, int N>
__global__ void store(T *out, T value, const int *) {
    *out = value + N;
}
} // namespace inner
} // namespace outer

__global__ void store1(int *out, int value, const int *) { *out = value; }
__global__ void store2(int *out, int value, const int *) { *out = value + 100; }
__global__ void with_default(int *out, int value = 11) { *out = value; }

// Chosen by the arguments.
__global__ void overloaded(int *out, int) { *out = 1; }
__global__ void overloaded(int *out, float) { *out = 2; }

template <class T>
__global__ void deduced(int *out, T, int offset = 1) {
    *out = static_cast<int>(sizeof(T)) + offset;
}

struct Pair {
    int a, b;
};
__global__ void store_pair(int *out, Pair pair) { *out = pair.a * 10 + pair.b; }

template <class T>
struct Holder {
    void (*kernel)(int *, int, const int *);
    void launch(int *out) { kernel<<<1, 1>>>(out, sizeof(T), 0); }
};

// Two names for one memory, with different types, in a namespace; sizeof and decay are an array's.
namespace shared {
extern __shared__ int words[];
extern __shared__ unsigned char octets[];
} // namespace shared

template <class T>
__global__ void dynamic(int *out) {
    extern __shared__ __align__(sizeof(double)) float2 rows[][2];
    T *typed = reinterpret_cast<T *>(rows);
    typed[0] = T(3);
    out[0] = static_cast<int>(sizeof(rows[0]));
    out[1] = static_cast<int>(reinterpret_cast<T *>(shared::words)[0]);
    shared::words[1] = 0x01020304;
    out[2] = shared::octets[4];
    out[3] = &rows[0][1].x == reinterpret_cast<float *>(shared::words + 2);
}

int main() {
    int *result;
    CHECK(cudaMallocManaged(&result, 4 * sizeof(int)));
    auto expect = [&](int value, int line) {
        CHECK(cudaGetLastError());
        CHECK(cudaDeviceSynchronize());
        EXPECT(*result == value, "line %d gives %d, not %d", line, *result, value);
        *result = -1;
    };
    using outer::inner::store;
    outer::inner::store<int, 1 << 4><<<dim3(1, 1), (1 > 0) ? 1 : 2>>>(result, 3, nullptr);
    expect(19, __LINE__);
    ::outer::inner::store<int, (3 > 2)> <<< 1, 1, sizeof(std::vector<std::vector<int>>) >>> (result, 3, NULL);
    expect(4, __LINE__);
    store<int, sizeof(Wrap<Wrap<char>>)><<<Wrap<Wrap<int>>(1), 1>>>(result, 3, 0);
    expect(3 + sizeof(int), __LINE__);
    store<
        int,
        7>
        <<<1,
           1>>>(
            result, 3,
            nullptr);
    expect(10, __LINE__);
    LAUNCH(with_default, result, 5);
    expect(5, __LINE__);
    LAUNCH(with_default, result);
    expect(11, __LINE__);
    for (int n : {1, 2}) {
        switch (n) {
            LAUNCH_SIZE(1);
            LAUNCH_SIZE(2);
        }
        expect(n == 1 ? 2 : 104, __LINE__);
    }
    overloaded<<<1, 1>>>(result, 1);
    expect(1, __LINE__);
    overloaded<<<1, 1>>>(result, 1.0f);
    expect(2, __LINE__);
    deduced<<<1, 1>>>(result, 1.0);
    expect(9, __LINE__);
    deduced<short><<<1, 1>>>(result, 1.0, 2);
    expect(4, __LINE__);
    store_pair<<<1, 1>>>(result, {4, 2});
    expect(42, __LINE__);

    void (*pointer)(int *, int, const int *) = store1, (*table[])(int *, int, const int *) = {store1, store2};
    auto *indirect = &pointer;
    if (result) (*indirect)<<<1, 1>>>(result, 21, 0);
    else pointer<<<1, 1>>>(result, 22, 0);
    expect(21, __LINE__);
    table[1]<<<1, 1>>>(result, 1, 0);
    expect(101, __LINE__);
    Holder<double> holder = {store2}, *at = &holder;
    holder.kernel<<<1, 1>>>(result, 2, 0);
    expect(102, __LINE__);
    at->kernel<<<1, 1>>>(result, 3, 0);
    expect(103, __LINE__);
    at->launch(result);
    expect(108, __LINE__);
    launch_from_header(result);
    expect(77, __LINE__);

    int parameter = 61;
    const int *none = nullptr;
    void *arguments[] = {&result, &parameter, &none};
    CHECK(cudaLaunchKernel((void *)store1, dim3(1), dim3(1), arguments, 0, nullptr));
    expect(61, __LINE__);
    CHECK(cudaLaunchKernel(reinterpret_cast<const void *>(&store<int, 5>), 1, 1, arguments));
    expect(66, __LINE__);

    // The arguments are copied when the launch is made, not when the kernel runs.
    int value = 30;
    store1<<<1, 1>>>(result, value++, 0);
    value = 50;
    expect(30, __LINE__);

    dynamic<double><<<1, 1, 32>>>(result);
    CHECK(cudaDeviceSynchronize());
    EXPECT(result[0] == 16 && result[2] == 4 && result[3] == 1, "got %d, %d, %d", result[0], result[2], result[3]);
    dynamic<int><<<1, 1, 32>>>(result);
    CHECK(cudaDeviceSynchronize());
    EXPECT(result[1] == 3, "got %d", result[1]);

    const char *text = R"(store<<<1, 1>>>(extern __shared__ int a[];)"; // and a comment: store<<<1, 1>>>()
    EXPECT(text[5] == '<' && text[6] == "<<<"[1], "got '%s'", text);
    CHECK(cudaFree(result));
    return 0;
}
