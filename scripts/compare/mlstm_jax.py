#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times the parallel mLSTM written plainly in JAX, as a user of that stack would run it, for a comparison in one run.

usage: mlstm_jax.py BxNHxSxDHQKxDHV [...] [--dtype f32|bf16] [--repeat N]

Prints one line a shape: median milliseconds and useful GFLOP/s, B * NH * S^2 * (DHQK + DHV) / time, as
`clxlstm bench mlstm` counts them. Needs the packages jax and numpy.
"""
import argparse
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shapes", nargs="+")
    parser.add_argument("--dtype", default="f32", choices=["f32", "bf16"])
    parser.add_argument("--repeat", type=int, default=20)
    args = parser.parse_args()
    dtype = {"f32": jnp.float32, "bf16": jnp.bfloat16}[args.dtype]
    run = jax.jit(mlstm)
    for shape in args.shapes:
        B, NH, S, DHQK, DHV = (int(x) for x in shape.split("x"))
        rng = np.random.default_rng(0)
        q, k = (jnp.asarray(rng.standard_normal((B, NH, S, DHQK)), dtype) for _ in range(2))
        v = jnp.asarray(rng.standard_normal((B, NH, S, DHV)), dtype)
        igate = jnp.asarray(rng.standard_normal((B, NH, S)), jnp.float32)
        fgate = jnp.full((B, NH, S), 20.0, jnp.float32)
        for _ in range(3):
            run(q, k, v, igate, fgate).block_until_ready()
        times = []
        for _ in range(args.repeat):
            start = time.perf_counter()
            run(q, k, v, igate, fgate).block_until_ready()
            times.append(time.perf_counter() - start)
        median = statistics.median(times)
        print(f"{shape} {args.dtype} {median * 1e3:.2f} ms {B * NH * S * S * (DHQK + DHV) / median / 1e9:.1f} GFLOP/s")


if __name__ == "__main__":
    main()
