/* The simulated GPU's C ABI: what the Rust layer needs beside the launchers of include/warpweave.h.
 *
 * Functions return 0 or a `cudaError_t`. A stream made here is a GPU of its own: a fault ends the work of that stream alone, and
 * every later call on it returns the same error, as a CUDA context does.
 */
#ifndef WW_SIM_H
#define WW_SIM_H

#include <stdint.h>

#include "../include/warpweave.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WW_SIM_EARLY 0
#define WW_SIM_LATE 1
#define WW_SIM_SEEDED 2

/* What to watch in each launch; bits. */
#define WW_SIM_CHECK 1 /* for mistakes that a GPU hides: the first one is a fault */
#define WW_SIM_COUNT 2 /* what it costs */

/* Which of the orders that the programming model allows, and which GPU. The same options give the same order. */
typedef struct ww_sim_options {
    uint64_t seed;              /* of the order of warps, blocks and asynchronous work */
    int32_t timing;             /* WW_SIM_*: when asynchronous work completes, kernels on a stream included */
    int32_t compute_capability; /* 80, 86 or 90 */
    uint64_t watch;             /* WW_SIM_CHECK, WW_SIM_COUNT */
} ww_sim_options;
WW_STATIC_ASSERT(sizeof(ww_sim_options) == 24, "ww_sim_options");

int32_t ww_sim_stream_create(ww_stream *stream, const ww_sim_options *options);
/* Waits for the stream's work, then forgets it. */
int32_t ww_sim_stream_destroy(ww_stream stream);
int32_t ww_sim_stream_synchronize(ww_stream stream);

/* Device memory for work on this stream: 256-byte aligned, filled with 0xFF bytes (NaN in every float type), so that a read of what
 * nothing wrote shows. */
int32_t ww_sim_malloc(void **address, int64_t bytes, ww_stream stream);
/* Frees once the work that the stream has now is done. */
int32_t ww_sim_free(void *address, ww_stream stream);

#define WW_SIM_HOST_TO_DEVICE 1
#define WW_SIM_DEVICE_TO_HOST 2
#define WW_SIM_DEVICE_TO_DEVICE 3
/* Copies in stream order. With host memory on one side the copy is done on return. */
int32_t ww_sim_copy(void *to, const void *from, int64_t bytes, int32_t direction, ww_stream stream);
/* Fills with a byte, in stream order. */
int32_t ww_sim_fill(void *to, int32_t byte, int64_t bytes, ww_stream stream);

/* What the stream's fault was: kind, kernel, block, thread. Empty if it had none. Valid until the stream is destroyed. */
const char *ww_sim_message(ww_stream stream);
/* The name of a `cudaError_t`, and a sentence about it. */
const char *ww_sim_error_name(int32_t error);
const char *ww_sim_error_string(int32_t error);

#ifdef __cplusplus
}
#endif
#endif
