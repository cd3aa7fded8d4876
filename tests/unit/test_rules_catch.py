"""The claim on training: some networks learn it and some do not, with a sink; anything else is not what was claimed."""

import pandas as pd
import pytest

from attention_atlas import verdicts


def report(learned: int, received: float = 0.9, models: int = 100) -> pd.DataFrame:
    """The main setting with so many networks that learned, measured before and at the end; and another setting."""
    rows = []
    for seed in range(models):
        good = seed < learned
        for step, loss in ((25, 0.5), (4000, 0.0001 if good else 0.1)):
            numbers = {"loss": loss, "target_variance": 1.0, "received": received + seed / 1e4 if good else 0.1}
            if step == 4000 and not good:
                numbers["loss"] = 0.2
            rows += [(f"main-{seed // 20}", seed, step, name, value) for name, value in numbers.items()]
    rows += [("width-4-0", seed, 4000, name, 0.0) for seed in range(20) for name in ("loss", "received")]
    return pd.DataFrame(rows, columns=["point", "seed", "step", "quantity", "value"]).assign(profile="paper")


def compressed(attention: float, received: float = 0.9, widths: tuple = (8, 16)) -> pd.DataFrame:
    """Networks of both widths before and after truncation, and other compressions that the claim is not about."""
    rows = []
    for width in widths:
        for seed in range(10):
            slight = seed / 1e4
            point = f"width-{width}-{seed // 5 if width == 8 else 0}"
            rows.append((point, seed, "all", "none", -1, -1, 0.98, 0.95))
            rows.append((point, seed, "query_key_1", "weighted", 1, 0, attention + slight, received + slight))
            rows.append((point, seed, "query_key_1", "plain", 1, 0, 0.0, 0.0))
            rows.append((point, seed, "all", "weighted", 1, 0, 0.0, 0.0))
            rows.append((point, seed, "query_key_1", "weighted", 0, 0, 0.0, 0.0))
    columns = ["point", "seed", "product", "method", "rank", "entries", "attention", "received"]
    return pd.DataFrame(rows, columns=columns).assign(profile="paper")


def verdict(table: pd.DataFrame, id: str = "zhang2025-success") -> str:
    return verdicts.judge(verdicts.RULES[id], table)["verdict"]


def test_a_sink_kept_at_rank_one_agrees_and_one_lost_or_weakened_does_not():
    assert verdict(compressed(0.96), "zhang2025-low-rank") == "agrees"
    assert verdict(compressed(0.85), "zhang2025-low-rank") == "differs"
    assert verdict(compressed(0.96, received=0.1), "zhang2025-low-rank") == "differs"


def test_one_width_settles_nothing_about_low_rank():
    assert verdict(compressed(0.96, widths=(8,)), "zhang2025-low-rank") == "not attempted"


def test_some_and_not_all_agree():
    assert verdict(report(55)) == "agrees" and verdict(report(40)) == "agrees"


@pytest.mark.parametrize("learned", [0, 100])
def test_none_or_all_contradict_it(learned):
    assert verdict(report(learned)) == "differs"


def test_success_without_a_sink_contradicts_it():
    assert verdict(report(55, received=0.1)) == "differs"


def test_few_on_one_side_are_not_sure():
    assert verdict(report(3)) == "agrees in sign"


def test_less_than_all_networks_settle_nothing():
    assert verdict(report(55, models=80)) == "not attempted"
    assert verdict(report(55).assign(profile="quick")) == "not attempted"
