"""Both variants of every verified discrepancy of Wu et al. 2025, and the numbers that the ledger states.

The official code is quoted by file and line in ``data/ledger.yml``; what it does is done again here in a few lines.
"""

import argparse
import dataclasses
import math
import random
from fractions import Fraction
from itertools import permutations

import pandas as pd
import pytest
import torch
from agreement import agrees

from attention_atlas import ledger, registry, results, sinks
from attention_atlas.masks import causal, dense, named
from attention_atlas.outcomes.retrieval_gaps import beside
from attention_atlas.outcomes.retrieval_names import GAPS
from attention_atlas.outcomes.retrieval_points import Models, names, printed_gaps
from attention_atlas.outcomes.sink_comparison import distances, sinks_beside
from attention_atlas.outcomes.sink_formation import GROUPS, at_state, distances_over_training, nearest
from attention_atlas.rollout import rollout_row
from attention_atlas.rules.retrieval import RULES
from attention_atlas.tasks.copying import guessing
from attention_atlas.tasks.retrieval import Task, World, draw_world
from attention_atlas.tasks.retrieval_settings import SINK_MASKS
from attention_atlas.tasks.retrieval_tests import novel_sequences
from attention_atlas.theory.position_bias import decay, kernels, paths, rope, rope_score

DECAY = -math.log(0.8)
ANGLE = 0.001**0.5  # theta_1 in radians per token


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_input_variance():
    normal = torch.randn(4096, 64, generator=generator(), dtype=torch.float64)
    text, code = normal * 64**-0.5, normal / 64
    logits = {name: (tokens[:31] @ tokens[:31].T) for name, tokens in (("text", text), ("code", code))}
    assert agrees(
        "wu2025-input-variance",
        {
            "squared_norm_text": text.square().sum(-1).mean().item(),
            "squared_norm_code": code.square().sum(-1).mean().item(),
            "logit_ratio": (logits["text"] / logits["code"]).mean().item(),
        },
    )


def within_class_cosine(noise: float, pairs: int = 4096) -> float:
    mean, first, second = torch.randn(3, pairs, 64, generator=generator(), dtype=torch.float64) / 8
    items = ((mean + noise * deviation) / math.sqrt(1 + noise**2) for deviation in (first, second))
    return torch.nn.functional.cosine_similarity(*items, dim=-1).mean().item()


def test_noise_name():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gamma", type=float, default=1)
    parser.add_argument("--eps", type=float, default=0.75)
    misread = parser.parse_args(["--gamma", "0.75"])
    assert within_class_cosine(misread.eps) == within_class_cosine(0.75)
    assert agrees(
        "wu2025-noise-name",
        {"cosine": within_class_cosine(0.75), "slope_misread": -math.log(misread.gamma), "slope_text": DECAY},
    )


def test_not_res():
    parser = argparse.ArgumentParser()
    parser.add_argument("--not_res", action="store_false", default=True)
    residual = {
        name: not parser.parse_args(flags).not_res for name, flags in (("default", []), ("flag", ["--not_res"]))
    }
    assert agrees(
        "wu2025-not-res", {"residual_by_default": residual["default"], "residual_with_flag": residual["flag"]}
    )


def first_weight(mask: str, position_encoding: str | None, gamma: float) -> float:
    """Weight of token 1 in row 17 with equal logits, as the official code reads its flags; RoPE needs content."""
    assert mask in ("causal", "decay") and position_encoding != "rope"
    return kernels.flat_map(17, slope=-math.log(gamma) if mask == "decay" else 0.0)[-1, 0].item()


def test_decay_flag():
    assert first_weight("causal", "decay", gamma=0.8) == first_weight("causal", None, gamma=1.0)
    assert first_weight("decay", None, gamma=1.0) == first_weight("causal", None, gamma=1.0)  # the default is no decay
    assert agrees(
        "wu2025-decay-flag",
        {
            "weight_decay": first_weight("decay", None, gamma=0.8),
            "weight_pe_flag": first_weight("causal", "decay", gamma=0.8),
        },
    )


