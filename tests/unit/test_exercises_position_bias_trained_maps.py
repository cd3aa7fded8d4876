"""The solution passes; every likely mistake is refused with its own message."""

import pytest

from attention_atlas.exercises.position_bias_trained_maps import check_label_share
from attention_atlas.theory.position_bias.kernels import flat_map

ONE = flat_map(17)[-1]
TWO = (flat_map(17) @ flat_map(17))[-1]


def test_accepts_the_even_tokens():
    by_hand = sum(sum(1 / i for i in range(j, 18)) / 17 for j in range(2, 17, 2))
    assert check_label_share((8 / 17, by_hand)).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        ((ONE[1::2].sum(), TWO[0:-1:2].sum()), "these are the vectors, tokens"),
        ((ONE[0::2].sum(), TWO[1::2].sum()), "the vectors and the query"),
        ((0.5, TWO[1::2].sum()), "attends to itself"),
        ((ONE[1::2].sum(), ONE[1::2].sum()), "one layer still"),
        ((ONE[1::2].sum(), 0.9), "even tokens"),
        ((ONE[1::2].sum(),), "two shares"),
    ],
)
def test_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        check_label_share([float(share) for share in answer])
