// A warpgroup, four warps that the tensor core takes together, and the products (wgmma) that it has in flight.
//
// A product is the work of the whole warpgroup: it can happen when all four warps have issued it, and happens as one, in the order of issue.
// `Timing::early` lets it happen when the last warp issues it (and the others wait for that one), `late` when a warp waits for its group,
// and `seeded` at a drawn moment between. From the issue on, accumulators belong to the product: their registers hold NaN until it
// shows the sums, with `late` not before the wait of the warp itself.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "../check/check.h"
#include "../exec/lane.h"
#include "descriptor.h"
#include "wgmma.h"

namespace wwsim {

constexpr unsigned warps_of_group = 4;
constexpr unsigned rows_of_warp = 16;

// What a warp has in its accumulators, 16 rows of D, while products add to them.
struct Sums {
    isa::Wgmma shape;
    uint32_t *registers[warp_size];
    unsigned pending = 0; // products in flight that add to them
    bool shown = false;   // the registers hold the sums up to now; else NaN
    struct alignas(64) Column {
        float rows[rows_of_warp];
    };
    std::vector<Column> columns;

    void take(); // from the registers
    void show(); // in the registers
    void hide(); // leaves NaN in the registers
    // Whether the registers hold what show or hide has put there.
    bool untouched();
};

struct Product {
    isa::Wgmma instruction;
    const char *name;
    uint64_t a, b; // descriptors
    bool accumulate;
    bool a_in_registers;
    bool happened = false;
    unsigned issued = 0; // by how many warps
    // Of each warp:
    const uint32_t *a_from[warps_of_group][warp_size]; // the registers of A, and what they held
    uint32_t a_registers[warps_of_group][warp_size][4];
    std::shared_ptr<Sums> sums[warps_of_group];
    unsigned group[warps_of_group];
    check::Operation operations[warps_of_group];
    check::Clock finished;
};

// A warp as a part of its warpgroup.
struct Member {
    uint64_t issued = 0, retired = 0; // products
    unsigned group = 0;               // the number of commits: the group that products belong to now
    bool ever_fenced = false;
    check::Clock finished; // what the last wait knows

    bool ended = false; // a lane of it has
    // setmaxnreg: registers of each thread, those that it waits for, and how often they were changed.
    unsigned registers = 0, registers_awaited = 0;
    size_t resizes = 0;
    std::vector<std::shared_ptr<Sums>> left; // what waits have left in registers since the last fence
};

struct Warpgroup {
    std::deque<Product> products; // in flight for at least one warp
    uint64_t first = 0;           // the number of the first of them
    Member members[warps_of_group];
    struct Resize {
        bool increase;
        unsigned registers;
    };
    std::vector<Resize> resizes; // what setmaxnreg its warps have executed, or have to

    Product &operator[](uint64_t number) { return products[number - first]; }
    uint64_t end() const { return first + products.size(); }
};

inline unsigned member_of(const Lane &lane) { return lane.rank / warp_size % warps_of_group; }

// A fault where the running lane's warpgroup has less than four warps.
void check_whole_warpgroup(const char *instruction);
// The running lane's thread ends; a fault where its warpgroup relied on it.
void leave_warpgroup(Lane &lane);

// For the checks: what a product reads as far as warp `m` answers for it, which issues it now: its own 16 rows of A, and the first warp all
// of B, since to tell of B four times would cost much. And the registers of this lane that products in flight work with.
void tell_operands(Warpgroup &group, Product &product, unsigned m);
void tell_registers(Lane &lane);

namespace isa {

// The operands in shared memory; a fault where they aren't. A's only where it isn't in registers.
SharedMatrix matrix_a(const Product &product);
SharedMatrix matrix_b(const Product &product);

// Does what the product says with its sums. Reads its operands.
void multiply(Product &product);

} // namespace isa
} // namespace wwsim