def test_gap_ceiling():
    # Two classes, four items each, every order equally likely; the first and the middle place stand for any two.
    orders = sorted(set(permutations([0, 0, 0, 0, 1, 1, 1, 1])))
    one_class = Fraction(sum(order[0] == order[4] for order in orders), len(orders))
    ceiling = (1 - one_class) * (1 - Fraction(1, 32))  # two classes have one label in 1 of 32 cases
    order = next(order for order in orders if order[0] != order[4])
    item = [*order[:4], order[0], *order[5:]]  # the middle item is overwritten by the first, its label stays
    labels = [label for label, kind in zip(order, item, strict=True) if kind == order[0]]
    bars = pd.read_csv(registry.DATA / "reference" / "wu2025_accuracy_gaps.csv")["value"].abs()
    sampling_error = 2 * 0.5 / math.sqrt(10_000)
    assert bars.max() <= ceiling + sampling_error  # the printed bars stop where the code's test sets stop them
    assert (bars > ceiling - 2 * sampling_error).sum() >= 10  # and several reach it
    assert agrees(
        "wu2025-gap-ceiling",
        {
            "no_conflict": float(1 - ceiling),
            "ceiling": float(ceiling),
            "largest_printed": bars.max(),
            "right_items": labels.count(order[0]),
            "wrong_items": len(labels) - labels.count(order[0]),
        },
    )


def test_test_seeding():
    unseeded = random.Random(0)
    sequence = [
        [(torch.randn(5, generator=generator(64_000_000 + number)), unseeded.randrange(32)) for number in range(2000)]
        for test_set in range(2)
    ]
    pairs = list(zip(*sequence, strict=True))
    assert agrees(
        "wu2025-test-seeding",
        {
            "shared_means": sum(torch.equal(a[0], b[0]) for a, b in pairs) / len(pairs),
            "shared_labels": sum(a[1] == b[1] for a, b in pairs) / len(pairs),
        },
    )


def test_shared_start():
    def run(process: int, reseeded: bool) -> tuple[torch.Tensor, torch.Tensor]:
        state = generator(process)  # a fresh process has its own state
        means = torch.randn(64, generator=state)
        for number in range(3) if reseeded else ():  # building the test sets
            state.manual_seed(64_000_000 + number)
            torch.randn(64, generator=state)
        return means, torch.randn(64, generator=state)  # class means, initial weights

    (first, first_weights), (second, second_weights) = run(1, reseeded=True), run(2, reseeded=True)
    assert not torch.equal(run(1, reseeded=False)[1], run(2, reseeded=False)[1])  # the text's variant: separate starts
    assert agrees(
        "wu2025-shared-start",
        {
            "same_weights": (first_weights == second_weights).double().mean().item(),
            "same_means": (first == second).double().mean().item(),
        },
    )


def test_batch_mean():
    sizes = [128] * 78 + [16]
    assert sum(sizes) == 10_000
    weights = torch.tensor([1 / (len(sizes) * size) for size in sizes for _ in range(size)], dtype=torch.float64)
    assert weights.sum().item() == pytest.approx(1)
    assert agrees(
        "wu2025-batch-mean",
        {
            "last_weight": round((weights[-1] / weights[0]).item(), 12),
            "variance_ratio": (weights.square().sum() * 10_000).item(),
        },
    )


def test_rope_derivative():
    x, step = 10.0, 1e-3
    quadratic = [-(((x + shift) * ANGLE) ** 2) for shift in (step, -step)]
    distance = torch.tensor([x]).double()
    growth = torch.log1p(10 / distance)
    assert agrees(
        "wu2025-rope-derivative",
        {
            "slope_exact": (quadratic[0] - quadratic[1]) / (2 * step),
            "slope_printed": (rope_score.rope_slope_printed(distance, 11, ANGLE) - growth).item(),
            "peak_exact": rope_score.rope_root(11, ANGLE),
            "peak_printed": rope_score.rope_root(11, ANGLE, rope_score.rope_slope_printed),
        },
    )
    # The root is where the curve itself peaks, over whole distances; the printed one is not.
    assert abs(rope_score.rope_root(11, ANGLE) - rope_score.rope_peak(11, ANGLE)) < 1


