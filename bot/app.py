"""Puts the parts together: the only module that knows them all; no part is a global, tests pass other parts."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog
from aiohttp import web

from adapters.base import Channel, Source
from adapters.http import Outbound
from adapters.inbound import Nudging
from bot import ground, parts
from bot.clock import Clock, monotonic, utc_now
from bot.gate import Gate
from bot.jobs.dispatcher import Dispatcher
from bot.jobs.hub_pushes import HubPushes
from bot.jobs.hubs import Hubs
from bot.jobs.inbox import Inbox, Parts
from bot.jobs.janitor import Janitor
from bot.jobs.listeners import Listeners
from bot.jobs.poller import Poller
from bot.jobs.scheduler import make_scheduler
from bot.jobs.streams import Streams
from bot.metrics import Metrics
from bot.rules.vault import Vault
from bot.settings import BadSetting, Settings
from bot.simulator.simulator import Simulator
from bot.usecases import accounts, deliveries, feeds, inbox, streams
from bot.usecases.administration import deliveries as administration
from bot.usecases.audit import COMMAND_LINE
from bot.usecases.chat.who import Terms
from bot.version import VERSION
from bot.web import callers, console, health, openapi
from bot.web.apis import admin, md_import, native, wechat_messages, x_alerts
from bot.web.apis.official_accounts import OfficialAccounts
from bot.web.calls import Calls
from bot.web.keys import Door
from bot.web.push import Pushes
from bot.web.surface import Surface, tell_standing, unknown_paths
from bot.web.webhooks import Webhooks
from bot.web.websub import WebSub
from storage.database import Database

ROLES = ("web", "poller", "dispatcher")
LAST_ANSWERS = 0.5  # seconds at a stop for what callbacks were answered to be settled

log = structlog.get_logger("app")


def make_door(settings: Settings, database: Database, clock: Clock, tick: Callable[[], float]) -> Door:
    """Raises BadSetting."""
    try:
        return Door(database, clock, callers.read_networks(settings.trusted_proxies), tick)
    except ValueError as error:
        raise BadSetting(f"TRUSTED_PROXIES: {error}") from None


def make_web(gateway: "Gateway", clock: Clock, tick: Callable[[], float] = monotonic) -> web.Application:
    """What the web role serves; ``tick``: seconds that only ever grow.  Raises BadSetting."""
    door = make_door(gateway.settings, gateway.database, clock, tick)
    desk = make_desk(gateway, clock)
    surfaces = [*make_surfaces(gateway, desk, door), make_official(gateway, door, clock, tick)]
    middlewares = [health.errors_as_json, unknown_paths(surfaces)]
    app = web.Application(client_max_size=256 * 1024, middlewares=middlewares)
    app.add_routes([*health.routes(gateway.gate), *gateway.pushing, *gateway.webhooks.routes()])
    for surface in surfaces:
        surface.mount(app)
    app.add_routes(openapi.routes(surfaces, gateway.settings.public_base_url))
    if gateway.settings.console == "on":
        app.add_routes(console.ways_in())
        app.add_subapp(console.PATH, console.make(desk, gateway.settings, door, tick, gateway.simulator))
    app.on_response_prepare.append(tell_standing(door))
    app.on_cleanup.append(lambda _app: door.close())
    return app


def make_desk(gateway: "Gateway", clock: Clock) -> native.Desk:
    """What the native API and the console stand on.  Raises BadSetting."""
    return native.Desk(
        gateway.database,
        gateway.vault,
        gateway.channels,
        gateway.sources,
        clock,
        gateway.gate,
        gateway.metrics,
        gateway.terms,
        parts.make_plans(gateway.settings),
        gateway.vault.derived("cursors"),
    )


def make_surfaces(gateway: "Gateway", desk: native.Desk, door: Door) -> list[Surface]:
    """The public APIs."""
    settings, metrics, clock = gateway.settings, gateway.metrics, desk.clock
    alerts = x_alerts.XAlerts(
        gateway.database,
        gateway.channels,
        gateway.sources,
        door,
        clock,
        terms=gateway.terms,
        known=desk.plans,
        cursor_keys=desk.cursor_keys,
    )
    importing = md_import.MarkdownImport(
        gateway.database, clock, metrics, gateway.gate, gateway.terms.policy, gateway.terms.interval
    )
    messages = [*wechat_messages.WeChatMessages(gateway.database).routes(), *importing.routes()]
    usual: Mapping[str, Any] = {"door": door, "metrics": metrics}
    return [
        Surface("X alerts", alerts.routes(), wording=x_alerts.Wording(), **usual),
        Surface(
            *("WeChat messages", messages),
            wording=wechat_messages.Wording(),
            prefixes=("/api/v1/wechat", "/api/v1/md"),
            challenge="Bearer",
            **usual,
        ),
        Surface(
            *("Postbell", native.routes(desk)),
            wording=native.Wording(),
            statuses=native.STATUSES,
            prefixes=(native.PREFIX,),
            **usual,
        ),
        Surface(
            "Administration",
            admin.routes(
                gateway.database, gateway.vault, door, gateway.channels, clock, desk.plans, settings.default_plan
            ),
            wording=admin.Wording(),
            statuses=admin.STATUSES,
            door=admin.AdminDoor(door, settings.admin_token),
            metrics=metrics,
            prefixes=("/admin/v1",),
            security=admin.SECURITY,
        ),
    ]


def make_official(gateway: "Gateway", door: Door, clock: Clock, tick: Callable[[], float]) -> OfficialAccounts:
    """Raises BadSetting."""
    official = parts.make_official(gateway.settings)
    return OfficialAccounts(gateway.database, door, clock, gateway.metrics, official, tick)


@dataclass(frozen=True, slots=True)
class Gateway:
    """The parts of a running process, for tests and the demo to look at."""

    settings: Settings
    database: Database
    vault: Vault
    channels: Mapping[str, Channel]
    sources: Mapping[str, Source]
    poller: Poller
    streams: Streams
    dispatcher: Dispatcher
    inbox: Inbox
    hubs: Hubs
    hub_pushes: HubPushes
    janitor: Janitor
    gate: Gate
    metrics: Metrics
    terms: Terms
    webhooks: Webhooks
    pushing: Sequence[web.RouteDef]  # for posts that come by themselves
    simulator: Simulator | None
    port: int  # on which the web role listens; 0: it does not


@asynccontextmanager
async def run(
    settings: Settings, roles: Collection[str] = ROLES, *, hold: bool = False, clock: Clock = utc_now
) -> AsyncIterator[Gateway]:
    """A gateway from start to graceful stop (reliability page, 15).  Raises BadSetting, CannotStart, StorageError."""
    async with AsyncExitStack() as stack:
        database, vault = await _open_storage(settings, stack, hold, clock)
        outbound = await stack.enter_async_context(parts.make_outbound(settings))
        ways, sources = parts.make_channels(outbound), parts.make_sources(outbound)
        gateway = assemble(settings, database, vault, outbound, ways, sources, clock)
        for way in gateway.channels.values():
            stack.push_async_callback(way.close)
        for source in gateway.sources.values():
            stack.push_async_callback(source.close)
        port = await _listen(settings, gateway, roles, stack, clock)
        await _start_jobs(gateway, roles, stack)
        _spare_the_collector()
        log.info("ready", version=VERSION, roles=sorted(roles), url=settings.public_base_url, engine=database.engine)
        if outbound.egress.allow:
            log.info("private targets are allowed", egress_allow=settings.egress_allow)
        yield replace(gateway, port=port)
        log.info("stopping")
        gateway.gate.draining = True


def _spare_the_collector() -> None:
    """What is loaded by now stays; looking through it again and again cost a sixth of each delivery.

    The older generations are looked through soon all the same: at 20 and 50 instead of 2 and 2, up to 35 MiB of what
    polls had left behind lay about.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 2, 2)


