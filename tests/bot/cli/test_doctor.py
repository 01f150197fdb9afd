"""What the doctor finds, and what it advises."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.usecases import deliveries, destinations
from storage.database import Database, Work
from storage.lock import DirectoryLock
from tests.bot.cli.shell import Shell
from tests.fakes.feishu import FakeFeishu
from tests.fakes.whatsapp import FakeWhatsApp
from tests.fakes.whatsapp.platform import APP_SECRET, PHONE_NUMBER_ID, TOKEN
from tests.world import add_destinations, add_feed, queue


def findings(shell: Shell, *, code: int = 0) -> dict[str, tuple[str, str]]:
    """(grade, text) by what was looked at."""
    return {one["what"]: (one["grade"], one["text"]) for one in shell("doctor", "--json", code=code).json()}


def test_a_sound_set_up_has_nothing_wrong(shell: Shell, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    found = findings(shell)
    graded = {what for what, (grade, _) in found.items() if grade != "ok"}
    assert graded <= {"WORKER_PUBLIC_BASE_URL", "server"}
    assert {"Python", "XML parser", "settings", "EGRESS_ALLOW", "channels", "sources", "PORT", "database"} <= set(found)
    assert {"MASTER_KEY", "clock", "DNS", "feeds", "destinations", "outbox"} <= set(found)


def test_people_get_a_line_each_and_what_to_do(shell: Shell) -> None:
    shown = shell("doctor").out
    assert "ok       Python: " in shown
    assert "warning  WORKER_PUBLIC_BASE_URL: not set" in shown
    assert "→ set it when" in shown


def test_a_fresh_machine_is_no_fault(bare: Shell, tmp_path: Path) -> None:
    found = findings(bare)
    assert found["DATA_DIR"][0] == found["database"][0] == "warning"
    assert not (tmp_path / "data").exists()


def test_a_wrong_setting_is_one_finding(bare: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLL_SECONDS", "often")
    grade, text = findings(bare, code=1)["settings"]
    assert (grade, "POLL_SECONDS" in text) == ("wrong", True)
    monkeypatch.setenv("POLL_SECONDS", "60")
    monkeypatch.setenv("EGRESS_ALLOW", "home")
    assert "EGRESS_ALLOW" in findings(bare, code=1)["settings"][1]
    monkeypatch.setenv("EGRESS_ALLOW", "")
    monkeypatch.setenv("OFFICIAL_SDKAPPID", "1400000000")
    assert "OFFICIAL_SECRET_KEY" in findings(bare, code=1)["settings"][1]


def test_a_misspelt_setting_is_noticed(bare: Shell, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("POLL_SECOND=60\nPORT=0\nMASTER_KEY_FILE=/nowhere\n")
    with_it = bare("doctor", "--json", code=1).json()  # the file is not there
    assert any("MASTER_KEY_FILE" in one["text"] for one in with_it)
    (tmp_path / ".env").write_text("POLL_SECOND=60\nPORT=0\n")
    assert findings(bare)[".env"] == ("warning", "POLL_SECOND: no setting of Postbell's")


def test_trouble_is_counted_and_named(shell: Shell, stored: Database) -> None:
    stored.run(_trouble)
    found = findings(shell)
    assert found["feeds"] == ("warning", "1 in trouble: 1 Broken: the server answered 500")
    assert found["destinations"] == ("warning", "1 disabled: 1 https://example.org/…: gone")
    assert found["sending"] == ("warning", "is held")
    grade, text = found["outbox"]
    assert (grade, "1 queued; what expires first was queued" in text) == ("ok", True)


def _trouble(work: Work) -> None:
    add_destinations(work, 2)
    row = destinations.get(work, 1)
    row.disabled_at, row.disabled_reason = work.now, "gone"
    work.session.add(row)
    add_feed(work, 1, title="Broken", failures=4, failing_since=work.now, reason="the server answered 500")
    queue(work, 2)
    deliveries.hold(work)


def test_another_master_key_is_wrong(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell("account", "add", "ann@example.org")
    shell("destination", "add", 1, "webhook", "https://example.org/hook")
    monkeypatch.setenv("MASTER_KEY", "b2" * 21 + "8=")
    assert findings(shell, code=1)["MASTER_KEY"] == ("wrong", "not the key of this database")
    monkeypatch.setenv("MASTER_KEY", "short")
    assert findings(shell, code=1)["MASTER_KEY"][0] == "wrong"


def test_a_port_that_somebody_else_has_is_wrong(on_sqlite: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as port:
        monkeypatch.setenv("PORT", str(port))
        grade, text = findings(on_sqlite, code=1)["PORT"]
    assert (grade, f"127.0.0.1:{port} is taken" in text) == ("wrong", True)


@contextmanager
def listening() -> Iterator[int]:
    """A port that hangs up on everybody."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener.getsockname()[1]