def test_decay_constant():
    map = kernels.flat_map(7, slope=DECAY)
    index = torch.arange(7)
    excess = (map.log() + DECAY * (index[:, None] - index))[dense(causal, 7)]  # log(A_ij e^{(i-j) m})
    printed = decay.decay_constants_printed(DECAY, 0.0, 0.0).log_upper
    repaired = decay.decay_constants(7, DECAY, 0.0, 0.0).log_upper
    assert excess.max().item() > printed and excess[1:].max().item() <= printed + 1e-12  # it fails for token 1 only
    assert excess.max().item() <= repaired
    assert agrees(
        "wu2025-decay-constant",
        {
            "a_11": map[0, 0].item(),
            "printed_constant": math.exp(printed),
            "printed_margin": (printed - map[0, 0].log().item()) / math.log(10),
            "repaired_constant": math.exp(repaired),
        },
    )


def test_rope_exponent():
    tokens, depths = 400, (1, 3, 6, 10)
    map = kernels.flat_map(tokens, angle=ANGLE)
    distance, frequency = torch.arange(tokens), torch.tensor([ANGLE]).double()
    # A_ij = e^{-theta^2 x^2} / Z_i with Z_i >= 1: the lemma's upper bound holds with C_max = 1 and c' = 1.
    constants = rope.RopeConstants(-math.log(tokens), 0.0, 1.0, 1.0)
    computed = {}
    for t in depths:
        row = rollout_row([map] * (t + 1), query=tokens - 1)
        computed[f"exact_{t}"] = kernels.peak_distance(row)
        computed[f"printed_{t}"] = rope_score.rope_peak(t + 1, ANGLE)
        computed[f"divided_{t}"] = rope_score.rope_peak(t + 1, ANGLE, paths.least_cost)
    share = row.flip(0).log()  # by distance, at the largest depth
    for name, bounds in (("half", rope.log_rope_bounds_printed), ("divided", rope.log_rope_bounds)):
        upper = bounds(distance, max(depths) + 1, frequency, constants)[1]
        computed[f"margin_{name}"] = ((upper - share).min() / math.log(10)).item()
    assert agrees("wu2025-rope-exponent", computed)


def all_sinks() -> pd.DataFrame:
    """Seeds 0 and 1 with residual under every mask, at the end of training, beside the paper."""
    points = names(seeds=2, train_bias="unbiased", position_encoding="none", depth=2, residual=True)
    return sinks_beside(Models(points, "paper").report)


def test_sink_convention():
    def uniform(mask: str, parameter: int | None) -> tuple[torch.Tensor, torch.Tensor]:
        allowed = named(mask, parameter, 17)
        return kernels.flat_map(17, allowed).expand(1, 1, 17, 17), dense(allowed, 17)

    printed, gu = (
        share(*uniform("causal", None)) * 100 for share in (sinks.sink_share_wu2025, sinks.sink_share_gu2025)
    )
    computed = {"printed_1": printed[0], "printed_2": printed[1], "gu_1": gu[0], "gu_2": gu[1]}
    for name, mask in (
        ("causal", ("causal", None)),
        ("window_5", ("sliding_window", 5)),
        ("window_9", ("sliding_window", 9)),
        ("window_13", ("sliding_window", 13)),
        ("prefix_2", ("prefix", 2)),
    ):
        computed[f"received_{name}"] = sinks.attention_received(*uniform(*mask))[0, 0, 0]
    far = distances(all_sinks())
    assert len(far) == len(SINK_MASKS) + 1
    computed |= {"far_gu": 100 * far.loc["all", "sink_gu2025"], "far_printed": 100 * far.loc["all", "sink_wu2025"]}
    computed["masks_gu"] = (far["sink_gu2025"] < far["sink_wu2025"]).drop("all").sum()
    assert agrees("wu2025-sink-convention", {name: float(value) for name, value in computed.items()})


def trained(point: str, quantity: str, seeds: int = 2) -> pd.DataFrame:
    """A number over the training of seeds 0, 1, ... of a stored setting: one column a seed, rows by step."""
    stored = Models([f"{point}-seed{seed}" for seed in range(seeds)], "paper")
    return pd.concat(list(stored.trajectories(quantity).values()), axis=1, keys=range(seeds))


