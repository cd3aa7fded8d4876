"""The solutions pass; every likely mistake is refused with its own message."""

import math

import pytest

from attention_atlas.exercises import language_trained_decoders as exercises


def test_bits_per_byte_accepts_a_count_of_the_bits():
    tokens = 1000
    bits = sum(-math.log2(math.exp(-2.8)) for _ in range(tokens))
    assert exercises.check_bits_per_byte(bits / (2.5 * tokens)).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (2.8 / 2.5, "these are nats"),
        (2.8 / math.log(2), "bits per token"),
        (2.8 * math.log(2) / 2.5, "more than a bit"),
        (2.8 / math.log(2) * 2.5, "share its bits"),
        (math.exp(2.8) / 2.5, "take the loss"),
        (3.0, "from nats per token"),
    ],
)
def test_bits_per_byte_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_bits_per_byte(answer)


def test_half_certain_accepts_the_mean_of_losses():
    losses = [0.0, -math.log(1 / 1023)] * 50
    assert exercises.check_half_certain(math.exp(sum(losses) / 100)).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (512, "mean of the two perplexities"),
        (511.5, "half of 1023"),
        (math.log(1023) / 2, "this is the loss"),
        (1023, "guesses alone"),
        (32, "no number 0"),
        (50, "loss of each half"),
    ],
)
def test_half_certain_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_half_certain(answer)
