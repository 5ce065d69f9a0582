#include "wgmma.h"

#include <algorithm>
#include <string>

#include "../count/count.h"
#include "../exec/grid.h"
#include "check.h"
#include "warpgroup.h"

namespace wwsim {

using isa::Wgmma;

namespace {

Timing timing() { return this_block().grid->schedule.timing; }

// Every instruction of a type and size has a name of its own, for reports and counters.
const char *name_of(const Wgmma &instruction) {
    static const std::vector<std::string> names = [] {
        static const char *const types[] = {"k16.f32.bf16.bf16", "k16.f32.f16.f16", "k8.f32.tf32.tf32", "k16.f16.f16.f16"};
        std::vector<std::string> list;
        for (const char *type : types)
            for (int n = 8; n <= 256; n += 8) list.push_back("wgmma.m64n" + std::to_string(n) + type);
        return list;
    }();
    const int type = instruction.f16_sums ? 3 : instruction.type;
    return names[static_cast<size_t>(type * 32 + instruction.n / 8 - 1)].c_str();
}

// ---- When products happen

void happen(Product &product) {
    isa::multiply(product);
    product.happened = true;
    if (timing() == Timing::late) return;
    for (const std::shared_ptr<Sums> &sums : product.sums) sums->show();
}

// Gives what is in flight another chance to happen.
void drift(Warpgroup &group) {
    if (timing() != Timing::seeded) return;
    for (Product &product : group.products) {
        if (product.happened) continue;
        if (product.issued < warps_of_group || this_block().random.one_in(2)) return;
        happen(product);
    }
}

// Ends the products of a warp before number `end`, which the whole warpgroup has issued.
void retire(Warpgroup &group, unsigned m, uint64_t end) {
    Member &member = group.members[m];
    for (; member.retired < end; member.retired++) {
        Product &product = group[member.retired];
        if (!product.happened) happen(product);
        for (const check::Operation &operation : product.operations) check::complete(operation, product.finished);
        member.finished = product.finished;
        std::shared_ptr<Sums> &sums = product.sums[m];
        if (--sums->pending == 0) {
            if (!sums->untouched())
                fault(Fault::illegal_instruction, "wgmma.wait_group: something wrote to the accumulators of %s before this wait for it",
                      product.name);
            if (!sums->shown) sums->show();
            member.left.push_back(sums);
        }
    }
    uint64_t everywhere = member.retired;
    for (const Member &other : group.members) everywhere = std::min(everywhere, other.retired);
    for (; group.first < everywhere; group.first++) group.products.pop_front();
}

// ---- Issue

// What a lane hands over.
struct Issue {
    const char *instruction;
    Wgmma wgmma;
    uint32_t *d;
    const uint32_t *a_registers; // null: `a` is a descriptor
    uint64_t a, b;
    bool accumulate;
    uint64_t number; // out: of the product