async def _open_storage(settings: Settings, stack: AsyncExitStack, hold: bool, clock: Clock) -> tuple[Database, Vault]:
    ground.make_folder(settings)
    if settings.on_sqlite:
        stack.callback(ground.lock(settings).release)
    await asyncio.to_thread(_bring_up_to_date, settings)
    vault = ground.open_vault(settings)
    database = Database(settings.database, clock, shared_time=clock is utc_now)
    stack.callback(database.close)
    if not await database.write(accounts.check_master_key, vault.fingerprint, vault.older_fingerprints):
        raise BadSetting("MASTER_KEY: not the key under which this database's secrets are sealed")
    if settings.on_sqlite:
        await database.write(feeds.release_all)
        await database.write(streams.release_all)
        await database.write(inbox.release_all)
    while settings.on_sqlite:
        released = await database.write(deliveries.release_all)
        if not released:
            break
        log.info("sends of a process that died are looked at again", sends=released)
    if hold:
        await database.write(administration.hold, COMMAND_LINE)
    if await database.read(deliveries.is_held):
        log.warning("sending is held: `postbell outbox release` lets it go on")
    return database, vault


def _bring_up_to_date(settings: Settings) -> None:
    if settings.migrate == "off":
        if steps := ground.pending_steps(settings):
            raise ground.CannotStart(
                f"{len(steps)} migrations are pending and MIGRATE=off: run `postbell migrate` first"
            )
    elif steps := ground.migrate_now(settings):
        log.info("migrated", steps=steps)


