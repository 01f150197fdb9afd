"""The parts that the settings make, each by itself: commands and tests need some of them without the rest."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from adapters.base import Billed, Channel, Paced, Source, Streaming
from adapters.http import Egress, Outbound
from adapters.inbound import Phoned
from bot import installed
from bot.clock import Clock
from bot.gate import Gate
from bot.jobs.poller import Poller
from bot.metrics import Metrics
from bot.rules import official, plans
from bot.rules.budget import Pace
from bot.rules.plans import Plans
from bot.rules.retry import Schedule, Schedules
from bot.rules.vault import Vault
from bot.settings import BadSetting, Settings, delays
from bot.usecases import feeds, posts
from bot.usecases.chat.who import Phones, Terms
from bot.usecases.opml import Naming
from bot.version import VERSION
from storage.database import Database


def make_schedules(settings: Settings) -> Schedules:
    """The retry table of the settings; a message expires a day, or a schedule and a fifth, after it was queued."""
    webhook, chat = delays(settings.retry_webhook), delays(settings.retry_chat)
    return {
        "webhook": Schedule(webhook, max(sum(webhook, timedelta(0)) * 1.2, timedelta(hours=1))),
        "chat": Schedule(chat, timedelta(hours=24)),
        "code": Schedule(delays(settings.retry_code), timedelta(minutes=15)),  # each code's own end comes before
        "reply": Schedule(delays(settings.retry_reply), timedelta(minutes=2)),
    }


def make_paces(sources: Mapping[str, Source]) -> dict[str, Pace]:
    """Of the sources that are not read like any web server."""
    paces = {kind: _pace(source) for kind, source in sources.items()}
    return {kind: pace for kind, pace in paces.items() if pace != Pace()}


def _pace(source: Source) -> Pace:
    return Pace(
        source.interval if isinstance(source, Paced) else None,
        *((source.monthly_budget, source.read_price) if isinstance(source, Billed) else (0, 0.0)),
        isinstance(source, Streaming) and source.streams,
    )


def make_policy(settings: Settings, sources: Mapping[str, Source]) -> posts.Policy:
    return posts.Policy(
        make_schedules(settings),
        settings.backfill,
        settings.operator_destination or None,
        timedelta(days=settings.hold_days),
        websub=bool(settings.worker_public_base_url),
        paces=make_paces(sources),
    )


def make_terms(
    settings: Settings,
    vault: Vault,
    ways: Mapping[str, Channel],
    sources: Mapping[str, Source],
    naming: Naming | None,
) -> Terms:
    """What people in chats are offered."""
    pepper, *older = vault.peppers()
    return Terms(
        policy=make_policy(settings, sources),
        interval=timedelta(seconds=settings.poll_seconds),
        public_base_url=settings.public_base_url,
        signup=settings.signup,
        default_plan=settings.default_plan,
        default_credits=make_plans(settings)[settings.default_plan].credits,
        group_managers=settings.group_managers,
        pepper=pepper,
        older_peppers=tuple(older),
        naming=naming,
        phones=next((_phones(way) for way in ways.values() if isinstance(way, Phoned) and way.is_set_up), None),
    )


def _phones(way: Any) -> Phones:
    return Phones(way.name, way.normal_address, way.number)


def make_plans(settings: Settings) -> Plans:
    """Ours, and those of PLANS_FILE.  Raises BadSetting."""
    known = dict(plans.read((Path(__file__).parent / "plans.toml").read_text(encoding="utf-8")))
    if settings.plans_file:
        try:
            known |= plans.read(Path(settings.plans_file).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadSetting(f"PLANS_FILE: {settings.plans_file} cannot be used ({error})") from None
    if settings.default_plan not in known:
        raise BadSetting(f"DEFAULT_PLAN: there is no plan {settings.default_plan!r}, only {', '.join(sorted(known))}")
    return known


def make_official(settings: Settings) -> official.App | None:
    """As which app callers of the official-account history API know us; None: it is off.  Raises BadSetting."""
    if not settings.official_sdkappid:
        return None
    if len(settings.official_secret_key) < official.SHORTEST_SECRET:
        raise BadSetting(f"OFFICIAL_SECRET_KEY: expected {official.SHORTEST_SECRET} characters or more")
    admins = frozenset(filter(None, (name.strip() for name in settings.official_admins.split(","))))
    if not admins:
        raise BadSetting("OFFICIAL_ADMINS: expected at least one identifier")
    return official.App(settings.official_sdkappid, settings.official_secret_key, admins)


def make_outbound(settings: Settings) -> Outbound:
    """Raises BadSetting."""
    own = [(settings.host, settings.port), ("127.0.0.1", settings.metrics_port)]
    try:
        egress = Egress.parse(settings.egress_allow, [(host, port) for host, port in own if port])
    except ValueError as error:
        raise BadSetting(f"EGRESS_ALLOW: {error}") from None
    return Outbound(
        egress,
        user_agent=f"Postbell/{VERSION} (+{settings.public_base_url})",
        send_connections=settings.webhook_slots + settings.chat_slots + settings.code_slots,
        fetch_connections=settings.fetch_connections,
    )


def make_channels(outbound: Outbound) -> dict[str, Channel]:
    """Every installed channel and each further account of it, by name.  Raises BadSetting."""
    return installed.channels(outbound)


def make_sources(outbound: Outbound) -> dict[str, Source]:
    """Every installed source, by kind.  Raises BadSetting."""
    return installed.sources(outbound)


def make_naming(outbound: Outbound, source: Source) -> Naming:
    """Names feeds as the source `feed` does when it finds them, but without asking the network."""

    def named(url: str) -> tuple[str, str]:
        key = outbound.egress.check_url(url, "feed")
        return key, source.host(key)

    return named


def make_poller(
    settings: Settings, database: Database, sources: Mapping[str, Source], clock: Clock, metrics: Metrics, gate: Gate
) -> Poller:
    """As the running gateway has it; a command uses it for one poll."""
    return Poller(
        database,
        sources,
        clock,
        metrics,
        gate,
        policy=make_policy(settings, sources),
        politeness=feeds.Politeness(settings.host_connections, timedelta(seconds=settings.host_gap_seconds)),
        interval=timedelta(seconds=settings.poll_seconds),
        slots=settings.fetch_connections,
    )
