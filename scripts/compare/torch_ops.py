#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times what a user of PyTorch would run for single operators, for a comparison in one run.

usage: torch_ops.py [--device cuda|cpu] [--suite quick|full] [--dtype f32,bf16] [--json FILE]

  attention        scaled_dot_product_attention, causal; on CUDA each of its implementations
  mlstm_recurrent  one decode step, 8 heads of 256 x 512, f32 state, written plainly; on CUDA launched one by one and as a
                   graph of many steps
  rmsnorm          rows of 4096

A report of the schema of docs/bench-schema.md goes to FILE (- is standard output); a line for each result to standard error.
Needs the packages torch and numpy.
"""
import argparse
import contextlib

import numpy as np
import torch

import report

DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
NH, DHQK, DHV = 8, 256, 512
CUDA_SHAPES = [(8, 16, 2048, 128, 128), (1, 8, 2048, 256, 256), (8, 8, 2048, 256, 256), (1, 8, 16384, 256, 256)]
CUDA_QUICK = [(8, 16, 2048, 128, 128)]
STEPS_IN_GRAPH = 64


def random(size, dtype, device):
    return torch.randn(*size, device=device).to(dtype)


def measure_cuda(call, sets, inner=1):
    """Like report.measure, by CUDA's events; `inner` calls are in one call(i)."""
    def once(index):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call(index % sets)
        end.record()
        return start, end

    for index in range(report.WARMUP):
        start, end = once(index)
        torch.cuda.synchronize()
    count = max(report.RUNS_LEAST, report.runs_for(start.elapsed_time(end) / 1e3) // inner)
    events = [once(index) for index in range(count)]
    torch.cuda.synchronize()
    return report.timing([start.elapsed_time(end) / inner for start, end in events], sets)


def measure(device, call, sets):
    return measure_cuda(call, sets) if device == "cuda" else report.measure(call, sets)


def attention_kernels(device):
    """Names, and what chooses the implementation."""
    if device == "cpu":
        return [("PyTorch SDPA", contextlib.nullcontext)]
    from torch.nn.attention import SDPBackend, sdpa_kernel

    return [
        ("PyTorch FlashAttention", lambda: sdpa_kernel(SDPBackend.FLASH_ATTENTION)),
        ("PyTorch cuDNN", lambda: sdpa_kernel(SDPBackend.CUDNN_ATTENTION)),
        ("PyTorch memory-efficient", lambda: sdpa_kernel(SDPBackend.EFFICIENT_ATTENTION)),
    ]


def time_attention(out, device, shape, dtype):
    sdpa = torch.nn.functional.scaled_dot_product_attention
    size = shape[:4]
    element = torch.empty(0, dtype=DTYPES[dtype]).element_size()
    tensor_bytes = 4 * element * int(np.prod(size))
    sets = [[random(size, DTYPES[dtype], device) for _ in range(3)] for _ in range(report.sets_for(tensor_bytes))]
    rows = report.choose_rows(shape[2])
    expected = report.attention_rows(*(x[0, -1].double().cpu().numpy() for x in sets[0]), rows)
    for name, choose in attention_kernels(device):
        try:
            with choose():
                found = sdpa(*sets[0], is_causal=True)[0, -1].double().cpu().numpy()[rows]
                times = measure(device, lambda index: sdpa(*sets[index], is_causal=True), len(sets))
            out.add(name, "attention", shape, dtype, **times, **report.verdict(found, expected, dtype),
                    variant="scaled_dot_product_attention", flops=report.parallel_flops(shape), bytes=tensor_bytes,
                    tensor_bytes=tensor_bytes, unit="FLOP/s", work="B*NH*S^2*(DHQK+DHV)")
        except RuntimeError as error:
            out.fail(name, "attention", shape, dtype, error)


class Step:
    """A decode step from a state of its own; docs/math.md, recurrent form, updated in place."""

    def __init__(self, batch, dtype, device):
        self.C = random((batch, NH, DHQK, DHV), torch.float32, device)
        self.n = random((batch, NH, DHQK), torch.float32, device)
        self.m = torch.zeros(batch, NH, device=device)
        self.q, self.k = (random((batch, NH, DHQK), dtype, device) for _ in range(2))
        self.v = random((batch, NH, DHV), dtype, device)
        self.igate, self.fgate = random((batch, NH), torch.float32, device), torch.full((batch, NH), 20.0, device=device)

    def __call__(self, eps=1e-6):
        q, k, v = self.q.float(), self.k.float(), self.v.float()
        lf = torch.nn.functional.logsigmoid(self.fgate)
        m_new = torch.maximum(lf + self.m, self.igate)
        a, b = torch.exp(lf + self.m - m_new), torch.exp(self.igate - m_new)
        self.C.mul_(a[..., None, None]).add_((b[..., None] * k)[..., None] * v[..., None, :])
        self.n.mul_(a[..., None]).add_(b[..., None] * k)
        scale = DHQK**-0.5
        N = torch.maximum((self.n * q).sum(-1).abs() * scale, torch.exp(-m_new))
        h = torch.matmul(q[..., None, :], self.C)[..., 0, :] * scale / (N + eps)[..., None]
        self.m.copy_(m_new)
        return h.to(self.q.dtype)

    def expected(self):
        """h of the last head after the next call, in float64."""
        C, n, m, q, k, v, i, f = (x[-1, -1].double().cpu().numpy() for x in (
            self.C, self.n, self.m, self.q, self.k, self.v, self.igate, self.fgate))
        lf = report.log_sigmoid(f)
        m_new = max(lf + m, i)
        a, b = np.exp(lf + m - m_new), np.exp(i - m_new)
        n = a * n + b * k
        C = a * C + b * np.outer(k, v)
        return q @ C / 16.0 / (max(abs(n @ q) / 16.0, np.exp(-m_new)) + 1e-6)


def as_graph(steps):
    for step in steps:
        step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for index in range(STEPS_IN_GRAPH):
            steps[index % len(steps)]()
    return graph


def time_step(out, device, batch, dtype):
    shape = (batch, NH, 1, DHQK, DHV)
    state_bytes = 4 * batch * NH * DHQK * DHV
    steps = [Step(batch, DTYPES[dtype], device) for _ in range(report.sets_for(state_bytes))]
    expected = steps[0].expected()
    check = report.verdict(steps[0]()[-1, -1].double().cpu().numpy(), expected, dtype)
    check["judged_rows"] = 1
    fields = {"flops": 5 * batch * NH * DHQK * DHV, "bytes": 2 * state_bytes, "tensor_bytes": state_bytes, "unit": "B/s",
              "work": "C read and written, 8*B*NH*DHQK*DHV"}
    times = measure(device, lambda index: steps[index](), len(steps))
    name = "PyTorch" if device == "cpu" else "PyTorch, one by one"
    out.add(name, "mlstm_recurrent", shape, dtype, "keep", **times, **check, **fields, variant="eager")
    if device == "cuda":
        graph = as_graph(steps)
        times = measure_cuda(lambda index: graph.replay(), 1, STEPS_IN_GRAPH)
        times["buffer_sets"] = min(len(steps), STEPS_IN_GRAPH)
        out.add("PyTorch, in a CUDA graph", "mlstm_recurrent", shape, dtype, "keep", **times, **check, **fields,
                variant=f"graph of {STEPS_IN_GRAPH} steps")


def time_rms_norm(out, device, dtype):
    rows, D = (131072 if device == "cuda" else 4096), 4096
    element = torch.empty(0, dtype=DTYPES[dtype]).element_size()
    tensor_bytes = 2 * element * rows * D
    sets = [random((rows, D), DTYPES[dtype], device) for _ in range(report.sets_for(tensor_bytes))]
    weight = random((D,), DTYPES[dtype], device)
    norm = lambda x: torch.nn.functional.rms_norm(x, (D,), weight, eps=1e-6)
    x = sets[0][:4].double().cpu().numpy()
    expected = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6) * weight.double().cpu().numpy()
    check = report.verdict(norm(sets[0])[:4].double().cpu().numpy(), expected, dtype)
    times = measure(device, lambda index: norm(sets[index]), len(sets))
    out.add("PyTorch", "rmsnorm", (1, 1, rows, D, D), dtype, **times, **check, variant="rms_norm", flops=4 * rows * D,
            bytes=tensor_bytes, tensor_bytes=tensor_bytes, unit="B/s", work="x read, y written")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=["cuda", "cpu"])
    parser.add_argument("--suite", default="full", choices=["quick", "full"])
    parser.add_argument("--dtype", default="f32,bf16")
    parser.add_argument("--json", default="")
    args = parser.parse_args()
    device, quick = args.device, args.suite == "quick"
    name = torch.cuda.get_device_name() if device == "cuda" else report.cpu_name()
    driver = f"CUDA {torch.version.cuda}" if device == "cuda" else f"{torch.get_num_threads()} threads"
    out = report.Report(f"PyTorch {torch.__version__}", name, "PyTorch", driver, "gpu" if device == "cuda" else "cpu")
    if device == "cuda":
        shapes = CUDA_QUICK if quick else CUDA_SHAPES
        batches = [1, 64] if quick else [1, 8, 64, 256]
    else:
        shapes = [report.as_attention(s) for s in (report.QUICK_SHAPES if quick else report.CPU_SHAPES)]
        batches = [1] if quick else [1, 8]
    with torch.no_grad():
        for dtype in args.dtype.split(","):
            for shape in shapes:
                time_attention(out, device, shape, dtype)
            for batch in batches:
                time_step(out, device, batch, dtype)
            time_rms_norm(out, device, dtype)
    out.write(args.json)


if __name__ == "__main__":
    main()