def assemble(
    settings: Settings,
    database: Database,
    vault: Vault,
    outbound: Outbound,
    ways: Mapping[str, Channel],
    sources: Mapping[str, Source],
    clock: Clock,
) -> Gateway:
    """The parts of a process that has not begun to work.  Raises BadSetting."""
    metrics, gate = Metrics(), Gate()
    simulator = Simulator(database, vault, clock) if settings.simulator == "on" else None
    if simulator:
        ways, sources = {**ways, **simulator.channels}, {**simulator.sources, **sources}
    naming = parts.make_naming(outbound, sources["feed"]) if "feed" in sources else None
    terms = parts.make_terms(settings, vault, ways, sources, naming)
    poller = parts.make_poller(settings, database, sources, clock, metrics, gate)
    dispatcher = Dispatcher(
        database,
        ways,
        vault,
        clock,
        metrics,
        gate,
        policy=terms.policy,
        slots={
            "webhook": settings.webhook_slots,
            "chat": settings.chat_slots,
            "code": settings.code_slots // 2,
            "reply": settings.code_slots - settings.code_slots // 2,
        },
    )
    worker = Inbox(Parts(database, ways, sources, clock, metrics, gate, terms))
    webhooks = Webhooks(database, ways, clock, metrics, gate, terms)
    if simulator:
        simulator.connect(webhooks.receive)
    hubs = Hubs(database, outbound, vault, gate, settings.public_base_url)
    hub_pushes = HubPushes(database, sources, clock, metrics, gate, policy=terms.policy, interval=terms.interval)
    listening = Streams(database, sources, metrics, gate, policy=terms.policy, interval=terms.interval)
    pushing = Pushes(database, sources, clock, metrics, gate, terms.policy, terms.interval).routes()
    pushing += Calls(database, sources, clock, gate).routes()
    if terms.policy.websub:
        pushing += WebSub(database, vault, gate).routes()

    def wake() -> None:
        poller.pump.wake()
        dispatcher.wake()
        worker.pump.wake()
        hub_pushes.pump.wake()

    janitor = Janitor(
        database,
        metrics,
        gate,
        schedules=terms.policy.schedules,
        keep=timedelta(days=settings.retention_days),
        disk=ground.sqlite_file(settings).parent if settings.on_sqlite else None,
        on_open=wake,
        nudging=[name for name, way in ways.items() if isinstance(way, Nudging) and way.nudges],
    )
    return Gateway(
        settings, database, vault, ways, sources, poller, listening, dispatcher, worker, hubs, hub_pushes, janitor,
        gate, metrics, terms, webhooks, pushing, simulator, port=0,
    )  # fmt: skip


