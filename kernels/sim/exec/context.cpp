#include "context.h"

#include <cstdint>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

// wwsim_switch(void **save, void *load): pushes what the ABI preserves over a call, exchanges the stack pointers, pops.
#if defined(__x86_64__)
asm(R"(
    .text
    .globl wwsim_switch
    .hidden wwsim_switch
    .type wwsim_switch, @function
    .p2align 4
wwsim_switch:
    .cfi_startproc
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .cfi_endproc
    .size wwsim_switch, . - wwsim_switch
)");
constexpr size_t saved_words = 6; // and above them the return address
#elif defined(__aarch64__)
asm(R"(
    .text
    .globl wwsim_switch
    .hidden wwsim_switch
    .type wwsim_switch, %function
    .p2align 4
wwsim_switch:
    sub sp, sp, #160
    stp x19, x20, [sp, #0]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp x19, x20, [sp, #0]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
    .size wwsim_switch, . - wwsim_switch

// Where a new fiber begins: calls x19, without a place to return to, so that debuggers see the stack's end.
    .globl wwsim_begin
    .hidden wwsim_begin
    .type wwsim_begin, %function
wwsim_begin:
    mov x16, x19
    mov x30, xzr
    br x16
    .size wwsim_begin, . - wwsim_begin
)");
extern "C" void wwsim_begin();
#else
#error "the simulated GPU knows how to switch stacks on x86-64 and aarch64 only: add wwsim_switch for this processor"
#endif
extern "C" void wwsim_switch(void **save, void *load);

namespace wwsim {

#ifdef __SANITIZE_ADDRESS__
// The context that was left last, so that `entered` and the return from a switch can note the bounds of its stack.
static thread_local Context *left;

static void finish(Context &now) {
    const void *bottom;
    size_t bytes;
    __sanitizer_finish_switch_fiber(now.fake_stack, &bottom, &bytes);
    if (left->stack == nullptr) { // the OS thread's own stack
        left->stack = static_cast<char *>(const_cast<void *>(bottom));
        left->bytes = bytes;
    }
}
static thread_local Context *now;
#endif

void prepare(Context &context, size_t offset, void (*entry)()) {
#ifdef __SANITIZE_ADDRESS__
    __asan_unpoison_memory_region(context.stack, context.bytes);
    context.fake_stack = nullptr;
#endif
    uintptr_t top = (reinterpret_cast<uintptr_t>(context.stack) + context.bytes - offset) & ~uintptr_t{15};
#if defined(__x86_64__)
    // At a function's first instruction the stack pointer is 8 short of a multiple of 16, as after a call.
    void **frame = reinterpret_cast<void **>(top) - 2 - saved_words;
    for (size_t i = 0; i < saved_words; i++) frame[i] = nullptr;
    frame[saved_words] = reinterpret_cast<void *>(entry);
    frame[saved_words + 1] = nullptr; // where `entry` would return to
#else
    void **frame = reinterpret_cast<void **>(top - 160);
    for (size_t i = 0; i < 20; i++) frame[i] = nullptr;
    frame[0] = reinterpret_cast<void *>(entry);        // x19
    frame[11] = reinterpret_cast<void *>(wwsim_begin); // x30
#endif
    context.sp = frame;
}

void switch_context(Context &from, Context &to, [[maybe_unused]] bool last) {
#ifdef __SANITIZE_ADDRESS__
    left = &from;
    now = &to;
    __sanitizer_start_switch_fiber(last ? nullptr : &from.fake_stack, to.stack, to.bytes);
    wwsim_switch(&from.sp, to.sp);
    finish(from);
#else
    wwsim_switch(&from.sp, to.sp);
#endif
}

void entered() {
#ifdef __SANITIZE_ADDRESS__
    finish(*now);
#endif
}

} // namespace wwsim
