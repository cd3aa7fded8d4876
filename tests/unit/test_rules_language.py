"""LocAteR is judged by seeds that did not choose its strength, against the same seeds without it."""

import pandas as pd
import pytest

from attention_atlas.claims import load
from attention_atlas.rules.language import KINDS, RULES, chosen, end_by_seed
from attention_atlas.verdicts import judge

PERPLEXITY, ENTROPY = RULES["bao2024-perplexity"], RULES["bao2024-entropy"]


def report(losses, entropy=lambda strength, seed: 1.0, kinds=tuple(KINDS), profile="paper"):
    """One row a head after two steps, where the first must not count; losses[strength] lists seeds from 0 on."""
    rows = []
    for kind in kinds:
        for strength, some in losses.items():
            for seed, loss in enumerate(some):
                point = f"{kind}-{strength}-seed{seed}"
                rows += [(point, 25, -1, "loss", 9.0), (point, 99, -1, "loss", loss), (point, 25, -1, "entropy", 7.0)]
                rows += [(point, 99, 0, "entropy", entropy(strength, seed))]
    return pd.DataFrame(rows, columns=["point", "step", "head", "quantity", "value"]).assign(profile=profile)


USUAL = {
    "none": [2.0, 2.5, 3.0, 3.5],
    "weak": [1.9, 2.39, 2.91, 3.38],  # chosen by seed 0; .11, .09, .12 better afterwards
    "medium": [1.95, 1.0, 1.0, 1.0],  # would look far better if other seeds could choose
    "strong": [4.0, 4.0, 4.0, 4.0],
}


def test_seed_0_chooses_and_the_others_judge():
    assert chosen(report(USUAL), "words") == "weak"
    found = PERPLEXITY.differences(report(USUAL))
    assert found["difference"].tolist() == pytest.approx([0.32 / 3] * 2)
    assert found["standard_error"].tolist() == pytest.approx([pd.Series([0.11, 0.09, 0.12]).sem()] * 2)
    assert judge(PERPLEXITY, report(USUAL))["verdict"] == "agrees"


def test_negative_control_what_chose_does_not_judge():
    seed_0_only = USUAL | {"weak": [1.0, 2.7, 3.2, 3.6]}
    assert judge(PERPLEXITY, report(seed_0_only))["verdict"] == "differs"


def test_both_corpora_must_agree():
    worse = USUAL | {"weak": [1.9, 2.6, 3.1, 3.6]}
    both = pd.concat([report(USUAL, kinds=["one-layer"]), report(worse, kinds=["words"])])
    assert judge(PERPLEXITY, both)["verdict"] == "differs"
    assert judge(PERPLEXITY, report(USUAL, kinds=["one-layer"]))["verdict"] == "not attempted"


def test_entropy_is_that_of_the_strength_which_the_loss_chose():
    def raised(strength, seed):
        return {"weak": 1.5, "medium": 0.2}.get(strength, 1.0) + 0.01 * seed * (strength == "weak")

    found = ENTROPY.differences(report(USUAL, raised))
    assert found["difference"].tolist() == pytest.approx([0.52] * 2)
    assert judge(ENTROPY, report(USUAL, raised))["verdict"] == "agrees"
    assert judge(ENTROPY, report(USUAL, lambda *model: 2 - raised(*model)))["verdict"] == "differs"


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param({"strong": []}, id="a strength that might have been chosen"),
        pytest.param({"none": [2.0, 2.5, 3.0]}, id="a third judge without the penalty"),
        pytest.param({"weak": [1.9, 2.4, 2.9]}, id="a third judge with it"),
        pytest.param({"none": []}, id="all without it"),
    ],
)
def test_while_something_is_missing_nothing_is_judged(missing):
    assert judge(PERPLEXITY, report(USUAL | missing))["verdict"] == "not attempted"
    assert judge(ENTROPY, report(USUAL | missing))["verdict"] == "not attempted"


def test_only_the_named_decoders_count():
    found = report(USUAL)
    other = found.assign(point=found["point"].str.replace("one-layer-weak", "one-layer-eta"), value=0.0)
    both = pd.concat([found, other[other["point"].str.contains("eta")]])
    assert end_by_seed(both, "one-layer", "loss").equals(end_by_seed(found, "one-layer", "loss"))
    assert judge(PERPLEXITY, report(USUAL, profile="quick"))["verdict"] == "not attempted"


def test_each_rule_is_of_a_claim_of_bao():
    assert RULES and set(RULES) <= {claim.id for claim in load() if claim.paper == "bao2024"}
