#!/usr/bin/env bash
# Runs what the bundle holds on this machine. Without arguments everything, else the steps that are named:
#
#   run.sh [info] [programs] [tests] [sanitizers] [benchmarks] [torch]
#
# To run a part of the benchmarks: bin/ops --bench norm
#
# What each step prints is kept in results/. A GPU is required; with WARPWEAVE_REQUIRE= (empty) tests say what they skip instead.
set -uo pipefail
cd "$(dirname "$0")" || exit 1
export WARPWEAVE_REQUIRE=${WARPWEAVE_REQUIRE-cuda,sim}
export RUST_BACKTRACE=1
mkdir -p results
failures=()

run() { # NAME COMMAND...: a step, whose output is shown and kept
    local name=$1
    shift
    echo "== $name: $*"
    "$@" 2>&1 | tee "results/$name.txt" || failures+=("$name")
}

info() {
    cat BUILT
    run info bin/warpweave info
}

programs() {
    if [ -z "$WARPWEAVE_REQUIRE" ] && bin/warpweave info | grep -q 'cuda:0 *not available'; then
        echo "== programs: skipped, no GPU"
        return
    fi
    local program gpu
    gpu=$(bin/warpweave info | sed -n 's|.*cuda:0 .*compute capability \([0-9]*\)\.\([0-9]\).*|\1\2|p')
    for program in programs/*; do
        if [[ $program == *.sm_* && $gpu -lt ${program##*.sm_} ]]; then
            echo "== $program: skipped, this GPU is sm_$gpu"
            continue
        fi
        run "program-$(basename "$program")" timeout 120 "$program"
    done
}

tests() {
    run unit bin/unit
    run conformance bin/conformance
}

# What the GPU itself finds: accesses out of bounds, reads of what nothing wrote, races in shared memory, barriers misused.
sanitizers() {
    local sanitizer tool
    sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | head -n 1)
    if [ -z "$sanitizer" ]; then
        echo "== sanitizers: skipped, compute-sanitizer was not found in PATH or /usr/local/cuda"
        return
    fi
    for tool in memcheck initcheck racecheck synccheck; do
        run "$tool" "$sanitizer" --tool "$tool" --error-exitcode 1 bin/conformance norm softmax
    done
}

benchmarks() {
    run benchmarks bin/ops --bench
}

# What PyTorch and Liger take for the same, where this machine has them.
torch() {
    if ! python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
        echo "== torch: skipped, python3 has no torch that finds the GPU"
        return
    fi
    run torch python3 compare_torch.py
}

steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(info programs tests sanitizers benchmarks torch)
for step in "${steps[@]}"; do
    case $step in
        info | programs | tests | sanitizers | benchmarks | torch) $step ;;
        *) echo "unknown step \`$step\`: expected info, programs, tests, sanitizers, benchmarks or torch" >&2; exit 2 ;;
    esac
done
if [ ${#failures[@]} -gt 0 ]; then
    echo "FAILED: ${failures[*]}; their output is in results/"
    exit 1
fi
echo "all steps passed"
