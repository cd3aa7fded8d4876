"""Sinks while they form: a state that has the paper's stems is found, distances by plain sums, refusals, the canary."""

import math

import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure

from attention_atlas import results
from attention_atlas.drawing.sink_formation import LOOKS, distance_legend, distance_paths
from attention_atlas.experiments import retrieval, retrieval_sinks
from attention_atlas.experiments.retrieval_sinks import CANARY, Config, configurations, report, run
from attention_atlas.outcomes.sink_comparison import printed_sinks
from attention_atlas.outcomes.sink_formation import ALL, GROUPS, at_state, distances_over_training, nearest
from attention_atlas.profiles import PROFILES
from attention_atlas.tasks.retrieval_settings import SINK_MASKS
from attention_atlas.training.retrieval import Training
from attention_atlas.words.sinks import formation_rows, formation_words, nearer_words, seeds_words

PAPER = printed_sinks().set_index(["label", "token"])["paper"]
CONVENTIONS = "sink_gu2025", "sink_wu2025"


def made(away, labels=SINK_MASKS, seeds=2, profile="paper"):
    """A report of networks so far from the paper's stems: ``away(residual, scale, quantity, step, label)``."""
    rows = [
        (step, quantity, token, PAPER[label, token] + away(residual, scale, quantity, step, label), label, residual,
         scale, seed, profile)
        for label in labels for residual in (True, False) for scale in ("code", "text") for quantity in CONVENTIONS
        for step in (0, 100, 1_000) for token in range(1, 18) for seed in range(seeds)
    ]  # fmt: skip
    columns = ["step", "quantity", "token", "value", "label", "residual", "scale", "seed", "profile"]
    return pd.DataFrame(rows, columns=columns)


def planted(residual, scale, quantity, step, label):
    """One state, without residual, has the paper's stems; the untrained network has them too, which is no state."""
    return 0.0 if step == 0 or (residual, scale, quantity, step) == (False, "text", "sink_gu2025", 100) else 0.3


FOUND = distances_over_training(made(planted))
END = pd.DataFrame({name: dict.fromkeys([*SINK_MASKS, "all"], 0.2) for name in CONVENTIONS})


def test_a_planted_state_is_found_and_is_the_only_one():
    best = nearest(FOUND)
    assert (best["residual"], best["scale"], best["quantity"], best["step"]) == (False, "text", "sink_gu2025", 100)
    assert best["distance"] == pytest.approx(0, abs=1e-9) and best["seeds"] == 2
    others = FOUND[(FOUND["step"] > 0) & (FOUND["label"] == ALL) & (FOUND.index != best.name)]
    assert others["distance"].to_numpy() == pytest.approx(0.3)


def test_distances_by_plain_sums():
    """Every mask is off by another number; a group is the root of the mean square over its masks."""
    off = dict(zip(SINK_MASKS, (0.1, 0.2, 0.3, 0.4, 0.05, 0.15, 0.25), strict=True))
    found = distances_over_training(made(lambda *state: off[state[-1]]))
    for label, masks in (GROUPS | {label: (label,) for label in SINK_MASKS}).items():
        expected = math.sqrt(sum(off[mask] ** 2 for mask in masks) / len(masks))
        assert found[found["label"] == label]["distance"].to_numpy() == pytest.approx(expected)


def test_the_mean_over_seeds_is_compared_not_each_seed():
    report = made(lambda *_: 0.0)
    report["value"] += report["seed"].map({0: 0.2, 1: -0.2})
    assert distances_over_training(report)["distance"].to_numpy() == pytest.approx(0)


def test_a_group_waits_for_all_of_its_masks_and_small_profiles_do_not_count():
    labels = set(distances_over_training(made(planted, labels=["causal", "window 5"]))["label"])
    assert labels == {"causal", "window 5"}
    assert distances_over_training(made(planted, profile="quick")).empty


