// Launches: how a kernel and its arguments become something that the scheduler can call for each thread.
#pragma once

#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "../exec/launch.h"
#include "cuda_runtime_api.h"

namespace wwsim {

// Checks the launch as the runtime does and enqueues it. `kernel` is the kernel's address, for its attributes and its name, or
// null where it is not known: then `name` is its name, and the limit of dynamic shared memory is the device's. Not a shared_ptr: its functions
// would be in the program, too, where they may tell of their accesses, and the simulator could be linked with those.
cudaError_t enqueue_kernel(const cudaLaunchConfig_t &config, const void *kernel, const char *name, std::unique_ptr<const Body> body,
                           size_t argument_bytes);

// A call with its arguments, which every thread gets a copy of.
template <class Callable, class... Arguments> class BoundCall final : public Body {
  public:
    template <class... Given>
    explicit BoundCall(Callable call, Given &&...given) : call_(call), arguments_(std::forward<Given>(given)...) {}
    void run() const override { std::apply(call_, arguments_); }
    size_t bytes() const override { return sizeof *this; }

  private:
    Callable call_;
    std::tuple<Arguments...> arguments_;
};

// What the arguments take in the constant bank, each at its alignment.
template <class... Arguments> constexpr size_t argument_bytes() {
    size_t bytes = 0;
    ((bytes = (bytes + alignof(Arguments) - 1) / alignof(Arguments) * alignof(Arguments) + sizeof(Arguments)), ...);
    return bytes;
}

// Converts as a call would. A literal 0 or NULL is a null pointer no longer once it was handed on, so integers are let through.
template <class Parameter, class Given> Parameter convert_argument(Given &&given) {
    if constexpr (std::is_pointer_v<Parameter> && std::is_integral_v<std::decay_t<Given>>)
        return reinterpret_cast<Parameter>(static_cast<uintptr_t>(given));
    else
        return std::forward<Given>(given);
}

template <class... Parameters, class... Given>
std::unique_ptr<const Body> bind_kernel(void (*kernel)(Parameters...), Given &&...given) {
    static_assert(sizeof...(Parameters) == sizeof...(Given), "a launch needs as many arguments as the kernel has parameters");
    return std::make_unique<BoundCall<void (*)(Parameters...), std::decay_t<Parameters>...>>(
        kernel, convert_argument<std::decay_t<Parameters>>(std::forward<Given>(given))...);
}

// An argument that may have been written as 0 or NULL, for kernels whose parameter types are not known: becomes a pointer or
// a number, as the kernel wants.
template <class Integer> struct NullOrInteger {
    Integer value;
    operator Integer() const { return value; }
    template <class Pointee> operator Pointee *() const { return reinterpret_cast<Pointee *>(static_cast<uintptr_t>(value)); }
};
template <class Given>
using Loose = std::conditional_t<std::is_same_v<Given, int> || std::is_same_v<Given, long>, NullOrInteger<Given>, Given>;

// What `<<<grid, block, shared, stream>>>` becomes. `kernel<<<g, b>>>(x, n)` is rewritten to
//
//     wwsim::configured_launch("kernel", g, b).run(kernel, kernel, x, n)                     for a function, or a template with all
//                                                                                            arguments: &kernel is one address
//     wwsim::configured_launch("kernel", g, b).run(nullptr, [](const auto &...a)             where the template's arguments are
//         -> decltype(kernel(a...)) { return kernel(a...); }, x, n)                          deduced, or the name is overloaded
//
// Arguments are evaluated and copied once, at the launch. The first form converts them to the parameters' types there, as a call
// would, and checks the dynamic shared memory against what cudaFuncSetAttribute allowed the kernel. The second form converts them
// in each thread, and the return type must be spelled, because that is how 0 and NULL for a pointer are found.
class ConfiguredLaunch {
  public:
    ConfiguredLaunch(const char *name, const cudaLaunchConfig_t &config) : name_(name), config_(config) {}

    template <class... Parameters, class Callable, class... Given>
    void run(void (*kernel)(Parameters...), Callable, Given &&...given) const {
        enqueue_kernel(config_, reinterpret_cast<const void *>(kernel), name_, bind_kernel(kernel, std::forward<Given>(given)...),
                       argument_bytes<std::decay_t<Parameters>...>());
    }

    template <class Callable, class... Given> void run(std::nullptr_t, Callable call, Given &&...given) const {
        if constexpr (std::is_invocable_v<Callable, const std::decay_t<Given> &...>) {
            enqueue(std::make_unique<BoundCall<Callable, std::decay_t<Given>...>>(call, std::forward<Given>(given)...),
                    argument_bytes<std::decay_t<Given>...>());
        } else {
            static_assert(std::is_invocable_v<Callable, const Loose<std::decay_t<Given>> &...>,
                          "the arguments of the launch do not fit the kernel's parameters");
            enqueue(std::make_unique<BoundCall<Callable, Loose<std::decay_t<Given>>...>>(
                        call, Loose<std::decay_t<Given>>{std::forward<Given>(given)}...),
                    argument_bytes<std::decay_t<Given>...>());
        }
    }

  private:
    void enqueue(std::unique_ptr<const Body> body, size_t bytes) const {
        enqueue_kernel(config_, nullptr, name_, std::move(body), bytes);
    }

    const char *name_;
    cudaLaunchConfig_t config_;
};

inline ConfiguredLaunch configured_launch(const char *kernel_name, dim3 grid, dim3 block = 1, size_t shared = 0,
                                          cudaStream_t stream = nullptr) {
    return {kernel_name, {grid, block, shared, stream, nullptr, 0}};
}

// A kernel launched through `void **`, one pointer for each argument.
template <class... Parameters, size_t... i>
std::unique_ptr<const Body> bind_pointers(void (*kernel)(Parameters...), void **arguments, std::index_sequence<i...>) {
    (void)arguments; // of a kernel without parameters
    return bind_kernel(kernel, *static_cast<std::decay_t<Parameters> *>(arguments[i])...);
}

inline namespace api {

template <class... Parameters, class... Given>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t *config, void (*kernel)(Parameters...), Given &&...given) {
    return enqueue_kernel(*config, reinterpret_cast<const void *>(kernel), nullptr,
                          bind_kernel(kernel, std::forward<Given>(given)...), argument_bytes<std::decay_t<Parameters>...>());
}

// These two need the kernel itself: a cast to `const void *` takes away the types by which the arguments are found.
template <class... Parameters>
cudaError_t cudaLaunchKernel(void (*kernel)(Parameters...), dim3 grid, dim3 block, void **arguments, size_t shared = 0,
                             cudaStream_t stream = nullptr) {
    return enqueue_kernel({grid, block, shared, stream, nullptr, 0}, reinterpret_cast<const void *>(kernel), nullptr,
                          bind_pointers(kernel, arguments, std::index_sequence_for<Parameters...>{}),
                          argument_bytes<std::decay_t<Parameters>...>());
}

template <class... Parameters>
cudaError_t cudaLaunchCooperativeKernel(void (*kernel)(Parameters...), dim3 grid, dim3 block, void **arguments, size_t shared = 0,
                                        cudaStream_t stream = nullptr) {
    cudaLaunchAttribute cooperative{};
    cooperative.id = cudaLaunchAttributeCooperative;
    cooperative.val.cooperative = 1;
    return enqueue_kernel({grid, block, shared, stream, &cooperative, 1}, reinterpret_cast<const void *>(kernel), nullptr,
                          bind_pointers(kernel, arguments, std::index_sequence_for<Parameters...>{}),
                          argument_bytes<std::decay_t<Parameters>...>());
}

} // namespace api
} // namespace wwsim
