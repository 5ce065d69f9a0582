// Twin of elect_one in common/ptx/warp.cuh.
#pragma once

namespace wwsim::isa {

// Which lane it is follows from the launch's seed and the mask: no kernel may count on the first.
bool elect(unsigned mask);

} // namespace wwsim::isa
