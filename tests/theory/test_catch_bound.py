"""Bounds: by hand, the lemma behind them, the chain worst <= sharp <= bound, and what breaks it."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.theory.catch_tag_release import bound
from attention_atlas.theory.catch_tag_release.construction import outlier_retrieval, outlier_tags, retrieval, tags
from attention_atlas.theory.catch_tag_release.exact_error import worst_error

# Exponents reach some tens, so weights are off by as many units of the last place, and errors are differences of them.
ROUNDING = 100 * torch.finfo(torch.float64).eps
SETTING = dict(before=st.integers(0, 40), after=st.integers(1, 40), beta=st.floats(-2, 40), gamma=st.floats(0, 25))


def number(value):
    return torch.tensor(value, dtype=torch.float64)


def both(before, after, beta, gamma):
    setting = torch.tensor(before), torch.tensor(after), number(beta), number(gamma)
    return bound.sharp_bound(*setting).item(), bound.error_bound(*setting).item()


def exact(before, after, beta, gamma, tagged=True):
    tokens, place = before + 1 + after, torch.tensor(before)
    weights = retrieval(tags(tokens, place, number(beta)) * tagged, place, number(gamma))
    return worst_error(weights, place).item()


def test_by_hand():
    """m = 2, n = 3, e^beta = 10, e^gamma = 4."""
    beta, gamma = math.log(10), math.log(4)
    last, first = 10 / 15, 10 / 13
    stated = 4**0.5 - 1 + (2 + 1 / 4) / 3 * 4**-last
    missed = (2 + 1 / 4) * 4**-last
    sharp = missed / (missed + 3) + 3 / (missed + 3) * math.tanh(gamma * (first - last) / 4)
    assert both(2, 3, beta, gamma) == pytest.approx((sharp, stated), rel=1e-12)


def test_one_number_after_the_separator_has_no_spread():
    sharp, _ = both(before=0, after=1, beta=50.0, gamma=2.0)
    assert sharp == pytest.approx(math.exp(-4) / (1 + math.exp(-4)), rel=1e-12)
    assert sharp == pytest.approx(exact(0, 1, 50.0, 2.0), rel=1e-12)  # nothing is lost here


@given(shares=st.lists(st.floats(1, 9), min_size=1, max_size=12))
def test_the_lemma_ratios_bound_the_distance_from_equal_shares(shares):
    ratio = max(shares) / min(shares)
    apart = sum(max(share / sum(shares) - 1 / len(shares), 0) for share in shares)
    assert apart <= (math.sqrt(ratio) - 1) / (math.sqrt(ratio) + 1) + 1e-12
    assert (math.sqrt(ratio) - 1) / (math.sqrt(ratio) + 1) == pytest.approx(math.tanh(math.log(ratio) / 4), abs=1e-12)


def test_the_lemma_is_attained():
    shares = [4.0, 1.0, 1.0]  # a third of them is large: 1 / (1 + sqrt 4)
    assert max(shares) / 6 - 1 / 3 == pytest.approx((2 - 1) / (2 + 1))


@given(**SETTING)
def test_the_worst_error_is_below_the_sharp_bound_and_that_below_the_other(before, after, beta, gamma):
    worst, (sharp, stated) = exact(before, after, beta, gamma), both(before, after, beta, gamma)
    assert worst <= sharp * (1 + 1e-9) + ROUNDING
    assert sharp <= stated * (1 + 1e-12) and sharp <= 1 + 1e-12


@given(before=st.integers(0, 40), after=st.integers(1, 40), gamma=st.floats(0.1, 20))
def test_where_tags_are_perfect_nothing_but_the_others_is_missed(before, after, gamma):
    """Then the sharp bound is the worst error, but for what [SEP]'s own tag is short of 1."""
    sharp, _ = both(before, after, 60.0, gamma)
    assert sharp == pytest.approx(exact(before, after, 60.0, gamma), rel=1e-6, abs=1e-14)


@given(before=st.integers(1, 40), after=st.integers(1, 40), beta=st.floats(15, 40), gamma=st.floats(8, 25))
def test_negative_control_without_the_tag_the_bound_fails(before, after, beta, gamma):
    assert exact(before, after, beta, gamma, tagged=False) > both(before, after, beta, gamma)[1]


