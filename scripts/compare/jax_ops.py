#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times mLSTM and attention written plainly in JAX, as a user of that stack would run them, for a comparison in one run.

usage: jax_ops.py [--suite quick|full] [--dtype f32,bf16] [--json FILE]

A report of the schema of docs/bench-schema.md, whose engine is "JAX", goes to FILE (- is standard output); a line for each
result to standard error. Needs the packages jax and numpy.
"""
import argparse

import jax
import jax.numpy as jnp
import numpy as np

import report

DTYPES = {"f32": jnp.float32, "f16": jnp.float16, "bf16": jnp.bfloat16}


def mlstm(q, k, v, igate, fgate, eps=1e-6):
    """docs/math.md, section 1: the stabilised parallel form with an S x S matrix."""
    S, DHQK = q.shape[-2], q.shape[-1]
    F = jnp.cumsum(jax.nn.log_sigmoid(fgate), axis=-1)
    logD = F[..., :, None] - F[..., None, :] + igate[..., None, :]
    logD = jnp.where(jnp.tril(jnp.ones((S, S), bool)), logD, -jnp.inf)
    m = jnp.max(logD, axis=-1, keepdims=True)
    A = jnp.einsum("bhtd,bhsd->bhts", q, k) / jnp.sqrt(DHQK).astype(q.dtype) * jnp.exp(logD - m).astype(q.dtype)
    N = jnp.maximum(jnp.abs(jnp.sum(A, axis=-1, keepdims=True)), jnp.exp(-m).astype(q.dtype))
    return jnp.einsum("bhts,bhsd->bhtd", A, v) / (N + eps)


def attention(q, k, v):
    """Causal softmax attention with an S x S matrix."""
    S, DHQK = q.shape[-2], q.shape[-1]
    s = jnp.einsum("bhtd,bhsd->bhts", q, k, preferred_element_type=jnp.float32) / jnp.sqrt(jnp.float32(DHQK))
    p = jax.nn.softmax(jnp.where(jnp.tril(jnp.ones((S, S), bool)), s, -jnp.inf), axis=-1)
    return jnp.einsum("bhts,bhsd->bhtd", p.astype(v.dtype), v)


def make_inputs(shape, dtype, gated, seed):
    B, NH, S, DHQK, DHV = shape
    rng = np.random.default_rng(seed)
    tensors = [jnp.asarray(rng.standard_normal((B, NH, S, D)), dtype) for D in (DHQK, DHQK, DHV)]
    if gated:
        tensors.append(jnp.asarray(rng.standard_normal((B, NH, S)), jnp.float32))
        tensors.append(jnp.full((B, NH, S), 20.0, jnp.float32))
    return tensors


def run(out, op, shape, dtype):
    gates = "keep" if op == "mlstm_parallel" else ""
    function = jax.jit(mlstm if gates else attention)
    first = make_inputs(shape, DTYPES[dtype], bool(gates), 1)
    # q, k, v, gates, and h, which is as large as v
    tensor_bytes = sum(x.nbytes for x in first) + first[2].nbytes
    sets = [first] + [make_inputs(shape, DTYPES[dtype], bool(gates), 1 + n) for n in range(1, report.sets_for(tensor_bytes))]
    times = report.measure(lambda index: function(*sets[index]).block_until_ready(), len(sets))
    rows = report.choose_rows(shape[2])
    head = [np.asarray(x, np.float64)[0, -1] for x in first]
    expected = report.mlstm_rows(*head, rows) if gates else report.attention_rows(*head, rows)
    found = np.asarray(function(*first), np.float64)[0, -1][rows]
    out.add("JAX", op, shape, dtype, gates, **times, **report.verdict(found, expected, dtype), variant="jit, plain formula",
            flops=report.parallel_flops(shape), bytes=tensor_bytes, tensor_bytes=tensor_bytes, unit="FLOP/s",
            work="B*NH*S^2*(DHQK+DHV)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", default="full", choices=["quick", "full"])
    parser.add_argument("--dtype", default="f32,bf16")
    parser.add_argument("--json", default="")
    args = parser.parse_args()
    device = jax.devices()[0]
    kind = "cpu" if device.platform == "cpu" else "gpu"
    name = report.cpu_name() if kind == "cpu" else device.device_kind
    out = report.Report(f"JAX {jax.__version__}", name, "XLA", "", kind)
    for shape in report.QUICK_SHAPES if args.suite == "quick" else report.CPU_SHAPES:
        for dtype in args.dtype.split(","):
            for op, sizes in (("mlstm_parallel", shape), ("attention", report.as_attention(shape))):
                try:
                    run(out, op, sizes, dtype)
                except Exception as error:  # one that cannot be had is a result too
                    out.fail("JAX", op, sizes, dtype, error, "keep" if op == "mlstm_parallel" else "")
    out.write(args.json)


if __name__ == "__main__":
    main()
