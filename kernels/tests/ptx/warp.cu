// redux.sync over the whole warp, and over parts of it that reduce on their own.
#include "../../common/ptx/warp.cuh"

#include "check.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int lanes = 32, results = 9;

// Lane l is in the group whose mask is masks[l].
__global__ void reduce(const uint32_t *values, const uint32_t *masks, uint32_t *out) {
    const int lane = static_cast<int>(threadIdx.x);
    const uint32_t value = values[lane], mask = masks[lane];
    const int32_t signed_value = static_cast<int32_t>(value);
    uint32_t *const result = &out[lane * results];
    result[0] = static_cast<uint32_t>(warp_add(mask, signed_value));
    result[1] = warp_add(mask, value);
    result[2] = static_cast<uint32_t>(warp_min(mask, signed_value));
    result[3] = warp_min(mask, value);
    result[4] = static_cast<uint32_t>(warp_max(mask, signed_value));
    result[5] = warp_max(mask, value);
    result[6] = warp_and(mask, value);
    result[7] = warp_or(mask, value);
    result[8] = warp_xor(mask, value);
}

// A branch for each group: masks that differ may not meet in one instruction.
__global__ void reduce_in_groups(const uint32_t *values, const uint32_t *masks, uint32_t *out) {
    const int lane = static_cast<int>(threadIdx.x);
    const uint32_t mask = masks[lane];
    if (mask == masks[0])
        out[lane] = warp_add(mask, values[lane]);
    else
        out[lane] = warp_add(mask, values[lane]);
}

void test(const char *what, const std::vector<uint32_t> &values) {
    uint32_t sum = 0, low = ~0u, high = 0, all = ~0u, any = 0, odd = 0;
    int32_t signed_low = INT32_MAX, signed_high = INT32_MIN;
    for (uint32_t value : values) {
        const int32_t signed_value = static_cast<int32_t>(value);
        sum += value;
        if (value < low) low = value;
        if (value > high) high = value;
        if (signed_value < signed_low) signed_low = signed_value;
        if (signed_value > signed_high) signed_high = signed_value;
        all &= value;
        any |= value;
        odd ^= value;
    }
    const uint32_t expected[results] = {sum, sum, static_cast<uint32_t>(signed_low), low, static_cast<uint32_t>(signed_high),
                                        high, all, any, odd};
    Buffer<uint32_t> in(values), masks(std::vector<uint32_t>(lanes, ~0u)), out(lanes * results);
    launch(what, {1, lanes}, reduce, in.device(), masks.device(), out.device());
    const std::vector<uint32_t> got = out.host();
    for (size_t i = 0; i < got.size(); i++) expect_equal(what, i, expected[i % results], got[i]);
}

void test_groups(const std::vector<uint32_t> &values, uint32_t mask) {
    std::vector<uint32_t> masks(lanes), expected(lanes, 0);
    for (int lane = 0; lane < lanes; lane++) masks[lane] = mask >> lane & 1 ? mask : ~mask;
    for (int lane = 0; lane < lanes; lane++)
        for (int other = 0; other < lanes; other++)
            if (masks[lane] >> other & 1) expected[lane] += values[other];
    Buffer<uint32_t> in(values), given(masks), out(lanes);
    launch("redux in groups", {1, lanes}, reduce_in_groups, in.device(), given.device(), out.device());
    expect_bytes("redux in groups", expected, out.host());
}

} // namespace
} // namespace WW_NAMESPACE

int main() {
    using namespace WW_NAMESPACE;
    Random random(6);
    for (int round = 0; round < 4; round++) {
        std::vector<uint32_t> values(lanes);
        for (uint32_t &value : values) value = static_cast<uint32_t>(random.bits());
        test("redux", values);
        for (uint32_t &value : values) value |= 0x80000001u; // something for and to keep
        test("redux of negative numbers", values);
        test_groups(values, static_cast<uint32_t>(random.bits()));
        test_groups(values, 1u << round);
    }
    return finish("warp");
}
