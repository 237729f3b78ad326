#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looks for shapes at which the kernels that clxlstm chooses are slower than `simt`, its plain ones.

usage: choice.py [--device D] [--program PATH] [--dtype f32,bf16] [--rounds 2] [--json FILE]

Measures each shape with both, round by round in turn: short calls are ruled by the state of clocks and driver, which differs
from one process to the next. Prints the pairs that lose in their best rounds, and a summary.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile

SIZES = ["16x16", "64x64", "128x128", "128x256", "256x256", "256x512"]
TOKENS = [1, 16, 64, 128, 256, 512, 1024, 2048]
HEADS = ["1x1", "1x8", "8x8"]
OPS = ["mlstm_parallel", "attention"]


def measure(arguments, op, size, variants):
    """Median milliseconds by (op, shape, dtype), and the variant that gave them."""
    shapes = ",".join(f"{heads}x{S}x{size}" for heads in HEADS for S in TOKENS)
    command = [arguments.program, "bench", op, "--shape", shapes, "--dtype", arguments.dtype, "--no-ceilings"]
    if arguments.device:
        command += ["--device", arguments.device]
    if variants:
        command += ["--variants", variants]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.json")
        run = subprocess.run(command + ["--json", path], capture_output=True, text=True)
        if not os.path.exists(path):
            raise SystemExit(f"{' '.join(command)}: {run.stderr.strip()}")
        with open(path, encoding="utf-8") as file:
            results = json.load(file)["results"]
    for x in results:
        if x["status"] not in ("passed", "skipped"):
            raise SystemExit(f"{op} {x['shape']} {x['dtype']}: {x['status']} {x['message']}")
    return {(op, x["shape"], x["dtype"]): (x["median_ms"], x["variant"]) for x in results if x["status"] == "passed"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="")
    parser.add_argument("--program", default="build/main/tools/clxlstm")
    parser.add_argument("--dtype", default="f32,bf16")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json")
    arguments = parser.parse_args()

    best = {}
    for op in OPS:
        for size in SIZES:
            for variants in ["", "simt"] * arguments.rounds:
                for key, (ms, name) in measure(arguments, op, size, variants).items():
                    row = best.setdefault(key, {})
                    if variants not in row or ms < row[variants][0]:
                        row[variants] = (ms, name)

    pairs = [(*key, row[""][1], row[""][0], row["simt"][0]) for key, row in best.items()
             if len(row) == 2 and row[""][1] != row["simt"][1]]
    for op, shape, dtype, name, chosen, plain in pairs:
        if chosen > plain:
            print(f"{op} {shape} {dtype}: {name} {chosen:.4f} ms, simt {plain:.4f} ms")
    for op in OPS:
        for dtype in arguments.dtype.split(","):
            gains = [plain / chosen for o, _, d, _, chosen, plain in pairs if (o, d) == (op, dtype)]
            if gains:
                print(f"{op} {dtype}: {len(gains)} shapes, faster by {min(gains):.2f} to {max(gains):.2f}, "
                      f"median {statistics.median(gains):.2f}")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(pairs, file)


if __name__ == "__main__":
    main()