    static void work(Issue *const lanes[warp_size]);
};

bool overlap(const uint32_t *a, unsigned a_count, const uint32_t *b, unsigned b_count) { return a < b + b_count && b < a + a_count; }

// The sums in flight that these accumulators are part of, if any. What else is in flight must not share registers with the new product.
std::shared_ptr<Sums> find_in_flight(Warpgroup &group, unsigned m, const Issue *const lanes[warp_size]) {
    const Member &member = group.members[m];
    const Wgmma &wgmma = lanes[0]->wgmma;
    std::shared_ptr<Sums> found;
    for (uint64_t number = member.retired; number < member.issued; number++) {
        const std::shared_ptr<Sums> &sums = group[number].sums[m];
        bool same = sums->shape.n == wgmma.n && sums->shape.f16_sums == wgmma.f16_sums;
        for (unsigned l = 0; l < warp_size && same; l++) same = sums->registers[l] == lanes[l]->d;
        if (same) found = sums;
        for (unsigned l = 0; l < warp_size; l++) {
            const Issue &issue = *lanes[l];
            if (!same && overlap(issue.d, wgmma.registers(), sums->registers[l], sums->shape.registers()))
                fault(Fault::illegal_instruction, "%s: its accumulators are in flight in %s, another shape: expected a wgmma.wait_group "
                      "between", issue.instruction, group[number].name);
            if (issue.a_registers && overlap(issue.a_registers, 4, sums->registers[l], sums->shape.registers()))
                fault(Fault::illegal_instruction, "%s: the registers of A are accumulators of %s in flight: expected a wgmma.wait_group "
                      "between", issue.instruction, group[number].name);
        }
    }
    return found;
}

// A fence is needed before the first product, and where registers were touched since the last. Most of that leaves no trace; values other
// than those that the last wait has left do.
void check_fence(Member &member, const Issue *const lanes[warp_size]) {
    if (!member.ever_fenced)
        fault(Fault::illegal_instruction, "%s: expected a wgmma.fence before the first wgmma", lanes[0]->instruction);
    const auto left = std::find_if(member.left.begin(), member.left.end(),
                                   [&](const std::shared_ptr<Sums> &sums) { return sums->registers[0] == lanes[0]->d; });
    if (left == member.left.end()) return;
    if (lanes[0]->accumulate && !(*left)->untouched())
        fault(Fault::illegal_instruction, "%s: its accumulators were written after the last wait: expected a wgmma.fence since",
              lanes[0]->instruction);
    member.left.erase(left);
}

std::shared_ptr<Sums> start_sums(const Issue *const lanes[warp_size]) {
    auto sums = std::make_shared<Sums>();
    sums->shape = lanes[0]->wgmma;
    sums->columns.resize(static_cast<size_t>(sums->shape.n));
    for (unsigned l = 0; l < warp_size; l++) sums->registers[l] = lanes[l]->d;
    sums->take();
    return sums;
}

void check_same_in_warp(const Issue *const lanes[warp_size]) {
    const Issue &first = *lanes[0];
    for (unsigned l = 1; l < warp_size; l++) {
        const Issue &other = *lanes[l];
        if (!(other.wgmma == first.wgmma) || other.b != first.b || other.accumulate != first.accumulate ||
            !other.a_registers != !first.a_registers || (!first.a_registers && other.a != first.a))
            fault(Fault::illegal_instruction, "%s: lanes 0 and %u differ in descriptors, scale-d or immediates: A 0x%016llx and 0x%016llx, "
                  "B 0x%016llx and 0x%016llx, scale-d %d and %d", first.instruction, l, static_cast<unsigned long long>(first.a),
                  static_cast<unsigned long long>(other.a), static_cast<unsigned long long>(first.b),
                  static_cast<unsigned long long>(other.b), first.accumulate, other.accumulate);
    }
}

void check_same_in_group(const Product &product, const Issue &issue, unsigned m) {
    if (product.instruction == issue.wgmma && product.b == issue.b && product.accumulate == issue.accumulate &&
        product.a_in_registers == (issue.a_registers != nullptr) && product.a == issue.a)
        return;
    fault(Fault::illegal_instruction, "%s: warp %u of the warpgroup issues it with descriptors A 0x%016llx, B 0x%016llx, scale-d %d, where "
          "another issued %s with A 0x%016llx, B 0x%016llx, scale-d %d", issue.instruction, m, static_cast<unsigned long long>(issue.a),
          static_cast<unsigned long long>(issue.b), issue.accumulate, product.name, static_cast<unsigned long long>(product.a),
          static_cast<unsigned long long>(product.b), product.accumulate);
}

void Issue::work(Issue *const lanes[warp_size]) {
    Block &block = this_block();
    const Issue &issue = *lanes[0];
    check_same_in_warp(lanes);
    Warpgroup &group = block.warpgroup(this_lane());
    const unsigned m = member_of(this_lane());
    Member &member = group.members[m];

    if (member.issued == group.end()) {
        Product &product = group.products.emplace_back();
        product.instruction = issue.wgmma;
        product.name = issue.instruction;
        product.a = issue.a;
        product.b = issue.b;
        product.accumulate = issue.accumulate;
        product.a_in_registers = issue.a_registers != nullptr;
        if (!product.a_in_registers) isa::matrix_a(product);
        isa::matrix_b(product);
    }
    Product &product = group[member.issued];
    check_same_in_group(product, issue, m);
    for (unsigned l = 0; l < warp_size; l++) {
        lanes[l]->number = member.issued;
        if (!product.a_in_registers) continue;
        product.a_from[m][l] = lanes[l]->a_registers;
        memcpy(product.a_registers[m][l], lanes[l]->a_registers, sizeof product.a_registers[m][l]);
    }
    std::shared_ptr<Sums> sums = find_in_flight(group, m, lanes);
    if (!sums) {
        check_fence(member, lanes);
        sums = start_sums(lanes);
        sums->hide();
    }
    sums->pending++;
    product.sums[m] = std::move(sums);
    product.group[m] = member.group;
    member.issued++;
    if (watched_launches) tell_operands(group, product, m);
    if (++product.issued < warps_of_group) return;
    count::instruction(count::Kind::tensor, product.name, warps_of_group * warp_size);
    // Rows of 32 bytes in every type: 64 of A, and n of B.
    count::matrices((static_cast<size_t>(product.instruction.n) + (product.a_in_registers ? 0 : 64)) * 32);
    if (timing() == Timing::early) happen(product);
    block.release(Waiting::warpgroup);
}

// Waits until the whole warpgroup has issued the products before number `end`.
void wait_for_issue(const char *instruction, uint64_t end) {
    Lane &lane = this_lane();
    Block &block = this_block();
    const Warpgroup &group = block.warpgroup(lane);
    for (const Member &member : group.members)
        while (member.issued < end) block.wait(Waiting::warpgroup, instruction, 0);
}

void issue(Issue &operand) {
    needs_capability(90, "wgmma");
    const char *const name = name_of(operand.wgmma);
    check_whole_warpgroup(name);
    drift(this_block().warpgroup(this_lane()));
    isa::rendezvous_of_warp(name, operand);
    if (watched_launches) tell_registers(this_lane());
    if (timing() == Timing::early) wait_for_issue(name, operand.number + 1);
}

// ---- Fence, commit, wait: once for each warp

struct Fence {
    const char *instruction;
    static void work(Fence *const[warp_size]) {
        Warpgroup &group = this_block().warpgroup(this_lane());
        Member &member = group.members[member_of(this_lane())];
        drift(group);
        member.ever_fenced = true;
        member.left.clear();
    }
};

struct Commit {
    const char *instruction;
    static void work(Commit *const[warp_size]) {
        Warpgroup &group = this_block().warpgroup(this_lane());
        drift(group);
        group.members[member_of(this_lane())].group++;
    }
};

struct Wait {
    const char *instruction;
    unsigned in_flight;
    uint64_t end; // out: the number of the first product that is not waited for

