#!/usr/bin/env bash
# Packs the tests and benchmarks into one archive for a machine with a GPU that has neither Rust nor CUDA nor a network: it
# needs NVIDIA's driver, and a C library no older than the one here.
#
#   tools/bundle.sh OUT.tar.gz
#   scp OUT.tar.gz gpu: && ssh gpu 'tar xzf OUT.tar.gz && warpweave-bundle/run.sh'
#
# Needs Rust, g++ and nvcc (NVCC, CUDA_HOME or PATH; tools/cuda-toolkit.sh brings it). WARPWEAVE_CUDA_ARCHS says for which GPUs.
set -euo pipefail

fail() {
    echo "bundle.sh: $1" >&2
    exit 1
}

[ $# -eq 1 ] || fail "expected one argument, the archive to write; got $#"
out=$(realpath -m "$1")
mkdir -p "$(dirname "$out")" || fail "cannot create the folder of $out"
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bundle=$work/warpweave-bundle
mkdir -p "$bundle"/{bin,programs,data}

# ---- Rust: the library's unit tests, the conformance tests, the benchmarks, the program itself
cargo test --release --no-run --features cuda,sim --lib --test conformance --bench ops 2>&1 | tee "$work/log" >&2
take() { # NAME SOURCE: what cargo made of a source, as NAME
    local made
    made=$(sed -n "s|^ *Executable .*$2 (\(.*\))\$|\1|p" "$work/log")
    [ -x "$made" ] || fail "cargo did not say what it made of $2"
    cp "$made" "$bundle/bin/$1"
}
take unit src/lib.rs
take conformance tests/conformance/main.rs
take ops benches/ops/main.rs
cp "$(dirname "$(dirname "$(sed -n 's|^ *Executable .*src/lib.rs (\(.*\))$|\1|p' "$work/log")")")/warpweave" "$bundle/bin/warpweave"
"$bundle/bin/warpweave" info | grep 'cuda:0' | grep -q 'when this was built' && fail "$("$bundle/bin/warpweave" info)"
cp data/* "$bundle/data/"

# ---- The kernels' own test programs: each is a file with a `main`, and returns 0 when all is right
nvcc=${NVCC:-${CUDA_HOME:-${CUDA_PATH:-}}}
[ -z "${NVCC:-}" ] && [ -n "$nvcc" ] && nvcc=$nvcc/bin/nvcc
compile() { # SOURCE
    local source=$1 name archs=() arch oldest library options
    name=$(basename "$(dirname "$source")")-$(basename "$source" .cu)
    oldest=$(sed -n 's|^// arch: ||p' "$source") # what it uses came with this one
    for arch in $(tr ',' ' ' <<<"${WARPWEAVE_CUDA_ARCHS:-80,90a}"); do
        [ "${arch%[a-z]}" -lt "${oldest:-0}" ] || archs+=(-gencode "arch=compute_$arch,code=[sm_$arch,compute_$arch]")
    done
    [ ${#archs[@]} -gt 0 ] || { echo "bundle.sh: left out $source, which needs sm_$oldest" >&2; return; }
    # run.sh reads from the name which GPUs can run it.
    [ -z "$oldest" ] || name+=.sm_$oldest
    options=$(sed -n 's|^// nvcc: ||p' "$source")
    # shellcheck disable=SC2086 # options are words
    "${nvcc:-nvcc}" -std=c++17 -O2 -lineinfo -I kernels -I kernels/include "${archs[@]}" $options "$source" \
        -o "$bundle/programs/$name" 2>"$work/$name.log" && return
    library=$(sed -n 's|^// library: ||p' "$source")
    if [ -n "$library" ] && grep -q "$library: No such file" "$work/$name.log"; then
        echo "bundle.sh: left out $source: this nvcc comes without $library" >&2
        return
    fi
    cat "$work/$name.log" >&2
    echo "bundle.sh: $source does not compile" >&2
    return 1
}
failed=0
for source in kernels/tests/{device,hopper,ptx,runtime,samples}/*.cu; do
    [ -e "$source" ] || continue
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n || failed=1; done
    compile "$source" &
done
while [ -n "$(jobs -p)" ]; do wait -n || failed=1; done
[ $failed -eq 0 ] || fail "not all programs of kernels/tests compile"

cp tools/bundle-run.sh "$bundle/run.sh"
cp tools/compare_torch.py "$bundle/"
{
    git rev-parse HEAD 2>/dev/null || true
    "$bundle/bin/warpweave" info
} >"$bundle/BUILT"
tar -C "$work" -czf "$out.partial" warpweave-bundle
mv "$out.partial" "$out"
echo "$out: $(du -h "$out" | cut -f1)"