def printed(gap: str, encoding: str, residual: int, train_bias: str = "unbiased") -> float:
    """A bar of the networks of two layers with a causal mask."""
    bars = printed_gaps()
    usual = {"train_bias": train_bias, "mask": "causal", "depth": 2}
    asked = usual | {"position_encoding": encoding, "residual": residual, "gap": gap}
    (value,) = bars[(bars[list(asked)] == pd.Series(asked)).all(axis=1)]["value"]
    return value


def test_iterations():
    """Read off the stored trajectories, which take ten minutes each to train."""
    lengths, computed, nearest = (50, 100, 150, 300), {}, {}
    for word, point, residual in (("with", "-residual", 1), ("without", "", 0)):
        means = {gap: trained(f"unbiased-causal-none-2{point}", gap).mean(axis=1) for gap in GAPS}
        far = {
            k: sum(abs(means[gap][1000 * k] - printed(gap, "none", residual)) for gap in GAPS) / len(GAPS)
            for k in lengths
        }
        computed |= {f"{word}_{thousand}k": far[thousand] for thousand in lengths}
        nearest[word] = min(far, key=far.get)
    assert nearest == {"with": 300, "without": 50}  # what the entry concludes from
    gap, accuracy = (trained("unbiased-causal-none-2-residual", name).mean(axis=1) for name in (GAPS[0], "in_context"))
    computed |= {f"gap_{thousand}k": gap[1000 * thousand] for thousand in (100, 300)}
    computed |= {f"accuracy_{thousand}k": accuracy[1000 * thousand] for thousand in (100, 300)}
    assert agrees("wu2025-iterations", computed | {"gap_printed": printed(GAPS[0], "none", 1)})


def causal_sinks(at: str, residual: bool) -> pd.DataFrame:
    """Seeds 0 and 1 under the causal mask beside the paper and uniform attention, by quantity and token."""
    point = f"unbiased-causal-none-2{'-residual' if residual else ''}"
    report = Models([f"{point}-seed{seed}" for seed in range(2)], "paper").report
    table = sinks_beside(report, at, residual)
    return table[table["label"] == "causal"].set_index(["quantity", "token"])


def test_sink_sizes():
    computed = {}
    for name, quantity, at, residual in (
        ("end", "sink_gu2025", "end", True),
        ("early", "sink_gu2025", "100000", True),
        ("plain", "sink_gu2025", "end", False),
        ("formula", "sink_wu2025", "end", True),
    ):
        shares = 100 * causal_sinks(at, residual).loc[quantity]
        computed |= {f"{name}_{token}": shares.loc[token, "mean"] for token in (1, 2)}
    paper = 100 * causal_sinks("end", True).loc["sink_gu2025"]["paper"]
    computed |= {f"printed_{token}": paper[token] for token in (1, 2)}
    squares = distances(all_sinks())["sink_gu2025"] ** 2
    for group in ("causal", "windows", "prefixes"):
        computed[f"far_{group}"] = 100 * squares[list(GROUPS[group])].mean() ** 0.5
    forming = results.report("retrieval_sinks")
    forming = distances_over_training(forming[forming["seed"] == 0])
    best, own = nearest(forming), pd.DataFrame([nearest(forming, label) for label in SINK_MASKS])
    computed |= {"near": 100 * best["distance"], "near_windows": 100 * at_state(forming, best, "windows")}
    computed |= {"own_least": 100 * own["distance"].min(), "own_most": 100 * own["distance"].max()}
    computed |= {"own_residual": own["residual"].sum(), "own_text": (own["scale"] == "text").sum()}
    computed["own_gu"] = (own["quantity"] == "sink_gu2025").sum()
    assert agrees("wu2025-sink-sizes", {name: round(value, 9) for name, value in computed.items()})


