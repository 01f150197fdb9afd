"""Which subscriptions of the Activity API are made and deleted."""

import pytest

from adapters.sources.x.subscriptions import GONE, NEW, Change, Subscription, Wanted, change


def there(*names: str) -> list[Subscription]:
    """Those that X lists: "+1" for new posts of account 1, "-1" for its deletions; the id is the name."""
    return [Subscription(name, wanted(name)) for name in names]


def wanted(name: str) -> Wanted:
    return Wanted({"+": NEW, "-": GONE}.get(name[0], "post.like"), name[1:2])


@pytest.mark.parametrize(
    ("before", "accounts", "most", "deleted", "added", "kept"),
    [
        ("", "12", 10, "", "+1 +2 -1 -2", ""),
        ("+1 +2 -1 -2", "12", 10, "", "", "12"),
        ("+1 -1", "2", 10, "+1 -1", "+2 -2", ""),
        ("+1 +1b -1 ?1", "1", 10, "+1b ?1", "", "1"),
        ("+1 -1", "12", 3, "", "+2", "1"),
        ("+2 -2", "12", 2, "-2", "+1", "2"),
        ("+2 +3", "123", 2, "", "", "23"),
        ("+1", "1", -1, "+1", "", ""),
        ("+1 -1", "", 10, "+1 -1", "", ""),
    ],
)
def test_subscriptions_follow_who_is_followed(
    before: str, accounts: str, most: int, deleted: str, added: str, kept: str
) -> None:
    expected = Change(deleted.split(), [wanted(one) for one in added.split()], frozenset(kept))
    assert change(there(*before.split()), accounts, most=most) == expected
