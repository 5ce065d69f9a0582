// assert() that ends the launch when it fails in a kernel. As the C library's header does, it takes NDEBUG anew at each include.
#pragma GCC system_header // clang warns of include_next elsewhere
#include_next <assert.h>

#ifndef WWSIM_ASSERT_H
#define WWSIM_ASSERT_H
namespace wwsim::detail {

// In a kernel: prints CUDA's message and ends the launch with cudaErrorAssert. On the host: prints and aborts.
[[noreturn]] void assertion_failed(const char *condition, const char *file, unsigned line, const char *function);

} // namespace wwsim::detail
#endif

#ifndef NDEBUG
#undef assert
#define assert(...)                                                                                                                \
    (static_cast<bool>(__VA_ARGS__)                                                                                                \
         ? static_cast<void>(0)                                                                                                    \
         : ::wwsim::detail::assertion_failed(#__VA_ARGS__, __FILE__, __LINE__, __extension__ __PRETTY_FUNCTION__))
#endif