def test_words_name_the_state_and_no_words_without_networks():
    words = formation_words(FOUND, END)
    assert "no residual, variance as in the text, step 100, Gu et al.'s count, at 0.0 points, against 20.0" in words
    assert "a residual connection in 0 of 7, the text's variance in 7 of 7 and Gu et al.'s count in 7 of 7" in words
    assert words.endswith("after 100 to 100 steps, at 0.0 to 0.0 points.")
    rows = formation_rows(FOUND, END)
    assert [row[0] for row in rows] == [*SINK_MASKS, ALL] and {row[1] for row in rows} == {"20.0"}
    assert {row[2] for row in rows} == {"0.0"}
    empty = distances_over_training(pd.DataFrame())
    assert formation_words(empty, END) == "Not all of these networks are trained yet."
    assert {tuple(row[2:]) for row in formation_rows(empty, END)} == {("–", "–", "not trained yet")}


def test_a_state_near_one_mask_only_is_told():
    """Mask by mask another kind is nearest than over all."""

    def away(residual, scale, quantity, step, label):
        return 0.0 if label == "causal" and residual else 0.1 if not residual else 0.5

    found = distances_over_training(made(away))
    assert not nearest(found)["residual"] and nearest(found, "causal")["residual"]
    assert at_state(found, nearest(found), "causal") == pytest.approx(0.1)
    assert "a residual connection in 1 of 7" in formation_words(found, END)


@pytest.mark.parametrize(
    ("gu", "printed", "said"),
    [
        (0.1, 0.2, "Both favor Gu et al.'s count."),
        (0.2, 0.1, "Both favor the printed formula."),
    ],
)
def test_counts_that_agree_are_named(gu, printed, said):
    far = pd.DataFrame({"sink_gu2025": gu, "sink_wu2025": printed}, index=["causal", "window 5", "all"])
    assert nearer_words(far).endswith(said)


def test_seeds_of_one_are_called_so():
    assert seeds_words(distances_over_training(made(planted, seeds=1))) == "one seed each"


def test_every_mask_has_four_kinds_and_all_have_a_first_seed_before_any_has_a_second():
    for profile in PROFILES:
        configs = list(configurations(profile).values())
        assert len(configs) == len(set(configs)) == 2 * 4 * len(SINK_MASKS)
        assert [config.seed for config in configs] == [0] * 28 + [1] * 28


def test_they_are_the_models_of_the_retrieval_experiment_step_for_step(tmp_path, monkeypatch):
    """Measuring sinks on the way draws nothing that the training needs."""
    trained = []
    advance = Training.advance
    monkeypatch.setattr(Training, "advance", lambda self, steps: (trained.append(self), advance(self, steps))[1])
    config = Config(residual=True, steps=120, batch=8, test_sequences=10)
    run(config)
    alone = retrieval.prepared([config])
    advance(alone, 120)
    for name, weights in alone.ensemble.parameters.items():
        assert torch.allclose(weights, trained[-1].ensemble.parameters[name], atol=1e-6), name


def test_before_training_sinks_are_those_of_uniform_attention():
    table = run(Config(mask="prefix", mask_parameter=2, steps=20, batch=4, test_sequences=20))
    start = table[table["step"] == 0].pivot(index="key", columns="quantity", values="value")
    assert start["received"][1] == pytest.approx(0.1729, abs=1e-4) and (start["sink_gu2025"] == 0).all()
    told = report(Config(mask="prefix", mask_parameter=2), table)
    assert set(told["label"]) == {"prefix 2"} and told["token"].tolist() == table["key"].tolist()


def test_unknown_profile_is_refused():
    with pytest.raises(ValueError, match="'huge'; allowed: smoke, quick, paper"):
        configurations("huge")


def test_the_canary_is_stored_and_holds():
    (kept,) = [r for r in results.Store().of("retrieval_sinks") if r.point == results.CANARY_POINT]
    again = run(CANARY)
    assert again["value"].to_numpy() == pytest.approx(
        kept.table["value"].to_numpy(float), abs=retrieval_sinks.TOLERANCE
    )


def test_a_line_for_every_group_with_a_ring_where_it_is_nearest():
    figure = Figure()
    axes = figure.subplots()
    distance_paths(axes, FOUND[~FOUND["residual"].astype(bool) & (FOUND["scale"] == "text")])
    distance_legend(figure)
    assert len(axes.lines) == 2 * len(LOOKS)
    rings = [tuple(line.get_xydata()[0]) for line in axes.lines[1::2]]
    assert rings[0] == pytest.approx((100, 0)) and rings[-1][1] == pytest.approx(30)  # percentage points
    assert len(figure.legends[0].get_texts()) == len(LOOKS)
