"""What a subscription asks for: stored and read back, as JSON and as bits."""

import msgspec
import pytest

from bot.rules import options
from bot.rules.options import Options

ALL = [Options(reposts=reposts, replies=replies) for reposts in (False, True) for replies in (False, True)]


@pytest.mark.parametrize("wishes", ALL)
def test_what_is_written_is_read(wishes: Options) -> None:
    assert options.read(options.written(wishes)) == wishes


def test_nothing_asked_for_is_written_as_nothing() -> None:
    assert (options.written(Options()), options.wants(Options()), options.kinds(0)) == ("", 0, frozenset())


def test_bits_and_kinds_are_the_same_wish() -> None:
    assert options.kinds(options.wants(Options(reposts=True))) == {"repost"}
    assert options.kinds(options.wants(Options(replies=True))) == {"reply"}
    assert options.kinds(options.wants(ALL[-1])) == {"repost", "reply"}


def test_wishes_of_a_newer_version_are_passed_over_in_storage_and_refused_at_the_door() -> None:
    text = '{"digest": "daily", "replies": true}'
    assert options.read(text) == Options(replies=True)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Options)