def test_sinks_prefix():
    """The six differences of claim g's rule: the causal mask, two steps to a wider window, three prefixes."""
    found = RULES["wu2025-claim-g"].differences(results.report("retrieval"))
    names = ("causal", "wider_9", "wider_13", "prefix_2", "prefix_4", "prefix_6")
    value = dict(zip(names, found["difference"], strict=True))
    errors = dict(zip(names, found["difference"].abs() / found["standard_error"], strict=True))
    computed = {name: value[name] for name in names[1:]}
    computed |= {"errors_6": errors["prefix_6"], "errors_13": errors["wider_13"]}
    assert agrees("wu2025-sinks-prefix", computed)


def test_first_token():
    end, early = (causal_sinks(at, True).loc["received"] for at in ("end", "100000"))
    gained = 100 * (end["mean"] - end["uniform_least"])
    assert end["mean"].idxmax() == 1 and gained.idxmax() == 2  # it receives most, and has not gained
    assert agrees(
        "wu2025-first-token",
        {
            "received_1": end["mean"][1],
            "uniform_1": end["uniform_least"][1],
            "excess_1": gained[1],
            "errors": -gained[1] / 100 / end["standard_error"][1],
            "excess_2": gained[2],
            "early_1": 100 * (early["mean"] - early["uniform_least"])[1],
        },
    )


def test_decay_plain():
    point, computed = "unbiased-causal-decay-2", {}
    for name, quantity, lengths in (
        ("first_last", "first_vs_last", (50, 100, 150, 300)),
        ("accuracy", "in_context", (50, 100, 150, 300)),
        ("middle_last", "middle_vs_last", (100, 300)),
    ):
        mean = trained(point, quantity).mean(axis=1)
        computed |= {f"{name}_{thousand}k": mean[1000 * thousand] for thousand in lengths}
        if quantity != "in_context":
            computed[f"{name}_printed"] = printed(quantity, "decay", 0)
    assert computed["first_last_300k"] < 2 * computed["first_last_printed"] < 0  # more than twice the size
    assert agrees("wu2025-decay-plain", computed)


def test_decay_residual():
    point = "unbiased-causal-decay-2-residual"
    gap, accuracy = (trained(point, quantity) for quantity in ("middle_vs_last", "in_context"))
    computed = {f"early_{seed}": gap[seed][100_000] for seed in (0, 1)}
    computed |= {f"end_{seed}": gap[seed][300_000] for seed in (0, 1)}
    computed |= {f"accuracy_{seed}": accuracy[seed][300_000] for seed in (0, 1)}
    assert agrees("wu2025-decay-residual", computed | {"printed": printed("middle_vs_last", "decay", 1)})


def test_rope_plain():
    point = "unbiased-causal-rope-2"
    gap, accuracy = trained(point, "middle_vs_last").mean(axis=1), trained(point, "in_context")
    late = gap[gap.index >= 10_000]
    assert late.std() > 0.5 / math.sqrt(10_000)  # it wanders by more than two seeds' tests of 10,000 sequences leave
    computed = {f"accuracy_{seed}": accuracy[seed][300_000] for seed in (0, 1)}
    computed |= {"guess": guessing(Task())["a label of the sequence"][0], "gap": gap[300_000]}
    computed |= {"least": late.min(), "most": late.max(), "printed": printed("middle_vs_last", "rope", 0)}
    assert agrees("wu2025-rope-plain", computed)


def approach(point: str, gap: str, target: float) -> pd.Series:
    """Mean of seeds 0 and 1 after 100,000, 150,000 and 200,000 steps, where it ends; every step is toward a target."""
    each = trained(point, gap)
    assert each.index.max() == 200_000
    mean = each.mean(axis=1).loc[[100_000, 150_000, 200_000]]
    far = (mean - target).abs()
    assert far.is_monotonic_decreasing and ((mean - target) * (mean.iloc[0] - target) > 0).all()
    return mean


def test_rope_residual():
    point, at_print = "unbiased-causal-rope-2-residual", printed("first_vs_last", "rope", 1)
    mean = approach(point, "first_vs_last", at_print)
    assert trained(point, "first_vs_last").loc[mean.index].apply(lambda seed: seed.is_monotonic_increasing).all()
    assert mean[200_000] / at_print == pytest.approx(0.75, abs=0.02)  # "three quarters"
    accuracy = trained(point, "in_context").mean(axis=1)[200_000]
    computed = {f"gap_{step // 1000}k": value for step, value in mean.items()}
    assert agrees("wu2025-rope-residual", computed | {"printed": at_print, "accuracy": accuracy})


