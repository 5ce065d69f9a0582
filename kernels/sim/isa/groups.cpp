#include "../exec/block.h"
#include "../exec/grid.h"

namespace wwsim::detail {

bool grid_is_cooperative() { return this_block().grid->launch.cooperative; }

} // namespace wwsim::detail
