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

/* Promises that the work enqueued from now on writes these bytes, all of them, before any of it reads them. On a stream with WW_SIM_CHECK,
 * ww_sim_stream_synchronize finds what is then missing, and so does a copy to the host. */
int32_t ww_sim_promise(const void *address, int64_t bytes, ww_stream stream);

/* What the stream's fault was: kind, kernel, block, thread. Empty if it had none. Valid until the stream is destroyed. */
const char *ww_sim_message(ww_stream stream);
/* ---- What was counted, on streams with WW_SIM_COUNT. Exact, and the same for each seed and timing where the kernel's threads take the same
 * paths. A request is one instruction of a warp. */

/* The rows of ww_sim_counters.global. What cp.async reads is a load; bulk is what TMA and other bulk copies move. */
#define WW_SIM_GLOBAL_LOAD 0
#define WW_SIM_GLOBAL_STORE 1
#define WW_SIM_GLOBAL_ATOMIC 2
#define WW_SIM_GLOBAL_BULK_LOAD 3
#define WW_SIM_GLOBAL_BULK_STORE 4
#define WW_SIM_GLOBAL_KINDS 5

typedef struct ww_sim_global_traffic {
    int64_t requests;
    int64_t sectors;    /* of 32 bytes that the requests touch, each once a request */
    int64_t bytes;      /* that the lanes ask for */
    int64_t used_bytes; /* the same, each byte once a request */
} ww_sim_global_traffic;
WW_STATIC_ASSERT(sizeof(ww_sim_global_traffic) == 32, "ww_sim_global_traffic");

/* The rows of ww_sim_counters.shared. Of the last two, requests and bytes alone are counted: they don't go through the banks as a
 * warp's request does. */
#define WW_SIM_SHARED_LOAD 0
#define WW_SIM_SHARED_STORE 1
#define WW_SIM_SHARED_ATOMIC 2
#define WW_SIM_SHARED_LDMATRIX 3
#define WW_SIM_SHARED_STMATRIX 4
#define WW_SIM_SHARED_CP_ASYNC 5
#define WW_SIM_SHARED_WGMMA 6
#define WW_SIM_SHARED_BULK 7
#define WW_SIM_SHARED_KINDS 8

typedef struct ww_sim_shared_traffic {
    int64_t requests;
    int64_t wavefronts;       /* how often the banks work for them */
    int64_t ideal_wavefronts; /* the same, were there no bank conflicts: the difference is the conflicts */
    int64_t bytes;            /* that the lanes ask for */
} ww_sim_shared_traffic;
WW_STATIC_ASSERT(sizeof(ww_sim_shared_traffic) == 32, "ww_sim_shared_traffic");

/* What an instruction is, in ww_sim_instruction.kind. */
#define WW_SIM_TENSOR 0     /* mma, wgmma */
#define WW_SIM_SPECIAL 1    /* of the special function unit, by its operation: ex2, rcp */
#define WW_SIM_BARRIER 2    /* of a block, a cluster or a grid */
#define WW_SIM_COLLECTIVE 3 /* of a warp: shuffles, votes, matches, reductions */
#define WW_SIM_COPY 4       /* bulk copies */

typedef struct ww_sim_instruction {
    const char *name;
    int32_t kind;         /* WW_SIM_TENSOR to WW_SIM_COPY */
    int32_t reserved;
    int64_t instructions; /* of warps */
    int64_t threads;      /* that executed them */
    int64_t flops;        /* of tensor-core instructions: 2 m n k each, all of them together */
} ww_sim_instruction;
WW_STATIC_ASSERT(sizeof(ww_sim_instruction) == 40, "ww_sim_instruction");

/* A line of a kernel's source that wastes sectors or has bank conflicts. */
typedef struct ww_sim_line {
    const char *line; /* the file and the number; where the program has no debug information, an address */
    int64_t global_requests;
    int64_t sectors;
    int64_t wasted_sectors; /* more than its used bytes would fill */
    int64_t shared_requests;
    int64_t wavefronts;
    int64_t conflicts;
} ww_sim_line;
WW_STATIC_ASSERT(sizeof(ww_sim_line) == 56, "ww_sim_line");

/* All launches of one kernel. */
typedef struct ww_sim_counters {
    const char *kernel;
    int64_t launches;
    int64_t blocks;
    int64_t warps;
    ww_sim_global_traffic global[WW_SIM_GLOBAL_KINDS];
    /* Sectors that were accessed at least once in a launch: what caches that hold everything would read and write. */
    int64_t distinct_sectors_read;
    int64_t distinct_sectors_written;
    ww_sim_shared_traffic shared[WW_SIM_SHARED_KINDS];
    const ww_sim_instruction *instructions;
    int64_t instruction_count;
    const ww_sim_line *lines; /* the most wasteful first */
    int64_t line_count;
    const char *table; /* all of this, for people */
} ww_sim_counters;
WW_STATIC_ASSERT(sizeof(ww_sim_counters) == 504, "ww_sim_counters");

/* Waits for the stream's work, and gives what its launches have cost since the last reset: one for each kernel, by name. Valid until the
 * next call for this stream, or until it is destroyed. */
int32_t ww_sim_counters_read(ww_stream stream, const ww_sim_counters **counters, int64_t *count);
/* Waits for the stream's work, and begins at zero again. */
int32_t ww_sim_counters_reset(ww_stream stream);

/* The name of a `cudaError_t`, and a sentence about it. */
const char *ww_sim_error_name(int32_t error);
const char *ww_sim_error_string(int32_t error);

#ifdef __cplusplus
}
#endif
#endif