def test_rope_both_ends():
    computed = {}
    for name, gap in (("first", "first_vs_last"), ("middle", "middle_vs_last")):
        at_print = printed(gap, "rope", 1, train_bias="first_and_last")
        mean = approach("first_and_last-causal-rope-2-residual", gap, at_print)
        computed |= {f"{name}_{step // 1000}k": value for step, value in mean.items()} | {f"{name}_printed": at_print}
    assert agrees("wu2025-rope-both-ends", computed)


def test_first_alone():
    computed = {}
    for name, gap in (("first", "first_vs_middle"), ("middle", "middle_vs_last")):
        each, at_print = trained("first-causal-none-2-residual", gap), printed(gap, "none", 1, train_bias="first")
        assert each.index.max() == 200_000
        mean = each.mean(axis=1).loc[[20_000, 50_000, 200_000]]
        assert mean.is_monotonic_increasing or mean.is_monotonic_decreasing
        assert (mean - at_print).abs().idxmin() in (20_000, 50_000)  # "come by both printed values early"
        computed |= {f"{name}_{step // 1000}k": value for step, value in mean.items()} | {f"{name}_printed": at_print}
    assert agrees("wu2025-first-alone", computed)


def test_last_alone():
    point, computed = "last-causal-none-2-residual", {}
    for name, gap in (("last", "first_vs_last"), ("middle", "first_vs_middle")):
        at_print = printed(gap, "none", 1, train_bias="last")
        mean = approach(point, gap, at_print)
        assert mean[200_000] / at_print == pytest.approx(0.775, abs=0.03)  # "three quarters"
        computed |= {f"{name}_{step // 1000}k": value for step, value in mean.items()} | {f"{name}_printed": at_print}
    computed["last_10k"] = trained(point, "first_vs_last").mean(axis=1)[10_000]
    assert agrees("wu2025-last-alone", computed)


def test_last_rope():
    report = Models([f"last-causal-rope-2-residual-seed{seed}" for seed in range(2)], "paper").report
    asked = {"train_bias": "last", "mask": "causal", "position_encoding": "rope", "gap": "first_vs_middle"}
    (row,) = beside(report, **asked).to_dict("records")
    errors = abs(row["mean"] - row["paper"]) / (row["standard_error"] * math.sqrt(1 + row["seeds"] / 5))
    computed = {"ours": row["mean"], "error": row["standard_error"], "printed": row["paper"], "errors": errors}
    assert agrees("wu2025-last-rope", computed)


def test_test_direction():
    task = Task(vocabulary="fixed")
    trained = draw_world(task, generator())
    redrawn = dataclasses.replace(trained, shared=torch.randn(64, generator=generator(1)) / 64)

    def words(world: World) -> torch.Tensor:
        tokens, _ = novel_sequences(task, world, 2000, generator(2))
        return torch.nn.functional.normalize(tokens[:, -1], dim=-1)

    seen = torch.nn.functional.normalize(trained.means + task.anisotropy * trained.shared, dim=-1)
    novel = words(redrawn)
    assert agrees(
        "wu2025-test-direction",
        {
            "cosine_text": (words(trained) @ seen.T).mean().item(),
            "cosine_code": (novel @ seen.T).mean().item(),
            "cosine_novel": (novel[:1000] @ novel[1000:].T).mean().item(),
        },
    )


def test_negative_control_a_wrong_number_in_the_ledger_is_found():
    entry = ledger.named("wu2025-not-res")
    wrong = dataclasses.replace(
        entry,
        measured={
            "residual_by_default": {"value": 1, "tolerance": 0},
            "residual_with_flag": {"value": 1, "tolerance": 0},
        },
    )
    assert len(ledger.disagreements(wrong, {"residual_by_default": 0, "residual_with_flag": 1})) == 1
