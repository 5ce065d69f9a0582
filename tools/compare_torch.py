#!/usr/bin/env python3
"""PyTorch's figures for the operations that memory bounds, and Liger's where it is installed, measured as `benches/ops` does
on a GPU: between two events around each call, the second-level cache emptied before it, calls enqueued without waiting.

    pip install torch liger-kernel
    tools/compare_torch.py                  # beside `cargo bench`, on the same machine
    tools/compare_torch.py softmax          # benchmarks whose path contains a word

Rates count the least bytes: each input read once, each output written once.
"""

import argparse
import functools
import statistics

import torch
import torch.nn.functional as F

# WIDE of benches/ops/support.rs, as rows and columns.
SHAPES = [(16384, 4096), (8192, 8192), (2048, 65536)]
TYPES = [torch.float32, torch.bfloat16, torch.float16]
SAMPLES, CALLS = 11, 20


class Clock:
    def __init__(self):
        cache = torch.cuda.get_device_properties(0).L2_cache_size
        self.flushed = torch.empty(4 * cache, dtype=torch.uint8, device="cuda")
        event = functools.partial(torch.cuda.Event, enable_timing=True)
        self.pairs = [(event(), event()) for _ in range(CALLS)]

    def seconds(self, call):
        """The median over the samples of the mean time of a call."""
        for _ in range(3):
            call()
        samples = []
        for _ in range(SAMPLES):
            for start, end in self.pairs:
                self.flushed.zero_()
                start.record()
                call()
                end.record()
            torch.cuda.synchronize()
            samples.append(statistics.mean(start.elapsed_time(end) for start, end in self.pairs) / 1e3)
        return statistics.median(samples)


def gradient(forward, *inputs):
    """A call of the backward pass alone, for random output gradients."""
    y = forward()
    dy = torch.randn_like(y)
    return lambda: torch.autograd.grad(y, inputs, dy, retain_graph=True)


def benchmarks(rows, columns, dtype):
    """(path, matrices of this shape and type that move, call), each made when it is reached."""
    matrix = functools.partial(torch.randn, rows, columns, dtype=dtype, device="cuda")
    x = matrix(requires_grad=True)
    gamma, beta = (torch.randn(columns, dtype=dtype, device="cuda", requires_grad=True) for _ in range(2))
    targets = torch.randint(columns, (rows,), device="cuda")
    layer = lambda: F.layer_norm(x, (columns,), gamma, beta, 1e-5)
    rms = lambda: F.rms_norm(x, (columns,), gamma, 1e-5)
    softmax = lambda: F.softmax(x, -1)
    loss = lambda: F.cross_entropy(x, targets)

    def without_gradient(forward):
        def call():
            with torch.no_grad():
                forward()

        return call

    yield "norm/layer", 2, without_gradient(layer)
    yield "norm/rms", 2, without_gradient(rms)
    yield "softmax/all", 2, without_gradient(softmax)
    yield "norm_backward/layer", 3, gradient(layer, x, gamma, beta)
    yield "norm_backward/rms", 3, gradient(rms, x, gamma)
    yield "softmax_backward/all", 3, gradient(softmax, x)
    yield "cross_entropy_fused/mean", 2, lambda: torch.autograd.grad(loss(), x)
    try:
        from liger_kernel.ops.cross_entropy import LigerCrossEntropyFunction
        from liger_kernel.ops.layer_norm import LigerLayerNormFunction
        from liger_kernel.ops.rms_norm import LigerRMSNormFunction
    except ImportError:
        return
    liger_layer = lambda: LigerLayerNormFunction.apply(x, gamma, beta, 1e-5)
    liger_rms = lambda: LigerRMSNormFunction.apply(x, gamma, 1e-5)
    yield "liger: norm/layer", 2, without_gradient(liger_layer)
    yield "liger: norm/rms", 2, without_gradient(liger_rms)
    yield "liger: norm_backward/layer", 3, gradient(liger_layer, x, gamma, beta)
    yield "liger: norm_backward/rms", 3, gradient(liger_rms, x, gamma)

    # The forward pass leaves the gradient in place of the logits, as ours does.
    def liger_loss():
        result = LigerCrossEntropyFunction.apply(x.detach().requires_grad_(), targets, None, -100)
        return result[0] if isinstance(result, tuple) else result

    yield "liger: cross_entropy_fused/mean", 2, liger_loss


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("word", nargs="?", default="", help="run what has this in its path")
    word = parser.parse_args().word
    clock = Clock()
    source, target = (torch.empty(1 << 29, dtype=torch.uint8, device="cuda") for _ in range(2))
    copy = 2 * source.numel() / clock.seconds(lambda: target.copy_(source))
    del source, target
    print(f"{torch.cuda.get_device_name(0)}, torch {torch.__version__}; a copy moves {copy / 1e9:.1f} GB/s\n")
    print("| benchmark | time | rate | fraction of copy |\n|---|---|---|---|")
    for rows, columns in SHAPES:
        for dtype in TYPES:
            suffix = {torch.float32: "", torch.bfloat16: "-bf16", torch.float16: "-f16"}[dtype]
            for path, matrices, call in benchmarks(rows, columns, dtype):
                path = f"{path}{suffix}/{rows}x{columns}"
                if word not in path:
                    continue
                seconds = clock.seconds(call)
                rate = matrices * rows * columns * dtype.itemsize / seconds
                print(f"| {path} | {seconds * 1e6:.2f} µs | {rate / 1e9:.1f} GB/s | {rate / copy:.2f} |", flush=True)


if __name__ == "__main__":
    main()