    static void work(Wait *const lanes[warp_size]) {
        Warpgroup &group = this_block().warpgroup(this_lane());
        const unsigned m = member_of(this_lane());
        const Member &member = group.members[m];
        drift(group);
        const auto ends = [&](uint64_t number) { return group[number].group[m] + lanes[0]->in_flight < member.group; };
        uint64_t end = member.retired;
        while (end < member.issued && ends(end)) end++;
        if (member.retired < member.issued && group[member.retired].group[m] == member.group)
            fault(Fault::illegal_instruction, "wgmma.wait_group %u: %s was not committed, and nothing else is in flight: expected a "
                  "wgmma.commit_group before", lanes[0]->in_flight, group[member.retired].name);
        for (unsigned l = 0; l < warp_size; l++) lanes[l]->end = end;
    }
};

} // namespace

namespace isa {

void wgmma(const Wgmma &instruction, void *d, uint64_t a, uint64_t b, bool accumulate) {
    WWSIM_NOTE_SITE();
    Issue operand{nullptr, instruction, static_cast<uint32_t *>(d), nullptr, a, b, accumulate, 0};
    issue(operand);
}

void wgmma(const Wgmma &instruction, void *d, const uint32_t *a, uint64_t b, bool accumulate) {
    WWSIM_NOTE_SITE();
    Issue operand{nullptr, instruction, static_cast<uint32_t *>(d), a, 0, b, accumulate, 0};
    issue(operand);
}

void wgmma_fence() {
    WWSIM_NOTE_SITE();
    needs_capability(90, "wgmma.fence");
    Fence fence{};
    rendezvous_of_warp("wgmma.fence", fence);
}

void wgmma_commit() {
    WWSIM_NOTE_SITE();
    needs_capability(90, "wgmma.commit_group");
    Commit commit{};
    rendezvous_of_warp("wgmma.commit_group", commit);
}

void wgmma_wait(unsigned groups) {
    WWSIM_NOTE_SITE();
    needs_capability(90, "wgmma.wait_group");
    Wait wait{nullptr, groups, 0};
    rendezvous_of_warp("wgmma.wait_group", wait);
    wait_for_issue("wgmma.wait_group", wait.end);
    Lane &lane = this_lane();
    Warpgroup &group = this_block().warpgroup(lane);
    retire(group, member_of(lane), wait.end);
    if (watched_launches) {
        check::acquire(lane, group.members[member_of(lane)].finished);
        tell_registers(lane);
    }
    forget_memory();
}

} // namespace isa
} // namespace wwsim
