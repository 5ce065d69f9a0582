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
    struct alignas(16) Column {
        float rows[rows_of_warp];
    };
    std::vector<Column> columns;
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
    bool fenced = false;              // since the last wait
    bool ever_fenced = false;
    std::vector<std::shared_ptr<Sums>> left; // what waits have left in registers since the last fence
};

struct Warpgroup {
    std::deque<Product> products; // in flight for at least one warp
    uint64_t first = 0;           // the number of the first of them
    Member members[warps_of_group];

    Product &operator[](uint64_t number) { return products[number - first]; }
    uint64_t end() const { return first + products.size(); }
};

// The running lane's thread ends.
void check_nothing_in_flight(Lane &lane);

namespace isa {

// Does what the product says with its sums. Reads its operands in shared memory.
void multiply(Product &product);

} // namespace isa
} // namespace wwsim
