"""Networks that learned and their compressions are told apart; ranks and changes as plain loops have them."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.experiments import averaging_compression
from attention_atlas.outcomes.averaging_compression import Compressions, chosen, enough
from attention_atlas.store import Store, machine, made

# width and seed to the losses of the network as it is, with a product at rank 1 and 2, and with all products at rank 3
LEARNED = {(8, 0): (1e-4, 1e-3, 2e-4, 0.5), (8, 21): (2e-4, 5e-2, 2e-4, 4e-4), (16, 3): (1e-3, 1e-3, 1.5e-3, 9e-3)}
FAILED = {(8, 1): 0.3, (8, 22): 0.2, (16, 4): 0.01}


def stored(folder, learned=LEARNED, failed=FAILED, profile="paper"):
    store, here = Store(folder), machine("cpu")
    for point, config in averaging_compression.configurations(profile).items():
        models = range(config.first_seed, config.first_seed + config.seeds)
        rows = []
        for (width, seed), losses in (learned | failed).items():
            if width != config.d_model or seed not in models:
                continue
            kinds = [("all", "none", -1, -1)]
            if (width, seed) in learned:
                kinds += [("query_key_1", "plain", 1, 0), ("query_key_1", "plain", 2, 0), ("all", "weighted", 3, 16)]
            else:
                losses = [losses]
            rows += [(seed, *kind, loss) for kind, loss in zip(kinds, losses, strict=True)]
        table = pd.DataFrame(rows, columns=["seed", "product", "method", "rank", "entries", "loss"])
        store.keep(made(averaging_compression, point, config, table, profile, 1.0, here))
    return store


@pytest.fixture
def found(tmp_path):
    return Compressions("smoke", stored(tmp_path))


def named(rows):
    return sorted(zip(rows["width"], rows["seed"], strict=True))


def test_those_that_learned_are_told_from_those_that_did_not(found):
    assert named(found.trained) == sorted([*LEARNED, *FAILED])
    assert named(found.learned) == sorted(LEARNED) and found.models.to_dict() == {8: 2, 16: 1}
    assert found.config.d_model == 16 and found.config.steps == 4000 and "paper" in found.provenance


def test_compressions_are_those_of_networks_that_learned(found):
    assert named(found.single) == sorted([*LEARNED, *LEARNED]) and set(found.single["product"]) == {"query_key_1"}
    assert named(found.whole) == sorted([*LEARNED, *LEARNED]) and set(found.whole["method"]) == {"none", "weighted"}
    for (width, seed), losses in LEARNED.items():
        own = found.single[(found.single["width"] == width) & (found.single["seed"] == seed)]
        assert own["loss"].tolist() == list(losses[1:3]) and own["kept"].tolist() == [x < 0.01 for x in losses[1:3]]
        assert own["stored"].tolist() == [2 / width, 4 / width]
    mixed = found.whole[found.whole["method"] == "weighted"].set_index("width")["stored"]
    assert mixed.loc[16] == (2 * 3 * 16 + 16) / 256 and set(mixed.loc[8]) == {(2 * 3 * 8 + 16) / 64}


def test_if_none_learned_all_are_shown(tmp_path):
    found = Compressions("smoke", stored(tmp_path, learned={}))
    assert named(found.learned) == sorted(FAILED) == named(found.whole) and not found.learned["kept"].any()


def test_the_largest_change_of_a_loss_is_a_share_of_the_networks_own(found):
    assert found.change(found.learned) == 0
    assert found.change(chosen(found.single, 1)) == pytest.approx(5e-2 / 2e-4 - 1)
    assert found.change(chosen(found.single, 2)) == pytest.approx(1)
    assert found.change(chosen(found.single, 2, width=16)) == pytest.approx(0.5)


def test_what_is_chosen_is_what_was_asked_for(found):
    assert named(chosen(found.single, 1, product="query_key_1", method="plain", width=8)) == [(8, 0), (8, 21)]
    assert named(chosen(found.single, 1, product="value_output_1")) == []
    assert set(chosen(found.whole)["rank"]) == set()  # entries are 16, and -1 of networks as they are
    assert set(chosen(found.whole, entries=16)["rank"]) == {3} and set(chosen(found.whole, entries=None)["rank"]) == {
        -1,
        3,
    }


@given(kept=st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=6))
def test_enough_is_the_first_rank_after_the_last_failure(kept):
    rows = pd.DataFrame([(rank, one) for rank, models in enumerate(kept) for one in models], columns=["rank", "kept"])
    failures = [rank for rank, models in enumerate(kept) if not all(models)]
    least = max(failures, default=-1) + 1
    shuffled = rows.sample(frac=1, random_state=0)
    assert enough(shuffled) == (least if least < len(kept) else None)


def test_an_unknown_profile_is_refused_in_one_line(tmp_path):
    with pytest.raises(ValueError, match="unknown profile 'huge'; allowed: smoke, quick, paper"):
        Compressions("huge", Store(tmp_path))
