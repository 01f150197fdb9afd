"""What lies ready in deploy/ is sound: linted by the tools of its trade, and true to the program.

No container engine is needed, so none is used: the image's build is followed as far as a wheel goes.
"""

import asyncio
import configparser
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from ruamel.yaml import YAML

from bot.app import ROLES
from bot.gate import Gate
from bot.settings import Settings
from bot.web import health

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
TOOLS = Path(sys.executable).parent
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
STOP_SECONDS = float(Settings.model_fields["stop_seconds"].default)
COMPOSE = ("compose.yaml", "compose.postgresql.yaml")


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, env=env)


def instructions(name: str) -> list[str]:
    """The arguments of every such instruction of the Dockerfile, in order."""
    joined = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{name}\s+(.*)$", joined, re.MULTILINE)


def compose(name: str) -> Any:
    return YAML(typ="safe").load(DEPLOY / name)


def ours(name: str) -> dict[str, Any]:
    """The services of a compose file that run our image."""
    return {key: one for key, one in compose(name)["services"].items() if one["image"] == "postbell"}


def is_setting(name: str) -> bool:
    return name.removesuffix("_FILE").lower() in Settings.model_fields


# The image


def test_the_dockerfile_passes_its_linter() -> None:
    done = run(TOOLS / "hadolint", "--no-color", DEPLOY / "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_is_built_on_a_pinned_slim_python_that_we_support() -> None:
    bases = {base.split()[0] for base in instructions("FROM")}
    assert len(bases) == 1
    assert (found := re.fullmatch(r"python:(3\.\d+)-slim-[a-z]+", bases.pop()))
    assert tuple(map(int, found[1].split("."))) >= (3, 11)


def test_the_image_is_left_as_an_unprivileged_user_who_starts_the_program_itself() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", final, re.MULTILINE)
    assert not instructions("ADD")
    assert instructions("ENTRYPOINT") == ['["postbell"]']  # no shell between the engine's signals and us
    assert instructions("CMD") == ['["serve"]']
    assert instructions("STOPSIGNAL") == ["SIGTERM"]
    assert 'CMD ["python", "/opt/postbell/healthcheck.py"]' in instructions("HEALTHCHECK")[0]


def test_only_locked_wheels_go_into_the_image_and_nothing_is_compiled() -> None:
    packages = next(line for line in instructions("RUN") if "requirements.txt" in line)
    assert all(flag in packages for flag in ("--require-hashes", "--no-deps", "--only-binary :all:"))
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "pip" not in final
    assert "apt-get" not in DOCKERFILE


def test_packages_are_installed_before_the_program_is_copied() -> None:
    assert DOCKERFILE.index("-r requirements.txt") < DOCKERFILE.index("COPY bot")


def test_what_the_build_copies_is_what_its_context_lets_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    let_through = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert set(copied()) == let_through
    assert all((ROOT / path).exists() for path in let_through)


def copied() -> list[str]:
    """What the build takes from the repository."""
    lines = [line.split() for line in instructions("COPY") if not line.startswith("--from")]
    return [source for line in lines for source in line[:-1]]


def test_the_wheel_that_the_image_holds_has_every_module_and_migration(tmp_path: Path) -> None:
    context, out = tmp_path / "context", tmp_path / "out"
    for path in copied():
        source, target = ROOT / path, context / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    pip = (sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index")
    done = run(*pip, "--disable-pip-version-check", "-w", out, context)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(out.glob("*.whl"))) as wheel:
        inside = set(wheel.namelist())
    wanted = {
        str(file.relative_to(context)) for part in ("adapters", "bot", "storage") for file in modules(context / part)
    }
    assert wanted <= inside
    assert any(name.endswith("licenses/LICENSE") for name in inside)


def modules(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and "build" not in file.parts]


@pytest.mark.parametrize("field", ["draining", "low"])
async def test_the_health_check_tells_ready_from_not_ready(field: str) -> None:
    gate = Gate()
    app = web.Application()
    app.add_routes(health.routes(gate))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        assert await ask(METRICS_PORT=str(port)) == 0
        assert await ask(METRICS_PORT="0", PORT=str(port)) == 0
        setattr(gate, field, True)
        assert await ask(METRICS_PORT=str(port)) == 1
    finally:
        await runner.cleanup()
    assert await ask(METRICS_PORT=str(port)) == 1


async def ask(**environment: str) -> int:
    return (await asyncio.to_thread(run, sys.executable, DEPLOY / "healthcheck.py", **environment)).returncode


# The compose files


@pytest.mark.parametrize("name", COMPOSE)
def test_a_compose_file_follows_the_compose_specification(name: str) -> None:
    done = run(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / name)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", COMPOSE)
def test_our_containers_may_do_little_and_are_given_time_to_stop(name: str) -> None:
    assert ours(name)
    for service in ours(name).values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert float(service["stop_grace_period"].removesuffix("s")) > STOP_SECONDS
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@pytest.mark.parametrize("name", COMPOSE)
def test_a_compose_file_names_files_and_settings_that_exist(name: str) -> None:
    for service in ours(name).values():
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        assert [key for key in service["environment"] if not is_setting(key)] == []
        for secret in service.get("secrets", []):
            assert f"/run/secrets/{secret}" in service["environment"].values()


@pytest.mark.parametrize("name", COMPOSE)
def test_no_secret_stands_in_a_compose_file(name: str) -> None:
    for service in compose(name)["services"].values():
        secret = re.compile(r"(PASSWORD|SECRET|TOKEN|MASTER_KEY|DATABASE_URL)$")
        assert [key for key in service["environment"] if secret.search(key)] == []


def test_on_postgresql_all_roles_are_shared_out_and_none_twice() -> None:
    commands = [service["command"] for service in ours("compose.postgresql.yaml").values()]
    roles = [role for command in commands for role in command[command.index("--roles") + 1].split(",")]
    assert sorted(roles) == sorted(ROLES)


def test_the_secrets_of_the_compose_file_are_kept_out_of_the_repository() -> None:
    rules = (DEPLOY / "secrets" / ".gitignore").read_text().splitlines()
    assert "*" in rules
    for secret in compose("compose.postgresql.yaml")["secrets"].values():
        assert Path(secret["file"]).parent.name == "secrets"


@pytest.mark.parametrize("name", COMPOSE)
def test_settings_of_ones_own_have_a_file_that_is_not_committed(name: str) -> None:
    for service in ours(name).values():
        assert service["env_file"] == [{"path": "postbell.env", "required": False}]
    assert "/deploy/postbell.env" in (ROOT / ".gitignore").read_text().splitlines()


# The systemd unit

HARDENED = {
    "DynamicUser": "yes",
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "RestrictNamespaces": "yes",
    "SystemCallArchitectures": "native",
    "CapabilityBoundingSet": "",
}
MAX_EXPOSURE = 20  # tenths, by the measure of `systemd-analyze security`


class Unit(configparser.RawConfigParser):
    """Names keep their case; what is given twice is overwritten, which no test minds."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


@pytest.fixture
def service() -> configparser.SectionProxy:
    unit = Unit(strict=False)
    unit.read(DEPLOY / "postbell.service")
    assert unit.sections() == ["Unit", "Service", "Install"]
    return unit["Service"]


def test_the_unit_is_hardened_and_bounded(service: configparser.SectionProxy) -> None:
    assert {name: service.get(name) for name in HARDENED} == HARDENED
    assert service["MemoryMax"]
    assert service["Restart"] == "on-failure"


def test_the_unit_writes_only_into_its_state_directory(service: configparser.SectionProxy) -> None:
    folder = f"/var/lib/{service['StateDirectory']}"
    assert f"DATA_DIR={folder}" in service["Environment"].split()
    assert service["WorkingDirectory"] == folder
    assert service["StateDirectoryMode"] == "0700"


def test_the_unit_gives_time_to_stop_and_does_not_repeat_a_wrong_setting(service: configparser.SectionProxy) -> None:
    assert float(service["TimeoutStopSec"]) > STOP_SECONDS
    assert service["RestartPreventExitStatus"] == "2"  # as bot.cli exits on a wrong setting


def test_the_unit_names_settings_and_a_command_that_exist(service: configparser.SectionProxy) -> None:
    names = [piece.partition("=")[0] for piece in service["Environment"].split()]
    assert [name for name in names if not is_setting(name)] == []
    assert service["ExecStart"] == "/opt/postbell/bin/postbell serve"


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    """Where systemd is; the tests above hold everywhere."""
    if not (analyze := shutil.which("systemd-analyze")):
        return
    unit = tmp_path / "postbell.service"  # the program is not in /opt here
    unit.write_text((DEPLOY / "postbell.service").read_text().replace("/opt/postbell/bin/postbell", sys.executable))
    verified = run(analyze, "verify", "--man=no", unit)
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = run(analyze, "security", "--offline=true", "--no-pager", f"--threshold={MAX_EXPOSURE}", unit)
    assert judged.returncode == 0, judged.stdout[-300:]
