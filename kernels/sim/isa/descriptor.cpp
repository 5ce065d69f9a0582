#include "descriptor.h"

namespace wwsim::isa {

SharedMatrix::SharedMatrix(const char *instruction, const char *operand, uint64_t bits, bool mn_major, unsigned lines, unsigned chunks)
    : mn_major(mn_major), lines(lines), chunks(chunks), descriptor(bits, mn_major) {
    const auto text = static_cast<unsigned long long>(bits);
    if (bits & MatrixDescriptor::reserved)
        fault(Fault::illegal_instruction, "%s: descriptor 0x%016llx of %s: of the reserved bits 0x%016llx some are set", instruction, text,
              operand, static_cast<unsigned long long>(MatrixDescriptor::reserved));
    begin = shared_pointer(descriptor.begin(), descriptor.reach(lines, chunks));
    if (begin) return;
    for (unsigned line = 0; line < lines; line++) {
        for (unsigned chunk = 0; chunk < chunks; chunk++) {
            const uint32_t address = descriptor.chunk(line, chunk);
            if (!shared_pointer(address, 16))
                fault(Fault::illegal_address, "%s: descriptor 0x%016llx of %s is out of bounds: 16 bytes of %s %u would lie at 0x%05x of the "
                      "shared window, where this block has no memory", instruction, text, operand, mn_major ? "column" : "row", line,
                      address);
        }
    }
}

} // namespace wwsim::isa
