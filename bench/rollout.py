"""What a causal rollout costs: the library against the plain loop and against the machine's own matrix product.

Run it alone on a quiet machine (about 6 minutes at full size): ``python bench/rollout.py [--tokens 4096 --layers 64]``.
Every variant runs in a process of its own, on one thread, so that its peak memory is its own.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

EQUAL, DIFFERENT = "equal layers", "different layers"
VARIANTS = {
    "machine": "full float64 product, the best of 3",
    "plain equal": f"{EQUAL}, plain loop",
    "atlas equal": f"{EQUAL}, rollout_power",
    "plain different": f"{DIFFERENT}, plain loop",
    "atlas different": f"{DIFFERENT}, rollout",
}


class Clock:
    """Wall and processor seconds since it was made; they differ where other work shares the machine."""

    def __init__(self):
        self.start = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self.start[0], time.process_time() - self.start[1]


def random_maps(tokens: int, layers: int, making: list[float]):
    """Yield random causal maps, one at a time; the (wall, processor) seconds that this takes are added to making."""
    import torch

    generator = torch.Generator().manual_seed(0)
    for _ in range(layers):
        clock = Clock()
        map = torch.rand(tokens, tokens, generator=generator, dtype=torch.float64).tril_()
        map /= map.sum(-1, keepdim=True)
        making[:] = [total + spent for total, spent in zip(making, clock.read(), strict=True)]
        yield map


def plain(maps):
    product = next(maps).clone()
    for map in maps:
        product = map @ product
    return product


def measure(variant: str, tokens: int, layers: int) -> dict:
    """Run one variant in this process: wall and processor seconds, peak memory in MB, the last row."""
    import torch

    from attention_atlas.rollout import rollout, rollout_power

    torch.set_num_threads(1)
    making = [0.0, 0.0]
    maps = random_maps(tokens, layers, making)
    if variant == "machine":
        left, right = random_maps(tokens, 2, making)
        times = []
        for _ in range(3):
            clock = Clock()
            result = left @ right
            times.append(clock.read())
        wall, processor = (min(kind) for kind in zip(*times, strict=True))
    else:
        if "equal" in variant:
            one = next(maps)
            maps = iter([one] * layers)
        making[:] = [0.0, 0.0]
        clock = Clock()
        if variant == "atlas equal":
            result = rollout_power(one, layers)
        else:
            result = plain(maps) if "plain" in variant else rollout(maps)
        wall, processor = (total - made for total, made in zip(clock.read(), making, strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts KiB
    return {"wall": wall, "processor": processor, "making": making[0], "peak": peak, "row": result[-1].tolist()}


def in_a_process_of_its_own(variant: str, tokens: int, layers: int) -> dict:
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}
    command = [sys.executable, __file__, "--variant", variant, "--tokens", str(tokens), "--layers", str(layers)]
    answer = subprocess.run(command, env=os.environ | threads, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(answer.stdout)


def report(tokens: int, layers: int) -> None:
    outcomes = {variant: in_a_process_of_its_own(variant, tokens, layers) for variant in VARIANTS}
    full, triangular = 2 * tokens**3, tokens * (tokens + 1) * (tokens + 2) / 3
    rate = full / outcomes["machine"]["processor"]
    squarings = layers.bit_length() - 1 + layers.bit_count() - 1
    print(f"{tokens} tokens, {layers} layers, float64, one thread; the machine multiplies at {rate / 1e9:.1f} GFLOP/s")
    heads = " ".join(f"{head:>8}" for head in ("wall s", "CPU s", "faster", "products", "GFLOP/s", "share", "peak MB"))
    print(f"{'variant':35} {heads} difference")
    for variant, label in VARIANTS.items():
        outcome, kind = outcomes[variant], variant.split()[-1]
        products = {"machine": 1, "atlas equal": squarings}.get(variant, layers - 1)
        speed = products * (triangular if "atlas" in variant else full) / outcome["processor"]
        against = outcomes.get(f"plain {kind}", outcome)
        faster = against["processor"] / outcome["processor"]
        difference = max(abs(a - b) for a, b in zip(outcome["row"], against["row"], strict=True))
        seconds = f"{outcome['wall']:8.2f} {outcome['processor']:8.2f}"
        work = f"{faster:8.1f} {products:8d} {speed / 1e9:8.1f} {speed / rate:8.0%}"
        print(f"{label:35} {seconds} {work} {outcome['peak']:8.0f} {difference:.1e}")
    making = outcomes["atlas different"]["making"]
    print(f"seconds leave out the making of the different maps, {making:.1f} s of wall clock")
    print("faster, GFLOP/s, share: in CPU seconds; triangles count as N^3/3 operations, full products as 2 N^3")
    print("difference: the largest in the last row, from the plain loop")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=4096, help="sequence length (default 4096)")
    parser.add_argument("--layers", type=int, default=64, help="number of layers (default 64)")
    parser.add_argument("--variant", choices=VARIANTS, help="run this variant alone in this process, print JSON")
    options = parser.parse_args()
    if options.variant:
        print(json.dumps(measure(options.variant, options.tokens, options.layers)))
    else:
        report(options.tokens, options.layers)
