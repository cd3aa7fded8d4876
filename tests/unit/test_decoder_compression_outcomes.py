"""Tables of compressed decoders are put together as plain arithmetic has it, whatever is stored."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.experiments import language_compression
from attention_atlas.outcomes.decoder_compression import CompressedDecoders, firm, spread
from attention_atlas.store import Store, machine, made

WHOLE = ("none", "none", "none", 1.0, 1.0)
HALF, QUARTER = ("all", "plain", "entries", 0.5, 0.5), ("all", "plain", "entries", 0.25, 0.24)
MOST = ("all", "plain", "entries", 0.75, 0.75)
ONE = ("keys", "weighted", "kept", 1.0, None)
# variant to (loss, and for both layers: sinks, lasting sinks, share of each that is kept)
FIRST = {
    WHOLE: (1.0, (3.0, 1.0), (1.0, 0.0), (1.0, 1.0), (1.0, None)),
    QUARTER: (1.05, (3.0, 1.0), (1.0, 0.0), (0.5, 0.1), (0.5, None)),
    HALF: (2.0, (1.0, 0.0), (1.0, 0.0), (0.2, 0.0), (0.0, None)),
    MOST: (1.01, (1.0, 0.0), (1.0, 0.0), (0.2, 0.0), (0.0, None)),
    ONE: (1.5, (4.0, 4.0), (0.5, 0.0), (1.0, 0.6), (1.0, None)),
}
SECOND = {
    WHOLE: (2.0, (0.0, 0.0), (0.0, 0.0), (None, None), (None, None)),
    QUARTER: (2.0, (0.0, 1.0), (0.0, 0.0), (None, None), (None, None)),
    HALF: (2.05, (0.0, 0.0), (0.0, 0.0), (None, None), (None, None)),
    MOST: (2.05, (0.0, 0.0), (0.0, 0.0), (None, None), (None, None)),
    ONE: (2.0, (0.0, 0.0), (0.0, 0.0), (None, None), (None, None)),
}


def table(variants):
    rows = []
    for (part, method, kind, size, stored), (loss, *numbers) in variants.items():
        for layer in (0, 1):
            sinks, lasting, kept, lasting_kept = (pair[layer] for pair in numbers)
            rows.append((part, method, kind, size, stored, layer, loss, sinks, lasting, kept, lasting_kept))
    names = ["part", "method", "kind", "size", "stored", "layer", "loss"]
    found = pd.DataFrame(rows, columns=[*names, "sinks", "lasting_sinks", "sinks_kept", "lasting_kept"])
    return found.assign(outlier_ratio=found["loss"] + 4 * found["layer"] + 50 * (found["part"] != "none"))


@pytest.fixture
def found(tmp_path):
    store, configs = Store(tmp_path), language_compression.configurations("paper")
    points = {"rope-seed0": FIRST, "rope-seed2": SECOND, "no-positions-seed1": SECOND}
    for point, variants in points.items():
        result = made(language_compression, point, configs[point], table(variants), "paper", 1.0, machine())
        store.keep(result)
    return CompressedDecoders("smoke", store)


def test_whatever_is_stored_is_found_and_nothing_else_is_computed(found):
    assert found.settings == ["rope", "no-positions"] and found.config.steps == 1600
    assert (found.seeds("rope"), found.seeds("no-positions")) == (2, 1)
    assert set(zip(found.table["setting"], found.table["seed"], strict=True)) == {
        ("rope", 0), ("rope", 2), ("no-positions", 1)
    }  # fmt: skip
    assert len(found.layers) == 3 * 5 * 2 and len(found.table) == 3 * 5


def test_perplexity_is_compared_with_the_same_decoders_own(found):
    assert found.before("rope", "perplexity").to_dict() == pytest.approx({0: math.e, 2: math.exp(2)})
    times = found.course("rope", "times", "all", "plain", "entries")
    assert times[0].tolist() == pytest.approx([math.exp(x) for x in (0.05, 1.0, 0.01)])
    assert times[2].tolist() == pytest.approx([1, math.exp(0.05), math.exp(0.05)])
    assert times.index.tolist() == [0.25, 0.5, 0.75]
    assert found.course("rope", "times", "all", "plain", "entries", "stored").index.tolist() == [0.24, 0.5, 0.75]


def test_the_largest_outlier_is_that_of_one_layer_of_a_whole_decoder(found):
    """Layers of the second decoder have 2 and 6: not their mean, and not what compressed ones have."""
    assert found.largest_outlier() == 6


def test_shares_of_sinks_are_of_all_sinks_and_not_means_of_shares(found):
    """Three sinks a map of which half are kept, and one of which a tenth is: (1.5 + 0.1) / 4."""
    kept = found.course("rope", "sinks_kept", "all", "plain", "entries")
    assert kept.loc[0.25, 0] == pytest.approx(1.6 / 4) and kept[2].isna().all()
    lasting = found.course("rope", "lasting_kept", "all", "plain", "entries")
    assert lasting.loc[0.25, 0] == 0.5 and lasting[2].isna().all()
    assert found.before("rope", "sinks_kept")[0] == 1
    share = found.course("rope", "sinks_share", "keys", "weighted", "kept")
    assert share.loc[1, 0] == 2 and math.isnan(share.loc[1, 2])  # as many sinks again; none before


def test_enough_is_from_where_on_all_seeds_keep_their_perplexity(found):
    assert found.enough("rope", "plain", "entries") == 0.75  # a quarter was enough, half is not
    assert found.enough("no-positions", "plain", "entries") == 0.25
    assert found.enough("rope", "plain", "entries", allowed=3.0) == 0.25
    assert found.enough("rope", "plain", "entries", allowed=1.0) is None
    assert found.enough("rope", "weighted", "kept", part="keys") is None


def test_differences_are_of_the_same_decoders(found):
    ways = ("all", "plain", "entries", 0.5), ("all", "plain", "entries", 0.25)
    apart = found.paired("rope", "loss", *ways)
    assert apart["difference"] == pytest.approx((0.95 + 0.05) / 2) and apart["seeds"] == 2
    assert apart["standard_error"] == pytest.approx(0.45)  # half the difference of the two
    alone = found.paired("no-positions", "loss", *ways)
    assert alone["difference"] == pytest.approx(0.05) and math.isnan(alone["standard_error"])
    assert found.paired("rope", "sinks_kept", *ways)["seeds"] == 1  # the other never had a sink


@given(values=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=6), least=st.floats(0, 1))
def test_firm_by_loops(values, least):
    course = pd.DataFrame(values, index=[2.0**place for place in range(len(values))])
    expected = None
    for place in reversed(range(len(values))):
        if min(values[place]) < least:
            break
        expected = 2.0**place
    assert firm(course, least) == expected
    assert firm(course.assign(unknown=math.nan), least) == expected


def test_nothing_is_firm_of_which_nothing_is_known():
    assert firm(pd.DataFrame({0: [math.nan, math.nan]}), 0.5) is None


def test_spread_names_the_ends_where_they_differ():
    assert spread(pd.Series([1.0, 3.0]), ".1f") == "2.0 (1.0 to 3.0)"
    assert spread(pd.Series([1.001, 1.002]), ".1f") == "1.0"
    assert spread(pd.Series([None, 2.0]).astype(float)) == "2.00"


def test_an_unknown_profile_is_refused_in_one_line(tmp_path):
    with pytest.raises(ValueError, match="unknown profile 'huge'; allowed: smoke, quick, paper"):
        CompressedDecoders("huge", Store(tmp_path))
