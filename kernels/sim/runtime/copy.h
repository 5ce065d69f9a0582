// Work on memory that goes into a stream.
#pragma once

#include "gpu.h"

namespace wwsim {

// Rows of `width` bytes, so far apart. A plain copy has one row.
struct Rows {
    size_t width;
    size_t height;
    size_t to_pitch;
    size_t from_pitch;
};

inline Rows one_row(size_t bytes) { return {bytes, 1, bytes, bytes}; }

// Checks both ranges against `kind` and enqueues the copy. Done on return is, as CUDA documents:
// - `async` false: what has host memory on one side;
// - `async` true: what writes pageable memory, or copies from host to host. Pageable memory that it reads has been read.
// `site` is where in the host's code it was asked for, for reports; null if that isn't known.
cudaError_t enqueue_copy(Stream &stream, void *to, const void *from, const Rows &rows, cudaMemcpyKind kind, bool async,
                         const void *site = nullptr);
// Fills with a byte. With `async` false, host memory is filled on return, device memory later.
cudaError_t enqueue_fill(Stream &stream, void *to, int byte, const Rows &rows, bool async);
// Whether all of these bytes of device memory were written, as far as that is known. `what` reads them.
Outcome check_written(Fault fault, const char *what, const void *address, size_t bytes, const void *site);
// Takes memory out of use now, and frees it when the stream gets there.
cudaError_t enqueue_free(Stream &stream, void *address);

} // namespace wwsim
