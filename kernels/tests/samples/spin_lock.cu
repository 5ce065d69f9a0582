// A mutex of atomicCAS and atomicExch that guards what no atomic could do at once; threads of one warp compete for it, too.
#include "check.h"

class Mutex {
  public:
    __device__ void lock() {
        while (atomicCAS(&held, 0, 1) != 0) __nanosleep(20);
        __threadfence();
    }
    __device__ void unlock() {
        __threadfence();
        atomicExch(&held, 0);
    }

  private:
    int held;
};

struct Account {
    Mutex mutex;
    int balance, transfers;
    long long history; // depends on the order of transfers only through their sum
};

__global__ void transfer(Account *account, int amount) {
    account->mutex.lock();
    volatile Account *a = account;
    int balance = a->balance;
    a->history = a->history + amount * (threadIdx.x + 1);
    a->balance = balance + amount;
    a->transfers = a->transfers + 1;
    account->mutex.unlock();
}

// A floating-point maximum out of atomicCAS on its bits.
__device__ float atomic_max_float(float *address, float value) {
    int *bits = reinterpret_cast<int *>(address);
    int old = *bits, assumed;
    do {
        assumed = old;
        if (__int_as_float(assumed) >= value) break;
        old = atomicCAS(bits, assumed, __float_as_int(value));
    } while (assumed != old);
    return __int_as_float(old);
}

// The same for double addition, with a 64-bit word.
__device__ double add_double(double *address, double value) {
    auto *bits = reinterpret_cast<unsigned long long *>(address);
    unsigned long long old = *bits, assumed;
    do {
        assumed = old;
        old = atomicCAS(bits, assumed, __double_as_longlong(value + __longlong_as_double(assumed)));
    } while (assumed != old);
    return __longlong_as_double(old);
}

__global__ void extremes(float *largest, double *sum) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    atomic_max_float(largest, static_cast<float>(i * 37 % 101));
    add_double(sum, 0.25 * i);
}

int main() {
    Account *device, host = {};
    CHECK(cudaMalloc(&device, sizeof(Account)));
    CHECK(cudaMemset(device, 0, sizeof(Account)));
    transfer<<<6, 48>>>(device, 3);
    CHECK(cudaGetLastError());
    CHECK(cudaMemcpy(&host, device, sizeof(Account), cudaMemcpyDeviceToHost));
    EXPECT(host.transfers == 288 && host.balance == 864, "%d transfers, balance %d", host.transfers, host.balance);
    EXPECT(host.history == 6LL * 3 * 48 * 49 / 2, "history is %lld", host.history);

    float *largest, top = 0;
    double *sum, total = 0;
    CHECK(cudaMalloc(&largest, sizeof(float)));
    CHECK(cudaMalloc(&sum, sizeof(double)));
    CHECK(cudaMemset(largest, 0, sizeof(float)));
    CHECK(cudaMemset(sum, 0, sizeof(double)));
    extremes<<<4, 64>>>(largest, sum);
    CHECK(cudaMemcpy(&top, largest, sizeof(top), cudaMemcpyDeviceToHost));
    CHECK(cudaMemcpy(&total, sum, sizeof(total), cudaMemcpyDeviceToHost));
    EXPECT(top == 100, "the largest is %f", top);
    EXPECT(total == 0.25 * 255 * 256 / 2, "the sum is %f", total);
    CHECK(cudaFree(device));
    CHECK(cudaFree(largest));
    CHECK(cudaFree(sum));
    return 0;
}
