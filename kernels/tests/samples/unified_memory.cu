// Memory that host and device share: managed allocations, a managed variable, mapped host memory, a linked list walked by both.
#include "check.h"

struct Node {
    int value;
    Node *next;
};

__managed__ int sum;

__global__ void walk(const Node *node) {
    for (; node; node = node->next) sum += node->value;
}

__global__ void square(int *values, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) values[i] *= values[i];
}

int main() {
    Node *head = nullptr;
    for (int i = 1; i <= 20; i++) {
        Node *node;
        CHECK(cudaMallocManaged(&node, sizeof(Node)));
        *node = {i, head};
        head = node;
    }
    sum = 1000;
    walk<<<1, 1>>>(head);
    CHECK(cudaDeviceSynchronize());
    EXPECT(sum == 1210, "the sum is %d", sum);
    while (head) {
        Node *next = head->next;
        CHECK(cudaFree(head));
        head = next;
    }

    int *host, *mapped;
    const int n = 100;
    CHECK(cudaHostAlloc((void **)&host, n * sizeof(int), cudaHostAllocMapped));
    CHECK(cudaHostGetDevicePointer((void **)&mapped, host, 0));
    for (int i = 0; i < n; i++) host[i] = i;
    square<<<2, 64>>>(mapped, n);
    CHECK(cudaDeviceSynchronize());
    for (int i = 0; i < n; i++) EXPECT(host[i] == i * i, "element %d is %d", i, host[i]);

    cudaPointerAttributes attributes;
    CHECK(cudaPointerGetAttributes(&attributes, host));
    EXPECT(attributes.type == cudaMemoryTypeHost, "type %d", static_cast<int>(attributes.type));
    CHECK(cudaFreeHost(host));
    return 0;
}
