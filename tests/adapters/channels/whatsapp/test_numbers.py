"""Names of people: what is an address, and which spellings mean the same line."""

import pytest

from adapters.channels.whatsapp.numbers import from_platform, is_user_id, normal, other_spelling


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("+34600123456", "+34600123456"),
        (" +34 600-12.34 (56) ", "+34600123456"),
        ("0034600123456", "+34600123456"),
        ("＋8613800138000", "+8613800138000"),
        ("+5215512345678", "+5215512345678"),  # never shortened: only the platform knows which it wants
        ("+5491123456789", "+5491123456789"),
        ("+551187654321", "+551187654321"),
        ("US.10000000000000000001", "US.10000000000000000001"),
        ("US.ENT.abc9", "US.ENT.abc9"),
    ],
)
def test_an_address_has_one_form(given: str, address: str) -> None:
    assert normal(given) == address
    assert normal(address) == address


@pytest.mark.parametrize(
    "given",
    ["", "600123456", "34600123456", "+0600123456", "+34", "+3460012345678901", "ana", "us.1", "US.", "US.a-b", "+34x"],
)
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="country code"):
        normal(given)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+5215512345678", "+525512345678"),
        ("+5491123456789", "+541123456789"),
        ("+5511987654321", "+551187654321"),
    ],
)
def test_numbers_of_three_countries_have_two_spellings(one: str, other: str) -> None:
    assert other_spelling(one) == other
    assert other_spelling(other) == one


@pytest.mark.parametrize(
    "number", ["+34600123456", "+14155550100", "+5521", "+551133334444", "+52155123456789", "US.1000", ""]
)
def test_other_names_have_one(number: str) -> None:
    assert other_spelling(number) == ""


@pytest.mark.parametrize(
    ("wa_id", "address"),
    [("15555550100", "+15555550100"), ("+15555550100", "+15555550100"), ("", ""), ("abc", ""), ("0123456789", "")],
)
def test_the_platform_leaves_the_plus_out(wa_id: str, address: str) -> None:
    assert from_platform(wa_id) == address


def test_an_id_of_a_user_is_told_from_a_number() -> None:
    assert is_user_id("DE.9ab")
    assert not is_user_id("+34600123456")
