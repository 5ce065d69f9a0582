#include "matrix.h"

#include <cstring>

#include "check.h"

namespace wwsim::isa {

namespace {

constexpr size_t row_bytes = 16;

// Element (row, column) of matrix i, as lane l holds it: register i, lower half for h = 0, upper half for h = 1.
struct Place {
    unsigned row, column;
};
constexpr Place place(bool transposed, unsigned l, unsigned h) {
    const unsigned major = l / 4, minor = l % 4 * 2 + h;
    return transposed ? Place{minor, major} : Place{major, minor};
}

struct Load {
    const char *instruction;
    int matrices;
    bool transposed;
    uint32_t *registers;
    const void *row;

    static void work(Load *const lanes[warp_size]) {
        const bool transposed = lanes[0]->transposed;
        for (int i = 0; i < lanes[0]->matrices; i++) {
            uint16_t matrix[8][8];
            for (int row = 0; row < 8; row++) memcpy(matrix[row], lanes[8 * i + row]->row, row_bytes);
            for (unsigned l = 0; l < warp_size; l++) {
                const Place low = place(transposed, l, 0), high = place(transposed, l, 1);
                lanes[l]->registers[i] = matrix[low.row][low.column] | static_cast<uint32_t>(matrix[high.row][high.column]) << 16;
            }
        }
    }
};

struct Store {
    const char *instruction;
    int matrices;
    bool transposed;
    const uint32_t *registers;
    void *row;

    static void work(Store *const lanes[warp_size]) {
        const bool transposed = lanes[0]->transposed;
        for (int i = 0; i < lanes[0]->matrices; i++) {
            uint16_t matrix[8][8];
            for (unsigned l = 0; l < warp_size; l++) {
                const Place low = place(transposed, l, 0), high = place(transposed, l, 1);
                matrix[low.row][low.column] = static_cast<uint16_t>(lanes[l]->registers[i]);
                matrix[high.row][high.column] = static_cast<uint16_t>(lanes[l]->registers[i] >> 16);
            }
            for (int row = 0; row < 8; row++) memcpy(lanes[8 * i + row]->row, matrix[row], row_bytes);
        }
    }
};

// The addresses of lanes that give no row are ignored.
void access_row(const char *instruction, Effect effect, int matrices, const void *row) {
    if (lane().lane >= 8u * static_cast<unsigned>(matrices)) return;
    check_aligned(instruction, row, row_bytes);
    observe(instruction, effect, row, row_bytes);
    check_shared(instruction, row, row_bytes);
}

const char *name(const char *const names[2][3], int matrices, bool transposed) { return names[transposed][matrices / 2]; }

} // namespace

void ldmatrix(int matrices, bool transposed, uint32_t *registers, const void *row) {
    static const char *const names[2][3] = {{"ldmatrix.x1", "ldmatrix.x2", "ldmatrix.x4"},
                                            {"ldmatrix.x1.trans", "ldmatrix.x2.trans", "ldmatrix.x4.trans"}};
    const char *instruction = name(names, matrices, transposed);
    access_row(instruction, Effect::read, matrices, row);
    Load load{instruction, matrices, transposed, registers, row};
    rendezvous_of_warp(instruction, load);
}

void stmatrix(int matrices, bool transposed, void *row, const uint32_t *registers) {
    static const char *const names[2][3] = {{"stmatrix.x1", "stmatrix.x2", "stmatrix.x4"},
                                            {"stmatrix.x1.trans", "stmatrix.x2.trans", "stmatrix.x4.trans"}};
    const char *instruction = name(names, matrices, transposed);
    access_row(instruction, Effect::write, matrices, row);
    needs_capability(90, "stmatrix");
    Store store{instruction, matrices, transposed, registers, row};
    rendezvous_of_warp(instruction, store);
}

} // namespace wwsim::isa
