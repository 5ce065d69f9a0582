// A lambda as a kernel.
#pragma once

#include "exec/launch.h"

namespace wwsim {

// Each thread calls its own copy of `f`, whose captures are its registers.
template <class F> class Kernel : public Body {
  public:
    explicit Kernel(F f) : f(f) {}
    void run() const override {
        F own = f;
        own();
    }
    size_t bytes() const override { return sizeof *this; }

  private:
    F f;
};

} // namespace wwsim
