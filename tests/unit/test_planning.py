"""Groups: every point once, alike, as large as allowed, in order; and the same again after an interruption."""

from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.planning import groups

POINTS = st.lists(st.integers(0, 3), max_size=23).map(lambda kinds: {f"p{n}": kind for n, kind in enumerate(kinds)})


def test_alone_where_nothing_is_alike_and_the_canary_always():
    assert groups({"canary": 1, "a": 1, "b": 1}) == [["canary"], ["a"], ["b"]]
    assert groups({"canary": 1, "a": 1, "b": 1}, lambda kind: kind, 5) == [["canary"], ["a", "b"]]


@given(POINTS, st.integers(1, 5))
def test_every_point_is_in_one_group_of_its_kind(points, together):
    formed = groups(points, lambda kind: kind, together)
    assert sorted(point for group in formed for point in group) == sorted(points)
    order = list(points)
    assert formed == sorted(formed, key=lambda group: order.index(group[0]))
    for group in formed:
        assert len(group) <= together and len({points[point] for point in group}) == 1
        assert group == sorted(group, key=order.index)
    small = [points[group[0]] for group in formed if len(group) < together]
    assert len(small) == len(set(small))  # at most one group of a kind is not full


@given(POINTS, st.integers(1, 5), st.randoms(use_true_random=False))
def test_what_is_left_when_some_groups_are_done_forms_the_same_groups(points, together, chance):
    formed = groups(points, lambda kind: kind, together)
    left = [group for group in formed if chance.random() < 0.5]
    missing = {point: kind for point, kind in points.items() if any(point in group for group in left)}
    assert groups(missing, lambda kind: kind, together) == left
