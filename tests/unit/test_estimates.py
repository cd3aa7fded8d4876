"""The time that is left: unequal points do not mislead; a duration is a number with a unit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.estimates import Pace, duration, spell


def test_nothing_is_expected_before_anything_is_done():
    assert Pace().expected(1.0) is None


def test_points_of_the_same_cost_are_asked_first():
    pace = Pace()
    pace.add(1.0, 10.0)
    pace.add(1.0, 30.0)
    pace.add(5.0, 1000.0)
    assert pace.expected(1.0) == 20.0 and pace.expected(5.0) == 1000.0
    assert pace.expected(2.0) == pytest.approx(2 * 1040 / 7)


@given(st.floats(1e-3, 1e3), st.lists(st.floats(1e-2, 1e4), min_size=1, max_size=7), st.floats(1e-2, 1e4))
def test_where_seconds_are_proportional_to_cost_any_mixture_gives_the_right_answer(rate, costs, asked):
    pace = Pace()
    for cost in costs:
        pace.add(cost, rate * cost)
    assert pace.expected(asked) == pytest.approx(rate * asked)


@pytest.mark.parametrize(
    ("text", "seconds"), [("300s", 300), ("90m", 5400), ("1.5h", 5400), ("2d", 172800), (" 2h ", 7200)]
)
def test_durations(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "90", "m", "-5m", "0s", "1h30", "5 m", "1e3s", "5M", "infh"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match=f"such as 300s, 90m or 1.5h; got '{text}'"):
        duration(text)


def test_a_duration_in_words_has_the_unit_that_a_person_would_take():
    assert [spell(seconds) for seconds in (0, 99.4, 100, 5999, 6000, 360_000)] == [
        "0 s",
        "99 s",
        "2 min",
        "100 min",
        "1.7 h",
        "100.0 h",
    ]
