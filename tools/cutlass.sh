#!/usr/bin/env bash
# Puts the headers of CUTLASS and its CuTe into a folder: 6 MB to fetch, from NVIDIA's package on PyPI, 27 MB there. Only the tests of
# tests/oracle use them; nothing of them is built into the crate. Needs python3 with pip.
#
#   tools/cutlass.sh DIR
#   export CUTLASS_HOME=DIR
#
# DIR is complete or absent: it is made beside its place and renamed. Run again, this does nothing, or replaces what an older
# version of it made.
set -euo pipefail

arguments=("$@")
# shellcheck source=tools/from-pypi.sh
source "$(dirname "${BASH_SOURCE[0]}")/from-pypi.sh"
begin_folder CUTLASS_HOME 'nvidia-cutlass==4.2.0'
fetch wheel --no-compile

headers=$new/headers
mkdir "$headers"
mv "$new/wheel/cutlass_library/source/include" "$headers/" || fail "the package does not hold the headers where they are expected"
cp "$new"/wheel/*.dist-info/licenses/LICENSE.txt "$headers/"
[ -f "$headers/include/cute/tensor.hpp" ] || fail "the package does not hold cute/tensor.hpp"
end_folder "$headers"
