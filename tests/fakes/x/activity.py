"""The Activity API: subscriptions to what accounts do, and events to who listens (sources-x.md 8)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes.x import shapes
from tests.fakes.x.connections import Connections
from tests.fakes.x.tricks import PROBLEMS, Failure, Rules
from tests.fakes.x.world import Tweet, World, shows

WHOLE = {
    "tweet.fields": ",".join(shapes.POST_FIELDS),
    "expansions": "author_id,referenced_tweets.id,referenced_tweets.id.author_id,attachments.media_keys",
    "user.fields": "id,name,username,profile_image_url,protected",
}
TYPES = frozenset(("post.create", "post.delete", "profile.update.handle"))

Json = dict[str, Any]


@dataclass(frozen=True)
class Subscription:
    id: str
    event_type: str
    user_id: str
    tag: str

    def told(self) -> Json:
        about: Json = {"subscription_id": self.id, "event_type": self.event_type, "filter": {"user_id": self.user_id}}
        return about | {"created_at": "2026-08-22T10:00:00.000Z"} | ({"tag": self.tag} if self.tag else {})


class Activity(Connections):
    def __init__(self, world: World, limits: Rules) -> None:
        super().__init__(limits, most=2)
        self._world = world
        self.subscriptions: dict[str, Subscription] = {}
        self.page = 1000  # subscriptions in one answer
        self.bare = False  # one that was made, or is alone in a list, is told without a list around it
        self.sent: list[Json] = []
        self._made, self._event = 1_946_000_000_000_000_000, -2_080_761_390_344_937_796

    def of(self, event_type: str) -> list[str]:
        """Whose events of this type are told, by number."""
        return sorted((one.user_id for one in self.subscriptions.values() if one.event_type == event_type), key=int)

    def create(self, body: Json) -> Json:
        """Raises Failure."""
        user_id, event_type = body["filter"]["user_id"], body["event_type"]
        if event_type not in TYPES or not user_id.isdecimal():
            raise Failure.invalid("event_type", event_type, "unknown")
        if any((one.event_type, one.user_id) == (event_type, user_id) for one in self.subscriptions.values()):
            raise Failure(409, {"title": "Conflict", "detail": "It exists.", "type": f"{PROBLEMS}/conflict"})
        user = self._world.users.get(int(user_id))
        if user is not None and not shows(user):
            raise Failure(403, shapes.protected(user_id))
        if len(self.subscriptions) >= self._limits.most_subscriptions:
            raise Failure(403, {"title": "Forbidden", "detail": "No more.", "type": f"{PROBLEMS}/client-forbidden"})
        self._made += 1
        made = Subscription(str(self._made), event_type, user_id, body.get("tag", ""))
        self.subscriptions[made.id] = made
        return {"data": self._shaped([made]), "meta": {"total_subscriptions": len(self.subscriptions)}}

    def listed(self, query: Mapping[str, str]) -> Json:
        start, size = int(query.get("pagination_token", "0")), min(self.page, int(query.get("max_results", "1000")))
        rows = list(self.subscriptions.values())
        meta: Json = {"result_count": len(rows[start : start + size])}
        if start + size < len(rows):
            meta["next_token"] = f"{start + size:016}"
        return {**({"data": self._shaped(rows[start : start + size])} if rows else {}), "meta": meta}

    def delete(self, ids: Sequence[str]) -> Json:
        gone = [self.subscriptions.pop(one, None) for one in ids]
        return {"data": {"deleted": all(gone)}, "meta": {"total_subscriptions": len(self.subscriptions)}}

    def _shaped(self, rows: Sequence[Subscription]) -> Any:
        told = [one.told() for one in rows]
        return told[0] if self.bare and len(told) == 1 else told

    # --- What happens ---

    def posted(self, tweet: Tweet) -> int:
        """Tells of originals, quotes, answers and reposts; how many of these are billed."""
        page = shapes.Shapes(self._world, WHOLE, new_names=self._limits.new_names).page([tweet])
        payload = page["data"][0] | {"public_metrics": {"like_count": 0, "like_count_str": "0"}}
        return self._tell("post.create", tweet, payload, page["includes"])

    def deleted(self, tweet: Tweet) -> None:
        users = [{"data": shapes.Shapes(self._world, WHOLE).user(tweet.author)}]
        self._tell("post.delete", tweet, {"id": str(tweet.id), "author_id": str(tweet.author.id)}, {"users": users})

    def _tell(self, event_type: str, tweet: Tweet, payload: Json, includes: Json) -> int:
        user_id, told = str(tweet.author.id), 0
        for one in self.subscriptions.values():
            if (one.event_type, one.user_id) != (event_type, user_id) or not shows(tweet.author) or self.deaf:
                continue
            self._event += 1
            about = {"event_uuid": str(self._event), "filter": {"user_id": user_id}, "event_type": event_type}
            event = {"data": about | {"tag": one.tag, "payload": payload, "includes": includes}}
            self.sent.append(event)
            for connection in self.connections:
                self.say(connection, event)
            told = len(self.connections)
        return told
