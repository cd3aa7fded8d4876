"""What is left of attention: beside plain loops, of maps that did not change, and of maps that changed on purpose."""

import math

import pytest
import torch

from attention_atlas.decoders.sinks_left import all_left, described, left, maps_of
from attention_atlas.models.decoder import Decoder, forward, initial

TOKENS = 7


def maps(seed=0, sharpness=3.0, batch=3, heads=5):
    scores = sharpness * torch.randn(
        batch, heads, TOKENS, TOKENS, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    return scores.masked_fill(~torch.ones(TOKENS, TOKENS).tril().bool(), -math.inf).softmax(-1)


def received(row_by_row, key):
    return sum(row_by_row[query][key] for query in range(key, TOKENS)) / (TOKENS - key)


def is_sink(row_by_row, key):
    return received(row_by_row, key) > 0.2


def strongest(row_by_row):
    return max(SEEN, key=lambda key: received(row_by_row, key))


SEEN = range(4)  # of 7 tokens the fifth is seen by 3 queries, less than half


def test_sinks_by_loops():
    found = described(maps())
    for batch, head in torch.cartesian_prod(torch.arange(3), torch.arange(5)).tolist():
        rows = found.weights[batch, head].tolist()
        assert found.strongest[batch, head] == strongest(rows)
        for key in range(TOKENS):
            assert found.sinks[batch, head, key] == is_sink(rows, key)
            assert found.lasting[batch, head, key] == (is_sink(rows, key) and key in SEEN)
    assert found.lasting.any() and (found.sinks & ~found.lasting).any()


def test_all_numbers_by_loops():
    after, before = maps(1), maps(2)
    pairs = [(after[b, h].tolist(), before[b, h].tolist()) for b in range(3) for h in range(5)]
    total = dict.fromkeys(("were", "still", "lasted", "last", "lasting", "most", "same", "overlap"), 0.0)
    beside = []
    for now, then in pairs:
        sinks = [key for key in range(TOKENS) if is_sink(then, key)]
        total["were"] += len(sinks)
        total["still"] += sum(is_sink(now, key) for key in sinks)
        total["lasted"] += len(set(sinks) & set(SEEN))
        total["last"] += sum(is_sink(now, key) for key in set(sinks) & set(SEEN))
        total["lasting"] += sum(is_sink(now, key) for key in SEEN) / 15
        total["most"] += received(now, strongest(now)) / 15
        total["same"] += (strongest(now) == strongest(then)) / 15
        for query in range(TOKENS):
            total["overlap"] += sum(min(now[query][key], then[query][key]) for key in range(TOKENS)) / 15 / TOKENS
            rest = [key for key in range(query + 1) if key != strongest(then)]
            if rest:
                sums = [sum(row[query][key] for key in rest) for row in (now, then)]
                beside.append(sum(min(now[query][key] / sums[0], then[query][key] / sums[1]) for key in rest))
    expected = {
        "sinks_kept": total["still"] / total["were"],
        "lasting_sinks": total["lasting"],
        "lasting_kept": total["last"] / total["lasted"],
        "strongest": total["most"],
        "strongest_kept": total["same"],
        "overlap": total["overlap"],
        "overlap_beside": sum(beside) / len(beside),
    }
    assert 0 < total["same"] < 1 and 0 < total["last"] < total["lasted"]  # the case is not trivial
    assert left(described(after), described(before)) == pytest.approx(expected, abs=1e-12)


def test_nothing_changed():
    same = described(maps())
    found = left(same, same)
    assert found["sinks_kept"] == found["lasting_kept"] == found["strongest_kept"] == 1
    assert found["overlap"] == pytest.approx(1) == found["overlap_beside"]


def test_the_strongest_token_may_grow_while_all_beside_it_stays():
    """All queries give the first token nine tenths, and share the rest as before."""
    before = maps(sharpness=0.5)
    before[..., 0] += 0.5
    before = before / before.sum(-1, keepdim=True)
    after = 0.1 * before
    after[..., 0] = 1 - after[..., 1:].sum(-1)
    found = left(described(after), described(before))
    assert (described(before).strongest == 0).all()
    assert found["strongest_kept"] == 1 and found["strongest"] > 0.9
    assert found["overlap"] < 0.8 and found["overlap_beside"] == pytest.approx(1)


def test_attention_that_was_turned_over_is_not_kept():
    before = maps(sharpness=6.0)
    turned = torch.zeros_like(before)
    for query in range(TOKENS):
        turned[..., query, : query + 1] = before[..., query, : query + 1].flip(-1)
    found = left(described(turned), described(before))
    assert max(found[name] for name in ("overlap", "lasting_kept", "strongest_kept", "overlap_beside")) < 0.75


def test_where_no_sink_was_nothing_is_said_of_sinks():
    even = described(torch.ones(17, 17).tril().double()[None, None] / torch.arange(1, 18).double()[:, None])
    none = even._replace(sinks=torch.zeros_like(even.sinks), lasting=torch.zeros_like(even.sinks))
    found = left(even, none)
    assert math.isnan(found["sinks_kept"]) and math.isnan(found["lasting_kept"]) and found["overlap"] == 1


def test_maps_are_those_of_the_decoder_layer_by_layer():
    decoder, text = Decoder(11, layers=2, heads=3, d_model=12), torch.arange(10).reshape(2, 5)
    weights, seen = initial(decoder, [torch.Generator().manual_seed(0)]), []
    forward(decoder, weights, text[None], lambda _, name, x: seen.append(x[0]) if name == "weights" else None)
    found = maps_of(decoder, weights, text)
    assert all(maps.weights.equal(expected) for maps, expected in zip(found, seen, strict=True))
    table = all_left(found, found[::-1])
    assert table["layer"].tolist() == [0, 1]
    assert table.drop(columns="layer").to_dict("records")[1] == pytest.approx(left(found[1], found[0]), nan_ok=True)