def test_negative_controls_every_part_of_the_bound_is_needed():
    setting = dict(before=15, after=16, beta=30.0, gamma=6.0)
    small = (15 + math.exp(-6)) / 16 * math.exp(-6)
    assert small * math.exp(-6) < exact(**setting) < small + 1e-10  # a wrong exponent, -2 gamma alpha_T, is too small
    assert exact(**setting | {"before": 0}) > 0  # without m numbers before it, [SEP] is still missed
    spread = dict(before=0, after=30, beta=2.0, gamma=20.0)
    assert exact(**spread) > 10 * math.exp(-20 * tags(31, torch.tensor(0), number(2.0))[-1].item()) / 30  # first term


def test_a_bound_that_is_no_number_is_infinite():
    assert both(40, 40, -2.0, 25.0)[1] == math.inf


@pytest.mark.parametrize("wrong", [{"before": -1}, {"after": 0}, {"gamma": -0.5}])
@pytest.mark.parametrize("function", [bound.error_bound, bound.sharp_bound])
def test_impossible_settings_are_refused(function, wrong):
    setting = {"before": 2, "after": 3, "gamma": 1.0} | wrong
    with pytest.raises(ValueError, match=r"^bounds need before >= 0, .* got at least") as refusal:
        function(torch.tensor(setting["before"]), torch.tensor(setting["after"]), number(5.0), number(setting["gamma"]))
    assert "\n" not in str(refusal.value)


def outlier_worst(before, after, beta, gamma, s, v):
    tagged = outlier_tags(before + 1 + after, torch.tensor(before), beta, s, v)
    return worst_error(outlier_retrieval(tagged, gamma), torch.tensor(before)).item()


OUTLIER = dict(
    before=st.integers(1, 20), after=st.integers(1, 20), beta=st.floats(2, 20), gamma=st.floats(0, 2),
    s=st.floats(1.5, 4), v=st.floats(1.2, 3),
)  # fmt: skip


@given(**OUTLIER)
def test_the_bound_of_the_variant_holds_on_the_worst_numbers(before, after, beta, gamma, s, v):
    limit = bound.outlier_bound(torch.tensor(before), torch.tensor(after), beta, gamma, s, v).item()
    assert outlier_worst(before, after, beta, gamma, s, v) <= limit * (1 + 1e-9) + ROUNDING and limit <= 1 + 1e-12


def test_the_bound_of_the_variant_is_no_bound_where_the_separator_comes_first():
    claimed = bound.outlier_bound(torch.tensor(1), torch.tensor(8), 20.0, 0.3).item()
    assert outlier_worst(1, 8, 20.0, 0.3, 3.0, 2.0) <= claimed * (1 + 1e-9)
    assert claimed < 1e-3 < 0.9 < outlier_worst(0, 8, 20.0, 0.3, 3.0, 2.0)


@given(**{name: values for name, values in OUTLIER.items() if name != "before"})
def test_where_the_separator_comes_first_next_to_nothing_is_kept(after, beta, gamma, s, v):
    tagged = outlier_tags(after + 1, torch.tensor(0), beta, s, v)
    numbers = torch.rand(after, generator=torch.Generator().manual_seed(after), dtype=torch.float64)
    answer = (outlier_retrieval(tagged, gamma)[1:] @ numbers).item()
    assert answer <= bound.outlier_kept(after + 1, beta, gamma, s, v) * numbers.mean().item() * (1 + 1e-9)


@pytest.mark.parametrize("place", [0, 1])
def test_the_variant_refuses_what_its_bound_does_not_cover(place):
    message = ("needs a number before", "must have a positive tag")[place]
    with pytest.raises(ValueError, match=message):
        bound.outlier_bound(torch.tensor(place), torch.tensor(3), 20.0, 3.0, 3.0, 0.2)
    with pytest.raises(ValueError, match=r"must have a positive tag, got -0\.4"):
        bound.outlier_kept(4, 20.0, 3.0, 3.0, 0.2)
