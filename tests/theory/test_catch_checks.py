"""What the checks of catch, tag, release are made of; tests/theory/test_checks.py runs them."""

import math

import pytest
import torch

from attention_atlas.checks import catch_one_layer, catch_tag_release
from attention_atlas.checks.margins import whole
from attention_atlas.experiments.theorem_margins import DRAWS


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_paper_profile_has_more_than_ten_thousand_settings():
    assert DRAWS["paper"] * catch_tag_release.SETTINGS > 10_000


def test_settings_are_in_their_ranges_and_all_different():
    found = catch_tag_release.settings(generator())
    assert len(found) == catch_tag_release.SETTINGS and found["tokens"].nunique() == 1
    assert (found["before"] + 1 + found["after"] == found["tokens"]).all() and (found["after"] >= 1).all()
    assert found["beta"].between(2, 40).all() and found["gamma"].between(0, 20).all()
    assert found["beta"].nunique() == found["gamma"].nunique() == found["span"].nunique() == len(found)
    strong = catch_tag_release.settings(generator(), strong=True)
    assert (strong["before"] >= 1).all() and strong["beta"].min() >= 20 and strong["gamma"].min() >= 10


def test_errors_of_a_setting_stand_in_their_order():
    found = catch_tag_release.settings(generator(1))
    slack = catch_tag_release.ROUNDED * found["span"]
    for less, more in (("error", "found_worst"), ("found_worst", "sharp"), ("sharp", "bound")):
        assert (found[less] <= found[more] + slack).all()
    assert (found["found_worst"] - found["worst"]).abs().max() <= 1e-12 * found["span"].max()
    untagged = catch_tag_release.settings(generator(1), tagged=False, strong=True)
    assert (untagged["found_worst"] > untagged["bound"]).all()


def test_corners_are_all_sequences_with_their_chances():
    numbers, likely = catch_one_layer.corners(3, -1.0, 2.0, 0.25)
    assert sorted(map(tuple, numbers.tolist())) == sorted(
        {(a, b, c) for a in (-1, 2) for b in (-1, 2) for c in (-1, 2)}
    )
    expected = [math.prod(0.25 if x == 2 else 0.75 for x in row) for row in numbers.tolist()]
    assert likely.tolist() == pytest.approx(expected) and likely.sum().item() == pytest.approx(1)


def test_random_networks_have_one_layer_and_every_kind_occurs():
    source = generator()
    shapes = [catch_one_layer._one_layer(source)[0] for _ in range(40)]
    assert {shape.layers for shape in shapes} == {1}
    for name in ("attention", "heads", "scaled", "layernorm", "mlp"):
        assert len({getattr(shape, name) for shape in shapes}) == 2
    assert whole(0, 1, source) in (0, 1)
