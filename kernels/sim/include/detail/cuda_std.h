// cuda::std is the host's std: all of it is compiled for both sides here.
#pragma once

namespace std {}

namespace wwsim {
inline namespace api {
namespace cuda {
namespace std = ::std;
} // namespace cuda
} // namespace api
} // namespace wwsim

using namespace wwsim::api;
