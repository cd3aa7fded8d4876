"""Running sums are plain means with errors; a stream goes on where it was stopped, to the same bits."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.simulation import running
from attention_atlas.simulation.running import Randomness, Stream, Sums, stream

QUESTION = {"of": "normals", "seed": 3}


class Interrupted(Exception):
    """Stands for whatever ends a process."""


class Counted:
    """Normal numbers summed chunk by chunk; may be interrupted after some chunks."""

    def __init__(self, seed=3, chunks=None):
        self.randomness, self.sums, self.chunks = Stream(), Sums({"number": (), ("map", 1): (2, 3)}), chunks
        self.randomness.manual_seed(seed)
        self.drawn = []

    def add(self, number):
        if len(self.drawn) == self.chunks:
            raise Interrupted
        self.drawn.append(number)
        values = torch.randn(number, 16, generator=self.randomness, dtype=torch.float64)
        self.sums.record("number", values[:, 0])
        self.sums.record(("map", 1), values[:, 1:7].T.reshape(2, 3, -1))
        self.sums.sequences += number

    def run(self, sequences=23, chunk=5, question=QUESTION, checkpoint=None):
        stream(self.add, self.sums, self.randomness, sequences, chunk, question, checkpoint)
        return self


@given(seed=st.integers(0, 2**31), sizes=st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_means_and_errors_are_those_of_all_values_at_once(seed, sizes):
    source = torch.Generator().manual_seed(seed)
    parts = [torch.randn(3, 5, size, generator=source, dtype=torch.float64) + 1 for size in sizes]
    sums, everything = Sums({"map": (3, 5)}), torch.cat(parts, -1)
    for part in parts:
        sums.record("map", part)
        sums.sequences += part.shape[-1]
    mean, error = sums.mean_and_error("map")
    torch.testing.assert_close(mean, everything.mean(-1), rtol=1e-12, atol=1e-12)
    if sum(sizes) > 1:
        expected = everything.std(-1) / sum(sizes) ** 0.5
        torch.testing.assert_close(error, expected, rtol=1e-6, atol=1e-6)


def test_equal_values_have_no_error_and_rounding_makes_no_nan():
    sums = Sums({"number": ()})
    sums.record("number", torch.full((7,), 0.1, dtype=torch.float64))
    sums.sequences += 7
    mean, error = sums.mean_and_error("number")
    assert mean.item() == pytest.approx(0.1, rel=1e-12) and 0 <= error.item() < 1e-8


def test_a_state_comes_back_to_the_last_bit_through_json():
    one, other = Counted().run(), Counted(seed=4).run()
    assert one.sums.state() != other.sums.state()
    other.sums.load(json.loads(json.dumps(one.sums.state())))
    other.randomness.load(json.loads(json.dumps(one.randomness.state())))
    assert other.sums.state() == one.sums.state() and list(other.sums.sums) == ["number", ("map", 1)]
    draws = [torch.rand(7, generator=which.randomness) for which in (one, other)]
    assert torch.equal(*draws)


def test_a_stream_is_randomness_and_a_plain_generator_is_not():
    assert isinstance(Stream(), Randomness) and not isinstance(torch.Generator(), Randomness)


@pytest.mark.parametrize(("chunk", "chunks"), [(5, [5, 5, 5, 5, 3]), (23, [23]), (99, [23])])
def test_the_last_chunk_is_what_is_missing(chunk, chunks):
    assert Counted().run(chunk=chunk).drawn == chunks


@pytest.mark.parametrize("chunk", [1, 2, 7, 23])
def test_the_chunk_changes_rounding_only(chunk):
    whole, found = Counted().run(), Counted().run(chunk=chunk)
    other = Counted(seed=4).run(chunk=chunk)  # negative control
    for name in whole.sums.sums:
        torch.testing.assert_close(found.sums.sums[name], whole.sums.sums[name], rtol=1e-12, atol=1e-12)
        assert (other.sums.sums[name] - whole.sums.sums[name]).abs().max() > 0.1


def test_stopped_twice_it_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "EVERY", -1.0)
    checkpoint, expected = tmp_path / "state.json", Counted().run()
    for seed, chunks, held in ((3, 2, 10), (99, 1, 15)):
        with pytest.raises(Interrupted):
            Counted(seed, chunks).run(checkpoint=checkpoint)
        assert json.loads(checkpoint.read_text())["moments"]["sequences"] == held
    last = Counted(seed=98).run(checkpoint=checkpoint)  # the numbers come from the checkpoint, not from this seed
    assert last.drawn == [5, 3] and last.sums.state() == expected.sums.state() and not checkpoint.exists()


def test_no_checkpoint_is_kept_before_its_time(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "EVERY", 1e9)
    with pytest.raises(Interrupted):
        Counted(chunks=2).run(checkpoint=tmp_path / "state.json")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """The checkpoint of a stream of 23 that was stopped after 10."""
    monkeypatch.setattr(running, "EVERY", -1.0)
    with pytest.raises(Interrupted):
        Counted(chunks=2).run(checkpoint=tmp_path / "state.json")
    return tmp_path / "state.json"


@pytest.mark.parametrize(
    "change", [{"question": QUESTION | {"seed": 4}}, {"question": QUESTION | {"new": 1}}, {"sequences": 9}], ids=str
)
def test_a_foreign_checkpoint_is_refused_in_one_line_and_kept(stopped, change):
    content = stopped.read_bytes()
    with pytest.raises(ValueError) as refusal:
        Counted().run(checkpoint=stopped, **change)
    assert str(refusal.value) == f"{stopped} is another simulation's checkpoint; move or delete it"
    assert stopped.read_bytes() == content


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: text[: len(text) // 2], id="cut off"),
        pytest.param(lambda text: "[]", id="another JSON"),
        pytest.param(lambda text: text.replace('"sums": [', '"sums": [[0.0, 0.0], '), id="a sum too many"),
        pytest.param(lambda text: text.replace('"random": [', '"random": [256, '), id="no byte"),
        pytest.param(lambda text: text.replace('"random": [', '"random": [1, '), id="a byte too many"),
    ],
)
def test_a_broken_checkpoint_is_refused_in_one_line(stopped, damage):
    stopped.write_text(damage(stopped.read_text()))
    with pytest.raises(
        ValueError, match=r"^broken checkpoint .*state\.json \(.*\); delete it to start again$"
    ) as found:
        Counted().run(checkpoint=stopped)
    assert "\n" not in str(found.value)


def test_tuples_in_a_question_are_what_json_reads_back(stopped):
    """A question with a tuple is the same after a break."""
    stopped.unlink()
    question = QUESTION | {"layers": (1, 2)}
    with pytest.raises(Interrupted):
        Counted(chunks=2).run(checkpoint=stopped, question=question)
    assert Counted().run(checkpoint=stopped, question=question).drawn == [5, 5, 3]
