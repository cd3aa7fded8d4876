"""Sequences per second of the recency simulators against the plain implementation, in the style of the official code.

Run it alone on a quiet machine (about 4 minutes): ``python bench/recency.py [--rounds 3 --scale 1.0 --widths 16 64]``.
Equal work: ten tokens, four layers with LayerNorm, alpha 0.5; mean score map and recency probability of every layer.
Every measurement runs in a process of its own, on one thread, so that its peak memory is its own; rounds are
interleaved, so that a disturbance of the machine meets all variants.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time

TOKENS, LAYERS, ALPHA = 10, 4, 0.5
WIDTHS = (16, 64, 256, 1024)
AT_ONCE = 20_000
PLAIN = {"plain, at once": AT_ONCE, "plain, chunks of 2,000": 2_000, "plain, chunks of 200": 200}
VARIANTS = (*PLAIN, "direct32", "gram")


def size(variant: str, width: int, scale: float) -> int:
    """How many sequences one measurement takes: about a second of them."""
    many = {"gram": 200_000, "direct32": 10_000_000 // (width + 60)}.get(variant, 5_000_000 // (width + 80))
    return AT_ONCE if variant == "plain, at once" else max(2_000, int(many * scale) // 2_000 * 2_000)


def plain_layer(tokens):
    """Scores and outputs of one layer, as the official code computes them."""
    import torch
    import torch.nn.functional as functional

    hidden = functional.layer_norm(tokens, tokens.shape[-1:], eps=1e-12)
    scores = hidden @ hidden.mT / math.sqrt(tokens.shape[-1])
    hidden_keys = torch.full(scores.shape[-2:], float("-inf")).triu(1)
    scores = scores + hidden_keys
    return functional.softmax(scores, dim=-1) @ hidden, scores


def plain_recency(scores) -> float:
    """Share of the triples that prefer the later key, by one comparison tensor (sequence, query, key, key)."""
    import torch

    index = torch.arange(TOKENS)
    query, earlier, later = index.view(-1, 1, 1), index.view(1, -1, 1), index.view(1, 1, -1)
    triples = (query > later) & (earlier < later)
    hits = ((scores.unsqueeze(2) > scores.unsqueeze(3)) & triples).sum().item()
    return hits / (len(scores) * math.comb(TOKENS, 3))


def plain(width: int, sequences: int, chunk: int) -> list[float]:
    """Recency probabilities of the layers by the plain implementation, float32; mean maps are made and dropped."""
    import torch

    torch.manual_seed(0)
    shared = math.sqrt(ALPHA / (1 - ALPHA))
    maps, found = torch.zeros(LAYERS, TOKENS, TOKENS), [0.0] * LAYERS
    for _ in range(sequences // chunk):
        tokens = torch.randn(chunk, TOKENS, width) + shared * torch.randn(chunk, 1, width)
        tokens = tokens / math.sqrt(width)
        for layer in range(LAYERS):
            tokens, scores = plain_layer(tokens)
            maps[layer] += scores.mean(0) * chunk / sequences
            found[layer] += plain_recency(scores) * chunk / sequences
    return found


def atlas(width: int, sequences: int, simulator: str) -> list[float]:
    """The same by the library, which adds standard errors, the spread of the last query and inner products."""
    from attention_atlas.simulation.model import Model
    from attention_atlas.simulation.stream import simulate

    moments = simulate(Model(width, ALPHA, layers=LAYERS, tokens=TOKENS), sequences, simulator=simulator)
    table = moments.table()
    return table[table.quantity == "recency_probability"]["mean"].tolist()


def measure(variant: str, width: int, sequences: int) -> dict:
    """Run one variant in this process: wall and processor seconds, peak memory in MB, recency probabilities."""
    import torch

    from attention_atlas.simulation import stream  # noqa: F401  # so that no variant's time holds an import

    torch.set_num_threads(1)

    def compute(count: int) -> list[float]:
        if variant in PLAIN:
            return plain(width, count, min(PLAIN[variant], count))
        return atlas(width, count, variant)

    compute(200)  # the first calls set libraries up
    wall, processor = time.perf_counter(), time.process_time()
    found = compute(sequences)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts KiB
    return {"wall": wall / sequences, "processor": processor / sequences, "peak": peak, "recency": found}


def in_a_process_of_its_own(variant: str, width: int, sequences: int) -> dict:
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}
    command = [sys.executable, __file__, "--variant", variant, "--widths", str(width), "--sequences", str(sequences)]
    answer = subprocess.run(command, env=os.environ | threads, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(answer.stdout)


def report(widths: list[int], rounds: int, scale: float) -> None:
    heads = ("d", "variant", "sequences", "CPU µs", "slowest", "wall µs", "per CPU s")
    heads += ("times at once", "times 2,000", "times 200", "peak MB", "recency, layers 2 to 4")
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for width in widths:
        outcomes = {variant: [] for variant in VARIANTS}
        for _ in range(rounds):
            for variant, held in outcomes.items():
                held.append(in_a_process_of_its_own(variant, width, size(variant, width, scale)))
        best = {variant: min(outcome["processor"] for outcome in held) for variant, held in outcomes.items()}
        for variant, held in outcomes.items():
            slowest, wall = max(o["processor"] for o in held), min(o["wall"] for o in held)
            micro = " | ".join(f"{seconds * 1e6:.1f}" for seconds in (best[variant], slowest, wall))
            times = " | ".join(f"{best[name] / best[variant]:.1f}" for name in PLAIN)
            recency = " ".join(f"{value:.4f}" for value in held[0]["recency"][1:])
            count = size(variant, width, scale)
            rate = f"{1 / best[variant]:,.0f} | {times} | {max(o['peak'] for o in held):.0f} | {recency}"
            print(f"| {width} | {variant} | {count:,} | {micro} | {rate} |", flush=True)
    print("\nCPU µs and wall µs: of one sequence, the best round; slowest: CPU µs of the slowest round.")
    print("times: how many times faster than the plain implementation at once, in chunks of 2,000, of 200 (CPU).")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS, help="dimensions d (default 16 64 256 1024)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of every variant (default 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="of a measurement (default 1: about a second)")
    parser.add_argument("--variant", choices=VARIANTS, help="measure this variant alone in this process, print JSON")
    parser.add_argument("--sequences", type=int, help="how many of them, with --variant")
    options = parser.parse_args()
    if options.variant:
        print(json.dumps(measure(options.variant, options.widths[0], options.sequences)))
    else:
        report(options.widths, options.rounds, options.scale)
