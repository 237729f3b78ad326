# SPDX-License-Identifier: Apache-2.0
"""What the comparisons share: timing as `clxlstm bench` does it, a check of the numbers, and a report of its schema.

docs/bench-schema.md describes the report. Needs the package numpy.
"""
import datetime
import json
import math
import os
import platform
import sys
import time

import numpy as np

FOOTPRINT_BYTES = 256 << 20  # tensors of all sets together, so that no cache holds them
SETS_MAX = 64
RUNS_LEAST, RUNS_MOST, FILL_S, WARMUP = 20, 2000, 0.1, 3
CHECKED_ROWS = 8
RESULT = (
    "device engine op shape dtype gates variant status message runs warmup buffer_sets median_ms min_ms p10_ms p90_ms max_ms "
    "events_ms wall_ms clock host_us host_max_us row_us flops bytes work unit speed ceiling ceiling_percent extra_bytes "
    "tensor_bytes judged_rows worst_ratio rms_ratio rms_limit"
).split()
TEXTS = "engine op shape dtype gates variant status message clock work unit ceiling".split()


def first_line(path):
    try:
        with open(path) as file:
            return file.readline().strip()
    except OSError:
        return ""


def cpuinfo(key):
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith(key) and ":" in line:
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return ""


def cpu_mhz():
    current = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq")
    if current:
        return float(current) / 1e3
    return float(cpuinfo("cpu MHz") or "nan")


def cpu_name():
    return cpuinfo("model name") or platform.processor() or platform.machine()


def finite(value):
    return value if value is None or math.isfinite(value) else None


class Report:
    """One run on one device."""

    def __init__(self, version, device, runtime, driver, kind):
        uname = platform.uname()
        run = {
            "generator": os.path.relpath(sys.argv[0], os.path.join(os.path.dirname(__file__), "..", "..")),
            "version": version,
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "command": " ".join([os.path.basename(sys.argv[0])] + sys.argv[1:])[:511],
            "system": f"{uname.system} {uname.release} {uname.machine}",
            "cpu": cpu_name(),
            "governor": first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            "processors": os.cpu_count(),
            "cpu_mhz": finite(cpu_mhz()),
        }
        self.device = {"run": 0, "name": device, "platform": runtime, "driver": driver, "version": "", "type": kind}
        self.device.update(compute_units=None, clock_mhz=None, global_bytes=None, local_bytes=None)
        self.data = {"schema": "clxlstm-bench", "schema_version": 1, "runs": [run], "devices": [self.device]}
        self.data.update(ceilings=[], results=[], starts=[])

    def add(self, engine, op, shape, dtype, gates="", **fields):
        """Appends a result and says it in a line."""
        result = {name: "" if name in TEXTS else None for name in RESULT}
        result.update(device=0, engine=engine, op=op, shape="x".join(map(str, shape)), dtype=dtype, gates=gates, status="passed")
        result.update(fields)
        if result["median_ms"]:
            work = result["bytes"] if result["unit"] == "B/s" else result["flops"]
            result["speed"] = work / result["median_ms"] * 1e3
        self.data["results"].append({name: result[name] for name in RESULT})
        where = f"{engine:32} {op:16} {result['shape']:20} {dtype:4} {gates:7}"
        if result["median_ms"]:
            print(f"{where} {result['median_ms']:9.4f} ms {result['speed'] / 1e9:9.2f} G{result['unit']} {result['status']}",
                  file=sys.stderr, flush=True)
        else:
            print(f"{where} {result['status']}: {result['message']}", file=sys.stderr, flush=True)

    def fail(self, engine, op, shape, dtype, error, gates=""):
        message = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        self.add(engine, op, shape, dtype, gates, status="failed", message=message)

    def write(self, path):
        text = json.dumps(self.data, indent=1, allow_nan=False) + "\n"
        if path == "-":
            sys.stdout.write(text)
        elif path:
            with open(path, "w") as file:
                file.write(text)


def sets_for(tensor_bytes):
    """How many copies of the tensors calls go through in turn."""
    return max(1, min(SETS_MAX, -(-FOOTPRINT_BYTES // max(1, tensor_bytes))))


def runs_for(call_s):
    return int(min(RUNS_MOST, max(RUNS_LEAST, math.ceil(FILL_S / max(call_s, 1e-7)))))


def measure(call, sets):
    """Times call(i), which returns when the result of set i is there: fields of a result. Each call is timed by itself, by the
    host's clock."""
    began = 0.0
    for index in range(WARMUP):
        began = time.perf_counter()
        call(index % sets)
    count = runs_for(time.perf_counter() - began)
    times = []
    row = time.perf_counter()
    for index in range(count):
        began = time.perf_counter()
        call(index % sets)
        times.append((time.perf_counter() - began) * 1e3)
    return timing(times, sets, wall_ms=(time.perf_counter() - row) * 1e3)


def timing(times, sets, wall_ms=None):
    """Fields of a result, from the milliseconds of its calls."""
    p10, median, p90 = (float(x) for x in np.percentile(times, [10, 50, 90]))
    return {"runs": len(times), "warmup": WARMUP, "buffer_sets": sets, "median_ms": median, "min_ms": min(times),
            "p10_ms": p10, "p90_ms": p90, "max_ms": max(times), "wall_ms": wall_ms}


def log_sigmoid(x):
    return np.minimum(x, 0.0) - np.log1p(np.exp(-np.abs(x)))


def mlstm_rows(q, k, v, igate, fgate, rows, eps=1e-6):
    """Rows of the mLSTM of one head in float64 (docs/math.md)."""
    F = np.cumsum(log_sigmoid(fgate))
    out = []
    for t in rows:
        logD = F[t] - F[: t + 1] + igate[: t + 1]
        m = logD.max()
        a = (k[: t + 1] @ q[t]) / math.sqrt(q.shape[1]) * np.exp(logD - m)
        out.append(a @ v[: t + 1] / (max(abs(a.sum()), math.exp(-m)) + eps))
    return np.array(out)


def attention_rows(q, k, v, rows):
    """Rows of causal softmax attention of one head in float64."""
    out = []
    for t in rows:
        s = (k[: t + 1] @ q[t]) / math.sqrt(q.shape[1])
        p = np.exp(s - s.max())
        out.append(p @ v[: t + 1] / p.sum())
    return np.array(out)


def choose_rows(S):
    return sorted({0, S - 1, *np.random.default_rng(2).integers(0, S, CHECKED_ROWS - 2).tolist()})


def verdict(found, expected, dtype):
    """Fields that say whether the numbers are right, by a loose rule: others may round where clxlstm does not."""
    share = {"f32": 1e-3, "f16": 2e-2, "bf16": 1e-1}[dtype]
    error = np.abs(np.asarray(found, np.float64) - expected).max()
    right = bool(error <= share * np.abs(expected).max())
    return {"status": "passed" if right else "wrong", "message": "" if right else f"error {error:.3g}",
            "judged_rows": len(expected)}


# What is measured on a CPU, and what of it is quick.
CPU_SHAPES = [(1, 4, 1024, 64, 64), (1, 8, 2048, 64, 128), (1, 4, 2048, 128, 256), (1, 4, 512, 256, 512)]
QUICK_SHAPES = [(1, 4, 1024, 64, 64), (1, 4, 512, 256, 512)]


def parallel_flops(shape):
    B, NH, S, DHQK, DHV = shape
    return B * NH * S * S * (DHQK + DHV)


def as_attention(shape):
    """The same with DHV = DHQK, which is what attention kernels take."""
    return (*shape[:4], shape[3])
