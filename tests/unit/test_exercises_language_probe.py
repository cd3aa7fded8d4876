"""Checks of the exercises on probing: solutions pass, every likely mistake has its own message."""

import pytest
import torch

from attention_atlas.exercises import language_probe as exercises
from attention_atlas.sinks import attention_received, sinks_zhang2025


def even(tokens):
    mask = torch.ones(tokens, tokens).tril().bool()
    return mask.double() / mask.sum(1, keepdim=True), mask


@pytest.mark.parametrize("tokens", [2, 17, 128])
def test_even_attention_is_what_the_library_measures(tokens):
    weights, mask = even(tokens)
    right = attention_received(weights, mask)[0].item()
    assert exercises.check_even_first(right, tokens).startswith("Correct")
    mistakes = {1 / tokens: "all queries saw all", tokens * right: "sum over queries"}
    mistakes[(tokens * right - 1) / (tokens - 1)] = "leaves out the first token's attention to itself"
    for wrong, message in mistakes.items():
        if tokens > 2:
            with pytest.raises(ValueError, match=message):
                exercises.check_even_first(wrong, tokens)
    with pytest.raises(ValueError, match="query i, counted from 1"):
        exercises.check_even_first(0.987, tokens)


def test_the_longest_text_with_a_sink():
    found = [bool(sinks_zhang2025(w[None, None], m)[0, 0, 0]) for w, m in map(even, range(1, 40))]
    longest = 1 + max(place for place, sink in enumerate(found) if sink)
    assert exercises.check_longest_with_a_sink(longest).startswith("Correct")
    for wrong, message in {
        18: "first length without",
        5: "mean over all queries",
        4: "last query",
        9: "harmonic",
    }.items():
        with pytest.raises(ValueError, match=message):
            exercises.check_longest_with_a_sink(wrong)
