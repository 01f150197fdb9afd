"""What Prometheus can read of us.  No label ever holds a user, an address or the text of an error."""

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60)
_LATENCY = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400)


class Metrics:
    """The numbers of one process (reliability page, 15)."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"postbell_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"postbell_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"postbell_{name}", text, labels, registry=registry, buckets=buckets)

        self.fetches = counter("fetch_total", "Polls of feeds.", "kind", "result")
        self.fetch_seconds = histogram("fetch_seconds", "Time of one poll, network and reading.", _SECONDS, "kind")
        self.listening = gauge("stream_listening", "1 while this process hears a source's stream.", "kind")
        self.heard = counter("stream_posts_total", "Posts told by streams, repeats included.", "kind")
        self.posts = counter("posts_total", "New posts stored.")
        self.queued = counter("deliveries_queued_total", "Deliveries queued for new posts.")
        self.deliveries = counter("deliveries_total", "Deliveries that ended.", "channel", "status")
        self.attempts = counter("attempts_total", "Tries to send.", "channel", "outcome")
        self.attempt_seconds = histogram("attempt_seconds", "Time of one try to send.", _SECONDS, "channel")
        self.latency = histogram("delivery_latency_seconds", "From stored to sent.", _LATENCY, "channel")
        self.in_flight = gauge("inflight", "Sends and polls running now.", "lane")
        self.outbox_rows = gauge("outbox_rows", "Deliveries queued, counted up to 10,000.", "lane")
        self.oldest_queued = gauge("outbox_oldest_seconds", "Age of the queued delivery that expires first.")
        self.lease_expired = counter("lease_expired_total", "Sends whose worker died.")
        self.ambiguous = counter("ambiguous_total", "Sends that nobody knows the end of.", "channel")
        self.inbound = counter("inbound_total", "Callbacks of platforms.", "provider", "result")
        self.inbound_seconds = histogram("inbound_ack_seconds", "Time until a callback was answered.", _SECONDS)
        self.inbound_repeats = counter("inbound_duplicates_total", "Events that were here already.", "provider")
        self.events = counter("inbound_events_total", "Events worked off.", "provider", "result")
        self.egress_denied = counter("egress_denied_total", "Targets that were refused.", "kind")
        self.parse_killed = gauge("parse_killed", "Parser children killed since the start.")
        self.requests = counter("http_requests_total", "Requests to us.", "route", "method", "code")
        self.disk_free = gauge("disk_free_bytes", "Free space where the data lies.")
        self.writable = gauge("storage_writable", "1 while the database takes writes.")
        self.loop_lag = gauge("event_loop_lag_seconds", "Longest wait for the event loop in the last seconds.")

        # Looking a label up costs as much as counting; what happens thousands of times a second does it once.
        self.observe_fetch = cache(lambda kind: self.fetch_seconds.labels(kind).observe)
        self.observe_attempt = cache(lambda channel: self.attempt_seconds.labels(channel).observe)
        self.observe_latency = cache(lambda channel: self.latency.labels(channel).observe)
        self.count_fetch = cache(lambda kind, result: self.fetches.labels(kind, result).inc)
