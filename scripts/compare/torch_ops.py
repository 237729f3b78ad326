#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times what a user of PyTorch would run for single operators, for a comparison in one run.

usage: torch_ops.py [--device cuda|cpu] [--batch N ...] [--repeat N]

  step      one mLSTM decode step, 8 heads of 256 x 512, f32 state, written plainly; on CUDA launched one by one and as a
            CUDA graph of 100 steps
  rms_norm  131072 x 4096 bf16 (CPU: 4096 x 4096): memory read and written per second

Prints one line each, medians. Needs the package torch.
"""
import argparse
import statistics
import time

import torch

NH, DHQK, DHV = 8, 256, 512


def step(C, n, m, q, k, v, igate, fgate, eps=1e-6):
    """docs/math.md, recurrent form; the state is updated in place."""
    lf = torch.nn.functional.logsigmoid(fgate)
    m_new = torch.maximum(lf + m, igate)
    a, b = torch.exp(lf + m - m_new), torch.exp(igate - m_new)
    C.mul_(a[..., None, None]).add_((b[..., None] * k)[..., None] * v[..., None, :])
    n.mul_(a[..., None]).add_(b[..., None] * k)
    scale = DHQK**-0.5
    N = torch.maximum((n * q).sum(-1).abs() * scale, torch.exp(-m_new))
    h = torch.matmul(q[..., None, :], C)[..., 0, :] * scale / (N + eps)[..., None]
    m.copy_(m_new)
    return h


def make_step(batch, device):
    random = lambda *size: torch.randn(*size, device=device)
    C, n, m = random(batch, NH, DHQK, DHV), random(batch, NH, DHQK), torch.zeros(batch, NH, device=device)
    q, k, v = random(batch, NH, DHQK), random(batch, NH, DHQK), random(batch, NH, DHV)
    igate, fgate = random(batch, NH), random(batch, NH) + 3
    return lambda: step(C, n, m, q, k, v, igate, fgate)


def median_ms(run, device, repeat, inner=1):
    """Median time of one of the `inner` calls that `run` makes."""
    times = []
    for i in range(repeat + 3):
        if device == "cuda":
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            run()
            end.record()
            torch.cuda.synchronize()
            times.append(start.elapsed_time(end) / inner)
        else:
            begin = time.perf_counter()
            run()
            times.append((time.perf_counter() - begin) * 1e3 / inner)
    return statistics.median(times[3:])


def as_graph(run, count):
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(count):
            run()
    return graph.replay


def time_step(batch, device, repeat):
    run = make_step(batch, device)
    inner = 100
    in_a_row = lambda: [run() for _ in range(inner)]
    bytes_moved = 2 * 4 * batch * NH * DHQK * DHV
    rows = [("one by one", median_ms(in_a_row, device, repeat, inner))]
    if device == "cuda":
        rows.append(("in a graph", median_ms(as_graph(run, inner), device, repeat, inner)))
    for name, ms in rows:
        print(f"step B={batch} {name}: {ms:.4f} ms, {bytes_moved / ms / 1e9:.2f} TB/s of state", flush=True)


def time_rms_norm(device, repeat):
    rows = 131072 if device == "cuda" else 4096
    x = torch.randn(rows, 4096, device=device).to(torch.bfloat16)
    weight = torch.ones(4096, device=device, dtype=torch.bfloat16)
    ms = median_ms(lambda: torch.nn.functional.rms_norm(x, (4096,), weight), device, repeat)
    print(f"rms_norm {rows}x4096 bf16: {ms:.3f} ms, {2 * 2 * x.numel() / ms / 1e9:.2f} TB/s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=["cuda", "cpu"])
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 64])
    parser.add_argument("--repeat", type=int, default=20)
    args = parser.parse_args()
    with torch.no_grad():
        for batch in args.batch:
            time_step(batch, args.device, args.repeat)
        time_rms_norm(args.device, args.repeat)


if __name__ == "__main__":
    main()
