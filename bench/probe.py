"""What the probe costs: streamed layer by layer against a run that stores every attention map.

Run it alone on a quiet machine: ``python bench/probe.py [--tokens 512 --rounds 5 --layers 6 24]`` (some minutes). The
model is a GPT-2 with random weights, of each depth asked for, saved by ``save_pretrained`` and loaded again; the first
token is made a sink of every head, so that there are tags to measure. Every measurement is a process of its own, on one
thread, the variants in turns; memory is what a process holds at most after the model was loaded. Where wall time is
much more than processor time, the machine was not quiet, and wall time says nothing.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[1] / "lib" / "attention_atlas"
WIDTH, HEADS, VOCABULARY = 512, 8, 2048
VARIANTS = {
    "stored maps": "maps only, output_attentions=True",
    "streamed maps": "maps only, streamed and dropped",
    "stored": "measured, from stored maps",
    "streamed": "measured, the probe",
}
COMPARED = {"CPU": "CPU", "wall": "wall", "added": "MB added"}
PAIRS = {"streamed maps": "stored maps", "streamed": "stored"}


def make(folder: str, tokens: int, layers: int) -> None:
    """Save the model and a tokenizer trained on the library's own text."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY,
            n_positions=tokens,
            n_embd=WIDTH,
            n_layer=layers,
            n_head=HEADS,
            bos_token_id=None,
            eos_token_id=None,
        )
    )
    with torch.no_grad():
        first = model.transformer.wpe.weight[0].normal_()  # far larger than the others, whatever is added to it
        for block in model.transformer.h:
            key = (block.ln_1(first) @ block.attn.c_attn.weight)[WIDTH : 2 * WIDTH].unflatten(0, (HEADS, -1))
            query = key * (8 * key.shape[-1] ** 0.5 / key.square().sum(-1, keepdim=True))  # a score of 8
            block.attn.c_attn.bias[:WIDTH] = query.flatten()
    model.save_pretrained(folder)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([text()], trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)


def text() -> str:
    return "".join(path.read_text() for path in sorted(LIBRARY.glob("*.py")))


def store(model, tokens):
    """A run as it is usually written: all maps and hidden states, and what the joint projections gave for values."""
    import torch

    joint = []
    hooks = [
        block.attn.c_attn.register_forward_hook(lambda module, given, out: joint.append(out))
        for block in model.transformer.h
    ]
    with torch.no_grad():
        found = model(tokens[None], output_attentions=True, output_hidden_states=True, use_cache=False)
    for hook in hooks:
        hook.remove()
    return found, joint


def measure_stored(model, tokens):
    """The probe's measures of every layer, from what was stored."""
    import pandas as pd
    import torch

    from attention_atlas.decoders.attention_record import AttentionRecord
    from attention_atlas.decoders.layer_measures import layer_measures

    found, joint = store(model, tokens)
    others, tables = torch.Generator().manual_seed(0), []
    for layer, block in enumerate(model.transformer.h):
        parts = (x.unflatten(-1, (HEADS, -1)).transpose(1, 2) for x in joint[layer].split(WIDTH, dim=-1))
        query, key, value = parts
        scores = query @ key.mT / math.sqrt(query.shape[-1])
        matrix = block.attn.c_proj.weight.detach().unflatten(0, (HEADS, -1))
        record = AttentionRecord(layer, found.hidden_states[layer], scores, found.attentions[layer], value, matrix)
        tables.append(layer_measures(record, others).assign(layer=layer))
    surprise = torch.nn.functional.cross_entropy(found.logits[0, :-1], tokens[1:])
    return pd.concat(tables), surprise


def measure(variant: str, folder: str, count: int) -> dict:
    """Run one variant in this process: seconds of clock and processor, memory in MB, and what it found."""
    import torch

    from attention_atlas.probe import capturing, loading, measuring

    torch.set_num_threads(1)
    source = loading.load(folder)
    tokens = measuring.beginning(source, text(), count)
    if variant.startswith("stored"):
        source.model.set_attn_implementation("eager")

    def compute(tokens):
        if variant == "stored maps":
            return len(store(source.model, tokens)[0].attentions)
        if variant == "streamed maps":
            where, seen = capturing.sites(source.model, tokens[:2]), []
            capturing.records(source.model, where, tokens, lambda record: seen.append(record.layer))
            return len(seen)
        if variant == "stored":
            table, surprise = measure_stored(source.model, tokens)
        else:
            found = measuring.measure(source, tokens)
            table, surprise = found.layers, found.surprise.mean()
        means = table.groupby("quantity")["value"].mean()
        return [surprise.item(), *means[["entropy", "sinks", "explained", "recency", "outlier_ratio"]]]

    compute(tokens[:32])  # the first calls set libraries up
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here on (Linux)
    before, wall, processor = memory("VmRSS"), time.perf_counter(), time.process_time()
    found = compute(tokens)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return {"wall": wall, "CPU": processor, "peak": memory("VmHWM"), "added": memory("VmHWM") - before, "found": found}


def memory(kind: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(kind)).split()[1]) / 1024


def in_a_process_of_its_own(variant: str, folder: str, tokens: int) -> dict:
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}
    command = [sys.executable, __file__, "--variant", variant, "--folder", folder, "--tokens", str(tokens)]
    answer = subprocess.run(command, env=os.environ | threads, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(answer.stdout)


def spread(values: list[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def report(tokens: int, rounds: int, layers: int) -> None:
    outcomes = {variant: [] for variant in VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        make(folder, tokens, layers)
        for _ in range(rounds):
            for variant, held in outcomes.items():
                held.append(in_a_process_of_its_own(variant, folder, tokens))
    one = HEADS * tokens**2 * 4 / 2**20
    print(
        f"{layers} layers, {tokens} tokens, {rounds} rounds; all maps together are {layers * one:.0f} MB, one layer's "
        f"{one:.1f} MB\n"
    )
    heads = ("variant", "CPU s", "wall s", "MB added", "MB peak", *(f"{of}, times stored" for of in COMPARED.values()))
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for variant, held in outcomes.items():
        cells = [spread([outcome[key] for outcome in held], form) for key, form in (("CPU", ".2f"), ("wall", ".2f"))]
        cells += [spread([outcome[key] for outcome in held], ".0f") for key in ("added", "peak")]
        for key in COMPARED:
            pairs = zip(held, outcomes.get(PAIRS.get(variant), []), strict=False)
            ratios = [one[key] / other[key] for one, other in pairs]
            cells.append(spread(ratios, ".2f") if ratios else "")
        print(f"| {' | '.join([VARIANTS[variant], *cells])} |")
    stored, streamed = (outcomes[variant][0]["found"] for variant in ("stored", "streamed"))
    difference = max(abs(a - b) for a, b in zip(stored, streamed, strict=True))
    print(f"\nsurprise, entropy, sinks, explained, recency, outlier ratio: {[round(x, 4) for x in streamed]}")
    print(f"largest difference of these between stored and streamed: {difference:.1e}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=512, help="length of the text (default 512)")
    parser.add_argument(
        "--layers", type=int, nargs="+", default=[6], help="depths of the model, one table each (default 6)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="measurements of every variant (default 5)")
    parser.add_argument("--variant", choices=VARIANTS, help="measure this variant alone in this process, print JSON")
    parser.add_argument("--folder", help="of the model, with --variant")
    options = parser.parse_args()
    if options.variant:
        print(json.dumps(measure(options.variant, options.folder, options.tokens)))
    else:
        for layers in options.layers:
            report(options.tokens, options.rounds, layers)
