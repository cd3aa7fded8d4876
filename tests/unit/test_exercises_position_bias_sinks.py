"""The solutions pass; every likely mistake is refused with its own message."""

import pytest

from attention_atlas.exercises import position_bias_sinks as exercises
from attention_atlas.theory.position_bias.kernels import flat_map


def test_conventions_accept_the_counts():
    column = [row[exercises.TOKEN - 1] for row in exercises.MAP if row[exercises.TOKEN - 1] > 0]
    answer = (int(sum(column) / 3 > 0.15), sum(weight > 0.15 for weight in column) / 3)
    assert exercises.check_two_conventions(answer).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        ((0, 1 / 3), "divides by all 4"),
        ((0.5 / 3, 1 / 3), "this is the mean weight: Gu"),
        ((1 / 3, 1), "take the mean first"),
        ((1, 0.25), "cannot see token 2"),
        ((1, 1), "compares every entry first"),
        ((1, 0.5 / 3), "counts entries"),
        ((0.6, 1 / 3), "a map as a whole"),
        ((1, 0.6), "per query that sees"),
        ((1,), "two numbers"),
    ],
)
def test_conventions_name_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_two_conventions(answer)


def test_longest_text_accepts_what_uniform_attention_gives():
    received = [flat_map(length)[:, 0].mean() for length in range(1, 40)]
    answer = [max(n for n, mean in enumerate(received, 1) if mean > t) for t in exercises.THRESHOLDS]
    assert answer == [17, 9]
    assert exercises.check_longest_text(answer).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        ((18, 10), "first length"),
        ((4, 3), "last query only"),
        ((12, 5), "takes ln N"),
        ((17, 8), "receives 1, 1/2"),
        ((17,), "one length for each"),
    ],
)
def test_longest_text_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_longest_text(answer)
