// What the rewriter makes of `kernel<<<grid, block, shared, stream>>>(arguments)`: see rewrite.cpp. Included before all else in a .cu.
#pragma once

#include "cuda_runtime.h"

#include <type_traits>

namespace wwsim {
namespace simcc {

// Names one function, or doesn't compile: kernels that are overloaded, or whose template arguments the call deduces, have no address.
struct Address {
    template <class... Parameters>
    auto operator()(void (*kernel)(Parameters...)) const {
        static_assert((!std::is_reference_v<Parameters> && ...), "a __global__ function takes its parameters by value");
        return kernel;
    }
};

// The launch of a kernel that the arguments choose.
template <class Call>
struct Chosen {
    ConfiguredLaunch launch;
    Call call;

    template <class... Arguments>
    void operator()(Arguments... arguments) const {
        launch.run(nullptr, call, arguments...);
    }
};

// The launch of one function: arguments are converted to its parameters' types by the caller, as in any call, so that 0 is a null
// pointer and {1, 2} whatever is wanted. With fewer arguments than parameters the rest are defaults, which only a call by name knows.
template <class Call, class... Parameters>
struct Named {
    ConfiguredLaunch launch;
    void (*kernel)(Parameters...);
    Call call;

    void operator()(Parameters... arguments) const { launch.run(kernel, kernel, arguments...); }

    template <class... Arguments, class = std::enable_if_t<(sizeof...(Arguments) < sizeof...(Parameters))>>
    void operator()(Arguments... arguments) const {
        launch.run(nullptr, call, arguments...);
    }
};

template <class Find, class Call>
class Kernel {
  public:
    Kernel(const char *name, Find find, Call call) : name(name), find(find), call(call) {}

    auto operator()(dim3 grid, dim3 block, size_t shared = 0, cudaStream_t stream = nullptr) const {
        ConfiguredLaunch launch = configured_launch(name, grid, block, shared, stream);
        if constexpr (std::is_invocable_v<Find, Address>)
            return named(launch, find(Address{}));
        else
            return Chosen<Call>{launch, call};
    }

  private:
    template <class... Parameters>
    Named<Call, Parameters...> named(ConfiguredLaunch launch, void (*kernel)(Parameters...)) const {
        return {launch, kernel, call};
    }

    const char *name;
    Find find;
    Call call;
};

template <class Find, class Call>
Kernel<Find, Call> kernel(const char *name, Find find, Call call) {
    return {name, find, call};
}

} // namespace simcc
} // namespace wwsim
