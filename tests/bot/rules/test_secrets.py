"""Rotation of signing secrets, against the reliability page, 6.1."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.rules.secrets import Ring, Secret

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def texts(ring: Ring, at: datetime) -> list[str]:
    return [one.text for one in ring.active(at)]


def test_the_first_secret_signs_alone_and_for_ever() -> None:
    assert texts(Ring().rotated("whsec_1", NOW), NOW + 10_000 * DAY) == ["whsec_1"]


def test_after_a_rotation_the_new_one_signs_first_and_the_old_one_for_a_day() -> None:
    ring = Ring().rotated("whsec_1", NOW - DAY).rotated("whsec_2", NOW)
    assert texts(ring, NOW + DAY - HOUR) == ["whsec_2", "whsec_1"]
    assert texts(ring, NOW + DAY) == ["whsec_2"]


def test_at_most_two_old_ones_go_on_signing() -> None:
    ring = Ring()
    for n in range(5):
        ring = ring.rotated(f"whsec_{n}", NOW + n * HOUR)
    assert texts(ring, NOW + 5 * HOUR) == ["whsec_4", "whsec_3", "whsec_2"]
    assert len(ring.secrets) == 3


def test_a_second_rotation_does_not_lengthen_the_life_of_the_first_secret() -> None:
    ring = Ring().rotated("whsec_1", NOW).rotated("whsec_2", NOW).rotated("whsec_3", NOW + 20 * HOUR)
    assert texts(ring, NOW + DAY) == ["whsec_3", "whsec_2"]
    assert texts(ring, NOW + 20 * HOUR + DAY) == ["whsec_3"]


def test_what_has_ended_is_forgotten_at_the_next_rotation() -> None:
    ring = Ring().rotated("whsec_1", NOW).rotated("whsec_2", NOW).rotated("whsec_3", NOW + 2 * DAY)
    assert [one.text for one in ring.secrets] == ["whsec_3", "whsec_2"]


@pytest.mark.parametrize("ring", [Ring(), Ring((Secret("whsec_1"), Secret("whsec_0", NOW)))])
def test_it_is_stored_and_read_as_it_was(ring: Ring) -> None:
    assert Ring.unpack(ring.pack()) == ring
