"""The solutions pass; every likely mistake is refused with its own message."""

import pytest
import torch

from attention_atlas.decoders.map_measures import later_preferred
from attention_atlas.exercises import language_recency_on_text as exercises
from attention_atlas.metrics import recency_probability, without_diagonal_means


def refused(check, answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        check(answer)


def test_turned_head_accepts_what_turned_scores_give():
    scores = torch.randn(1, 9, 9, generator=torch.Generator().manual_seed(0))
    ratio = recency_probability(-scores) + recency_probability(scores)
    assert ratio == pytest.approx(1)
    assert exercises.check_turned_head((ratio - exercises.HEAD).item()).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [(0.62, "change their sign"), (-0.62, "cannot be negative"), (0.5, "mean of this"), (0.1, "becomes -S")],
)
def test_turned_head_names_the_mistake(answer, mistake):
    refused(exercises.check_turned_head, answer, mistake)


def test_ties_accepts_what_random_texts_give():
    text = exercises.random_tokens(4000)
    table = torch.randn(3, 3, generator=torch.Generator().manual_seed(1))
    scores = table[text[:, :, None], text[:, None, :]]
    assert exercises.check_ties(recency_probability(scores).item()).startswith("Correct")
    assert later_preferred(scores).mean() == pytest.approx(0.5, abs=0.01)  # ties shared: no bias at all


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [(0.5, "tie is not higher"), (2 / 3, "half of them"), (4 / 9, "not 1/9"), (0.2, "how often")],
)
def test_ties_names_the_mistake(answer, mistake):
    refused(exercises.check_ties, answer, mistake)


def test_half_left_accepts_every_row_and_it_is_half():
    left = without_diagonal_means(exercises.places_of_keys())
    rises = left.diff(dim=1)
    assert torch.allclose(rises[~rises.isnan()], torch.tensor(0.5).double())
    assert exercises.check_half_left(rises[-1, 0].item()).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [(1.0, "change together"), (0.0, "places differ"), (-0.5, "more slowly"), (0.25, "mean of the diagonal")],
)
def test_half_left_names_the_mistake(answer, mistake):
    refused(exercises.check_half_left, answer, mistake)
