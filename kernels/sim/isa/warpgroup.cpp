#include "warpgroup.h"

#include <algorithm>

#include "../exec/block.h"

namespace wwsim {

void check_whole_warpgroup(const char *instruction) {
    const unsigned threads = warps_of_group * warp_size;
    const unsigned first = lane().rank / threads * threads;
    if (first + threads > block().threads)
        fault(Fault::illegal_instruction, "%s: needs a warpgroup, threads %u to %u, and the block has %u threads", instruction, first,
              first + threads - 1, block().threads);
}

void leave_warpgroup(Lane &lane) {
    Warpgroup &group = this_block().warpgroup(lane);
    Member &member = group.members[member_of(lane)];
    member.ended = true;
    if (member.resizes < group.resizes.size())
        fault(Fault::illegal_instruction, "the thread ends without setmaxnreg.%s %u, which other warps of its warpgroup executed",
              group.resizes[member.resizes].increase ? "inc" : "dec", group.resizes[member.resizes].registers);
    if (member.retired < member.issued)
        fault(Fault::illegal_instruction, "the thread ends with %s in flight: expected a wgmma.wait_group before", group[member.retired].name);
}

// The product will read these chunks of these lines.
static void tell(const check::Operation &operation, const Product &product, const isa::SharedMatrix &matrix, unsigned first_line,
                 unsigned lines, unsigned first_chunk, unsigned chunks) {
    std::vector<const char *> addresses;
    for (unsigned line = first_line; line < first_line + lines; line++) {
        for (unsigned chunk = first_chunk; chunk < first_chunk + chunks; chunk++) addresses.push_back(matrix.chunk(line, chunk));
    }
    std::sort(addresses.begin(), addresses.end());
    for (size_t i = 0, next; i < addresses.size(); i = next) {
        for (next = i + 1; next < addresses.size() && addresses[next] <= addresses[next - 1] + 16; next++) continue;
        const size_t bytes = static_cast<size_t>(addresses[next - 1] - addresses[i]) + 16;
        check::touches(operation, {addresses[i], bytes, Effect::read, Order::plain, false, product.name});
    }
}

void tell_operands(Warpgroup &group, Product &product, unsigned m) {
    const bool is_first = product.issued == 0;
    if (product.a_in_registers && !is_first) return;
    const check::Operation operation = product.operations[m] = check::begin(product.name, &group.members[m], true);
    if (!product.a_in_registers) {
        const isa::SharedMatrix a = isa::matrix_a(product);
        if (a.mn_major) tell(operation, product, a, 0, a.lines, m * a.chunks / warps_of_group, a.chunks / warps_of_group);
        else tell(operation, product, a, m * rows_of_warp, rows_of_warp, 0, a.chunks);
    }
    if (is_first) {
        const isa::SharedMatrix b = isa::matrix_b(product);
        tell(operation, product, b, 0, b.lines, 0, b.chunks);
    }
}

void tell_registers(Lane &lane) {
    Warpgroup &group = this_block().warpgroup(lane);
    const unsigned m = member_of(lane);
    const Member &member = group.members[m];
    lane.in_flight.clear();
    for (uint64_t number = member.retired; number < member.issued; number++) {
        const Product &product = group[number];
        const Sums &sums = *product.sums[m];
        lane.in_flight.push_back({sums.registers[lane.lane], sums.shape.registers() * sizeof(uint32_t), true,
                                  "accumulators of a wgmma in flight: expected a wgmma.wait_group before"});
        if (product.a_in_registers)
            lane.in_flight.push_back({product.a_from[m][lane.lane], 4 * sizeof(uint32_t), false,
                                      "registers of A of a wgmma in flight: expected a wgmma.wait_group before"});
    }
}

} // namespace wwsim
