// cuRAND's Philox generator: numbers that the cuRAND of CUDA 13 gave for the same calls.
// library: curand_kernel.h
#include <curand_kernel.h>

#include <cmath>

#include "check.h"

struct Case {
    unsigned long long seed, subsequence, offset;
    unsigned numbers[8]; // three of curand(), four of curand4(), one of curand()
    unsigned skipped;    // after skipahead(6)
    float uniform, uniform4_w, normal[3];
    double doubles[3];
};

__managed__ Case cases[] = {
    {0ull, 0ull, 0ull, {0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8, 0xF8E4CCA4, 0x5CB200DB, 0xB1A574EB, 0x097EFF67},
     0x9AC9134F, 0.426776767f, 0.91697675f, {0.219123393f, 1.24400616f, -0.768665552f}, {0.68536164773251951, 0.72007578448392451, 0.94072048888493809}},
    {42ull, 0ull, 0ull, {0x9CEAF053, 0x77F5493B, 0x12BF50AD, 0x5742B3D7, 0xFCDB2127, 0x53BA6CFD, 0x838F5A6E, 0x744E06FB},
     0x961E5543, 0.379126072f, 0.23571983f, {1.46395671f, -0.410078496f, -1.72438216f}, {1.006958443889034, 0.09033821034245193, 0.90593652664062452}},
    {1234567890123456789ull, 5ull, 7ull, {0xB97B5251, 0x5B013B9A, 0x71FCB88E, 0x08A68C23, 0xAAB0C71D, 0x639A632B, 0x3BB29EB1, 0x9B6CB174},
     0xE1223264, 0.0202507414f, 0.177872837f, {-0.995575786f, -1.29543769f, 0.82600081f}, {2.1898801608643454, 0.2819867399521172, 0.16869685454347788}},
    {7ull, 1099511627775ull, 1099511627779ull, {0xB898B29E, 0x141B1DAA, 0x0809CDAB, 0xCFB0BAE0, 0xAC26162B, 0x66FC00AF, 0x99A07AA1, 0x5B7A3EEB},
     0x59B8534A, 0.408885479f, 0.841856003f, {1.90174067f, -2.8062253f, 1.18248856f}, {0.3255933668462091, 0.21140127186663449, 0.67943318469764225}},
    {9ull, 9223372036854775808ull, 18446744073709551613ull, {0x29F89CCD, 0xC1997897, 0x6A9B9441, 0x4299B304, 0xEAC0FB6A, 0x64172859, 0xD821ADF3, 0x934A12CA},
     0x0AA51128, 0.638521075f, 0.996036708f, {-1.27119529f, 0.353093684f, 0.597863674f}, {-1.8389519134504544, 0.25534988520666957, 0.13701474648157902}},
};
constexpr int count = sizeof cases / sizeof cases[0];

__global__ void generate(Case *results) {
    const Case &c = cases[threadIdx.x];
    Case &r = results[threadIdx.x];
    curandStatePhilox4_32_10_t state;
    curand_init(c.seed, c.subsequence, c.offset, &state);
    for (int i = 0; i < 3; i++) r.numbers[i] = curand(&state);
    const uint4 four = curand4(&state);
    r.numbers[3] = four.x, r.numbers[4] = four.y, r.numbers[5] = four.z, r.numbers[6] = four.w;
    r.numbers[7] = curand(&state);
    skipahead(6, &state);
    r.skipped = curand(&state);
    r.uniform = curand_uniform(&state);
    r.uniform4_w = curand_uniform4(&state).w;
    r.normal[0] = curand_normal(&state), r.normal[1] = curand_normal(&state);
    r.normal[2] = curand_normal4(&state).z;
    r.doubles[0] = curand_normal_double(&state);
    r.doubles[1] = curand_uniform_double(&state);
    r.doubles[2] = curand_uniform2_double(&state).y;
}

int main() {
    Case *results = managed<Case>(count);
    generate<<<1, count>>>(results);
    finish();
    for (int i = 0; i < count; i++) {
        const Case &c = cases[i], &r = results[i];
        for (int k = 0; k < 8; k++) expect("number", c.numbers[k], r.numbers[k], i, k);
        expect("number after skipahead", c.skipped, r.skipped, i);
        expect("uniform", c.uniform, r.uniform, i);
        expect("uniform4", c.uniform4_w, r.uniform4_w, i);
        // The GPU's sine and cosine are approximations.
        for (int k = 0; k < 3; k++) expect("normal", true, std::fabs(c.normal[k] - r.normal[k]) <= 1e-5f, i, k);
        for (int k = 0; k < 3; k++) expect("double", true, std::fabs(c.doubles[k] - r.doubles[k]) <= 1e-14, i, k);
    }
    return verdict();
}
