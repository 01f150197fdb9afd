"""Links lead somewhere, the changelog is current, and nothing tells of a machine or a package host."""

import re
import subprocess

import pytest

from bot.version import VERSION
from tests.documents.pages import PAGES, ROOT


@pytest.mark.parametrize("page", PAGES)
def test_links_inside_the_repository_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        file = ROOT / path if path else ROOT / page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text()), target


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_changelog_tells_of_this_version() -> None:
    assert f"\n## [{VERSION}]" in (ROOT / "CHANGELOG.md").read_text()


FORBIDDEN = re.compile(
    "|".join(
        (
            r"/wo" r"rk/",  # somebody's machine
            r"/home/(?!user\b)[a-z]+/",
            r"/ro" r"ot/",
            r"/opt/py" r"pi",
            r"files\.python" r"hosted\.org",  # where packages come from is the installer's business
            r"\bpy" r"pi\.org",
            r"--(extra-)?index" r"-url[= ]",
            r"--trusted" r"-host",
        )
    )
)


def test_no_file_tells_of_a_machine_or_a_package_host() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    found = []
    for name in filter(None, listed.stdout.decode().split("\0")):
        file = ROOT / name
        if file.is_file() and (match := FORBIDDEN.search(file.read_text(errors="replace"))):
            found.append((name, match[0]))
    assert found == []


# The first delivery, as the README has it