async def _start_jobs(gateway: Gateway, roles: Collection[str], stack: AsyncExitStack) -> None:
    """The jobs of these roles, and their end: pause, drain, only then shut down (its shutdown cancels what runs)."""
    ticks: dict[Any, float] = {gateway.janitor.gauge: 15, gateway.janitor.sweep: 5}
    if "poller" in roles:
        ticks |= {gateway.poller.tick: 1, gateway.janitor.forget: 3600}
        gateway.database.on_wake("feeds", gateway.poller.pump.wake)
        if gateway.settings.worker_public_base_url:
            ticks |= {gateway.hubs.tick: 1, gateway.hub_pushes.tick: 1}
            gateway.database.on_wake("hubs", gateway.hubs.pump.wake)
            gateway.database.on_wake("hub_pushes", gateway.hub_pushes.pump.wake)
    if "dispatcher" in roles:
        ticks |= {gateway.dispatcher.tick: 1, gateway.inbox.tick: 1}
        gateway.database.on_wake("deliveries", gateway.dispatcher.wake)
        gateway.database.on_wake("inbox", gateway.inbox.pump.wake)
    scheduler = make_scheduler(ticks)
    scheduler.start()
    if "poller" in roles:
        gateway.poller.pump.wake()
        gateway.streams.start()
    if "dispatcher" in roles:
        gateway.dispatcher.wake()
        gateway.inbox.pump.wake()
    gateway.janitor.watch_loop()

    async def stop() -> None:
        scheduler.pause()
        gateway.janitor.stop()
        until = monotonic() + gateway.settings.stop_seconds - 2.5
        first = min(1.0, gateway.settings.stop_seconds / 4)
        await gateway.streams.stop()
        readers = (gateway.poller, gateway.inbox, gateway.hubs, gateway.hub_pushes)
        await asyncio.gather(*(reader.drain(first) for reader in readers))
        await gateway.dispatcher.drain(max(until - monotonic(), 0.2))
        scheduler.shutdown(wait=False)

    stack.push_async_callback(stop)


async def _listen(
    settings: Settings, gateway: Gateway, roles: Collection[str], stack: AsyncExitStack, clock: Clock
) -> int:
    """Open the listeners; returns the web role's port, 0 without it."""
    port = 0
    if "web" in roles:
        stack.push_async_callback(gateway.webhooks.drain, LAST_ANSWERS)  # after the last request
        try:
            port = await _serve(make_web(gateway, clock), settings.host, settings.port, stack)
        except OSError as error:
            raise ground.CannotStart(
                f"PORT: {settings.host}:{settings.port} cannot be listened on ({error.strerror})"
            ) from None
        listeners = Listeners(gateway.channels, gateway.webhooks.receive)
        listeners.start()
        stack.push_async_callback(listeners.stop)
    if settings.metrics_port:
        app = web.Application(middlewares=[health.errors_as_json])
        app.add_routes([*health.routes(gateway.gate), health.metrics_route(gateway.metrics)])
        try:
            await _serve(app, "127.0.0.1", settings.metrics_port, stack)
        except OSError as error:
            log.warning("no metrics: METRICS_PORT cannot be listened on", port=settings.metrics_port, reason=str(error))
    return port


async def _serve(app: web.Application, host: str, port: int, stack: AsyncExitStack) -> int:
    app.on_response_prepare.append(health.no_server_header)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=20, shutdown_timeout=2)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, host, port, backlog=1024).start()
    return int(runner.addresses[0][1])
