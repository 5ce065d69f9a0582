#!/usr/bin/env bash
# Puts nvcc, cuobjdump and nvdisasm into a folder, for machines without CUDA: 300 MB from NVIDIA's packages on PyPI.
# Needs python3 with pip, and g++ for nvcc to compile with. No GPU, no driver, no administrator.
#
#   tools/cuda-toolkit.sh DIR
#   export CUDA_HOME=DIR
#
# DIR is complete or absent: it is made beside its place and renamed. Run again, this does nothing, or replaces what an older
# version of it made.
set -euo pipefail

# One release of the compiler and its headers; the disassemblers have come to PyPI only later, and read what older ones wrote.
packages=(
    'nvidia-cuda-nvcc==13.0.*'
    'nvidia-nvvm==13.0.*'
    'nvidia-cuda-crt==13.0.*'
    'nvidia-cuda-runtime==13.0.*'
    'nvidia-cuda-cccl==13.0.*'
    'nvidia-cuda-cuobjdump==13.5.*'
    'nvidia-cuda-nvdisasm==13.5.*'
)

arguments=("$@")
# shellcheck source=tools/from-pypi.sh
source "$(dirname "${BASH_SOURCE[0]}")/from-pypi.sh"
begin_folder CUDA_HOME "${packages[@]}"
fetch wheels

toolkit=$new/wheels/nvidia/cu13
[ -d "$toolkit" ] || fail "the packages do not hold the folder nvidia/cu13, which they are expected to"
ln -s lib "$toolkit/lib64" # where nvcc looks when it links
mkdir "$toolkit/licenses"
for package in "$new"/wheels/*.dist-info; do
    find "$package" -iname 'license*' -type f -exec cp {} "$toolkit/licenses/$(basename "$package" .dist-info).txt" \;
done
for tool in nvcc ptxas cuobjdump nvdisasm; do
    "$toolkit/bin/$tool" --version >/dev/null || fail "$tool does not run"
done
[ -f "$toolkit/lib/libcudart_static.a" ] || fail "the packages do not hold libcudart_static.a"
end_folder "$toolkit"
