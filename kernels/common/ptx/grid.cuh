// Grids that depend on each other: a launch with cudaLaunchAttributeProgrammaticStreamSerialization may start before the one ahead of it in
// its stream has ended. sm_90 and later; below, these trap.
// PTX ISA, Parallel Synchronization and Communication Instructions: griddepcontrol.
//
// In other launches they do nothing.
#pragma once

#include "../config.cuh"

#ifdef WW_SIM
#include "../../sim/isa/grid.h"
#endif

namespace WW_NAMESPACE {

// griddepcontrol.launch_dependents: when all blocks of this grid have called it or ended, the next may start. It sees what this one has
// written only after its wait_for_dependencies.
__device__ __forceinline__ void launch_dependents() {
#ifdef WW_SIM
    wwsim::isa::griddepcontrol("griddepcontrol.launch_dependents");
#elif __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#else
    __trap();
#endif
}

// griddepcontrol.wait: until the grids that this one depends on have ended and what they wrote is visible.
__device__ __forceinline__ void wait_for_dependencies() {
#ifdef WW_SIM
    wwsim::isa::griddepcontrol("griddepcontrol.wait");
#elif __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#else
    __trap();
#endif
}

} // namespace WW_NAMESPACE