def test_an_open_folder_is_noticed(on_sqlite: Shell, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert findings(on_sqlite)["DATA_DIR"][0] == "warning"


def test_a_server_is_seen_by_its_lock(on_sqlite: Shell, tmp_path: Path) -> None:
    assert findings(on_sqlite)["server"][0] == "warning"
    with DirectoryLock(tmp_path):
        assert findings(on_sqlite)["server"][0] == "ok"


def test_a_database_that_cannot_be_used_is_wrong(on_sqlite: Shell, tmp_path: Path) -> None:
    shutil.copy(__file__, tmp_path / "postbell.db")
    assert findings(on_sqlite, code=1)["database"] == ("wrong", "file is not a database")


def test_a_database_that_does_not_answer_is_wrong(bare: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres:hunter2@127.0.0.1:1/postbell")
    ran = bare("doctor", "--json", code=1)
    assert "hunter2" not in ran.out
    assert [one["grade"] for one in ran.json() if one["what"] == "database"] == ["wrong"]


def test_a_wide_opening_is_noticed(bare: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EGRESS_ALLOW", "10.0.0.0/8,127.0.0.1/32")
    assert findings(bare)["EGRESS_ALLOW"] == ("warning", "opens much: 10.0.0.0/8")


def test_settings_of_channels_are_known(bare: Shell, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FEISHU_MODE=websocket\nWHATSAPP_TOKEN__SALES=x\nPORT__SALES=1\nWHATSAP_TOKEN=x\n")
    grade, text = findings(bare, code=1)[".env"]
    assert (grade, text) == ("warning", "PORT__SALES, WHATSAP_TOKEN: no setting of Postbell's")


async def test_channels_are_looked_at_from_their_platforms(bare: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeFeishu() as feishu, FakeWhatsApp() as whatsapp:
        for name, value in {
            "FEISHU_BASE_URL": feishu.base_url,
            "FEISHU_APP_ID": feishu.app_id,
            "FEISHU_APP_SECRET": feishu.app_secret,
            "FEISHU_MODE": "websocket",
            "WHATSAPP_BASE_URL__SALES": whatsapp.url,
            "WHATSAPP_TOKEN__SALES": TOKEN,
            "WHATSAPP_PHONE_NUMBER_ID__SALES": PHONE_NUMBER_ID,
            "WHATSAPP_APP_SECRET__SALES": "wrong-secret",
        }.items():
            monkeypatch.setenv(name, value)
        del feishu.console.scopes["im:resource"]
        ran = await bare.beside("doctor", code=1)
    said = " ".join(ran.out.split())
    assert "ok feishu: a long connection may be opened" in said
    assert "warning feishu: no permission im:resource" in said
    assert "ok whatsapp: not set up" in said
    assert "wrong whatsapp/sales: WHATSAPP_APP_SECRET__SALES is not the secret of the token's app" in said
    assert not {one for one in (feishu.app_secret, TOKEN, APP_SECRET, "wrong-secret") if one in ran.out}


async def test_the_callback_of_an_account_is_below_our_public_address(
    bare: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FakeFeishu() as feishu:
        for name, value in {
            "WORKER_PUBLIC_BASE_URL": "http://127.0.0.1:1/",
            "FEISHU_BASE_URL__LARK": feishu.base_url,
            "FEISHU_APP_ID__LARK": feishu.app_id,
            "FEISHU_APP_SECRET__LARK": feishu.app_secret,
            "FEISHU_VERIFICATION_TOKEN__LARK": feishu.verification_token,
        }.items():
            monkeypatch.setenv(name, value)
        ran = await bare.beside("doctor", "--json", code=1)
    wrong = [one["text"] for one in ran.json() if (one["what"], one["grade"]) == ("feishu/lark", "wrong")]
    assert wrong == ["http://127.0.0.1:1/webhooks/feishu/lark does not answer: no connection: Connection refused"]
