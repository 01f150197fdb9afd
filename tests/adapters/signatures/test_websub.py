"""What hubs sign: each method that they use, and everything malformed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.signatures import verify_hub


@pytest.mark.parametrize(
    ("header", "right"),
    [
        ("sha1=b8f9d1a7e3ae2b5d1fb3a0e0d5d0c4f1ee5a6c11", False),
        ("sha1=de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9", True),
        ("SHA1=de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9", False),
        ("sha1=DE7C9B85B8B78AA6BC8A7A36F70A90701C9DB4D9", True),
        (" sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8 ", True),
        ("md5=80070713463e7749b90c2dc24911e275", False),
        ("sha224=88ff8b54675d39b8f72322e65ff945c52d96379988ada25639747e69", False),
        ("f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8", False),
        ("", False),
        ("sha256=", False),
        ("sha256=ä\ud800", False),
        ("sha256=" + "0" * 10_000, False),
    ],
)
def test_hubs_are_known_by_the_methods_that_they_use(header: str, right: bool) -> None:
    assert verify_hub(b"key", header, b"The quick brown fox jumps over the lazy dog") is right


@given(header=st.text(), body=st.binary())
def test_no_header_of_a_hub_makes_the_verifier_fail(header: str, body: bytes) -> None:
    assert verify_hub(b"secret", header, body) is False
