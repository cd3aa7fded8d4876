"""Center nodes: hand cases, the plain meaning of r, the bound on any graph, and graphs without a center."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.checks.centers import atlas_center_limit, atlas_center_limit_control, packed_documents, random_mask
from attention_atlas.checks.margins import ROUNDING
from attention_atlas.masks import causal, center_nodes, dense, none, prefix, sliding_window
from attention_atlas.rollout import rollout_trajectory
from attention_atlas.theory.centers import log_center_bound, outside_share, steps_to_centers


@pytest.mark.parametrize(
    ("mask", "steps"),
    [(causal, 1), (prefix(3), 1), (sliding_window(2), 10), (sliding_window(3), 5), (sliding_window(4), 4)],
)
def test_steps_of_the_known_masks(mask, steps):
    assert steps_to_centers(mask, 11) == steps


@given(seed=st.integers(0, 2**31), tokens=st.integers(3, 9))
def test_steps_are_the_layers_after_which_everyone_has_heard_from_a_center(seed, tokens):
    mask = random_mask(tokens, torch.Generator().manual_seed(seed))
    centers, sight = center_nodes(mask, tokens), dense(mask, tokens)
    heard = torch.zeros(tokens, dtype=torch.bool)
    heard[centers] = True
    steps = 0
    while not heard.all():  # the plain meaning: who sees someone who has heard, has heard
        heard, steps = heard | (sight & heard).any(1), steps + 1
    assert steps == steps_to_centers(mask, tokens)


@given(seed=st.integers(0, 2**31))
def test_the_bound_holds_on_any_graph(seed):
    assert (atlas_center_limit(5, torch.Generator().manual_seed(seed))["margin"] >= -ROUNDING).all()


@given(seed=st.integers(0, 2**31))
def test_negative_control_two_documents_have_no_center_and_nothing_collapses(seed):
    assert (atlas_center_limit_control(5, torch.Generator().manual_seed(seed))["margin"] < -ROUNDING).all()


def test_outside_share_is_the_plain_sum():
    maps = torch.rand(7, 5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64).tril()
    maps /= maps.sum(-1, keepdim=True)
    expected = [max(row[1:].sum() for row in product) for product in rollout_trajectory(maps)]
    torch.testing.assert_close(outside_share(maps, causal), torch.stack(expected))


def test_a_single_certain_step_empties_the_outside():
    assert log_center_bound(1.0, 1, 3).tolist() == [-torch.inf] * 3


@pytest.mark.parametrize("mask", [none, causal & packed_documents(2)])
def test_masks_for_which_the_bound_says_nothing_are_refused(mask):
    with pytest.raises(ValueError, match=r"needs a mask with some center nodes and some other tokens, got \d of 5"):
        steps_to_centers(mask, 5)


@pytest.mark.parametrize(("epsilon", "steps", "layers"), [(0.0, 1, 1), (1.5, 1, 1), (0.5, 0, 1), (0.5, 1, 0)])
def test_impossible_arguments_are_refused(epsilon, steps, layers):
    with pytest.raises(ValueError, match="got"):
        log_center_bound(epsilon, steps, layers)
