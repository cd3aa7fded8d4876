"""Kinds of token and places of sinks, counted by loops."""

import pytest
import torch

from attention_atlas.decoders.sink_places import (
    CLASSES,
    by_class,
    by_part,
    classes_of,
    entries_above,
    most_frequent,
    token_class,
)

WORDS = ("<s>", "\n", "\n        ", "  ", '"""', "\\xe9", "\\", "(", "0", " 12", "a1", " self", "café", "\t")
KINDS = "begin newline newline space punctuation punctuation punctuation punctuation number number word word word space"


@pytest.mark.parametrize(("text", "kind"), list(zip(WORDS, KINDS.split(), strict=True)))
def test_kinds_of_token(text, kind):
    assert token_class(text) == kind


def test_counts_by_loops():
    source = torch.Generator().manual_seed(0)
    chosen = torch.rand(7, 23, generator=source) < 0.3
    tokens = torch.randint(len(WORDS), (7, 23), generator=source)
    classes = classes_of(WORDS)[tokens]
    kinds, parts = dict.fromkeys(CLASSES, 0), {str(part): 0 for part in range(9)}
    items = dict.fromkeys(WORDS, 0)
    for b in range(7):
        for i in range(23):
            if chosen[b, i]:
                kinds[token_class(WORDS[tokens[b, i]])] += 1 / 7
                parts[str(i * 8 // 23 + 1) if i else "0"] += 1 / 7
                items[WORDS[tokens[b, i]]] += 1 / 7
    assert by_class(chosen, classes) == pytest.approx(kinds)
    assert by_part(chosen) == pytest.approx(parts)
    assert sum(parts.values()) == pytest.approx(chosen.sum().item() / 7)
    found = most_frequent(chosen, tokens, WORDS, 4)
    assert list(found.values()) == pytest.approx(sorted(items.values(), reverse=True)[:4])
    assert all(
        items[next(word for word in WORDS if repr(word) == name)] == pytest.approx(n) for name, n in found.items()
    )


def test_nothing_chosen_is_nowhere():
    chosen = torch.zeros(2, 9).bool()
    assert most_frequent(chosen, torch.zeros(2, 9).long(), WORDS, 3) == {}
    assert set(by_part(chosen).values()) == {0.0}


def test_entries_above_a_threshold_by_a_loop():
    shares = torch.rand(2, 7, 7, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(7, 7).tril().bool()
    expected = [sum(b[i, j] > 0.4 for i in range(7) for j in range(i + 1)) / 28 for b in shares]
    assert entries_above(shares, mask, 0.4).tolist() == pytest.approx([float(x) for x in expected])
