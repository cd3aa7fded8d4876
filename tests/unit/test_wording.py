"""Numbers are spelled as people write them, and what is not known is a dash."""

import pytest

from attention_atlas.wording import counted, number, with_error

NAN = float("nan")


def test_an_unknown_number_is_a_dash_and_a_minus_is_a_minus():
    assert number(NAN) == "–" and number(NAN, missing="?") == "?"
    assert number(-1.5, ".1f") == "−1.5" and number(0.256, ".0%") == "26%"


@pytest.mark.parametrize("error, said", [(0.04, "0.50\u00a0±\u00a00.04"), (NAN, "0.50"), (0.0, "0.50")])
def test_an_error_is_written_where_there_is_one(error, said):
    assert with_error(0.5, error) == said


def test_counts():
    assert [counted(n, "head") for n in (0, 1, 2)] == ["no head", "one head", "2 heads"]
