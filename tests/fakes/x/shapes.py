"""JSON as the API writes it: fields that were asked for, nothing that is empty, each included thing once."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from tests.fakes.x.tricks import Failure
from tests.fakes.x.world import Media, Tweet, User, World, referenced

POST_FIELDS = frozenset(
    (
        *("id", "text", "edit_history_tweet_ids", "withheld", "created_at", "author_id"),
        *("conversation_id", "in_reply_to_user_id", "referenced_tweets", "attachments", "lang", "possibly_sensitive"),
        *("reply_settings", "source", "display_text_range", "card_uri", "community_id", "note_tweet"),
        *("public_metrics", "context_annotations", "entities", "geo", "edit_controls", "article"),
    )
)
NEW_NAMES = {
    "referenced_tweets": "referenced_posts",
    "note_tweet": "note_post",
    "edit_history_tweet_ids": "edit_history_post_ids",
    "tweets": "posts",
}
"""As the machine-readable description has them since August 2026 (sources-x.md 2)."""

Json = dict[str, Any]


class Shapes:
    """How one request wants its answer."""

    def __init__(self, world: World, query: Mapping[str, str], *, new_names: bool = False) -> None:
        """Raises Failure for a field that does not exist."""
        self._world, self._new_names = world, new_names
        wanted = split(query.get("tweet.fields", "")) | split(query.get("post.fields", ""))
        names = {new: old for old, new in NEW_NAMES.items()}
        self._fields = {names.get(one, one) for one in wanted} | {"id", "text", "edit_history_tweet_ids"}
        if unknown := sorted(self._fields - POST_FIELDS):
            values = ",".join(sorted(POST_FIELDS))
            message = f"The `tweet.fields` query parameter value [{unknown[0]}] is not one of [{values}]"
            raise Failure.invalid("tweet.fields", unknown[0], message)
        self._user_fields = split(query.get("user.fields", "")) | {"id", "name", "username"}
        self._expansions = split(query.get("expansions", ""))

    def page(self, tweets: Iterable[Tweet]) -> Json:
        """``data``, ``includes`` and ``errors``, as far as there are any."""
        tweets = list(tweets)
        users: dict[int, User] = {}
        others: dict[int, Tweet] = {}
        media: dict[str, Json] = {}
        errors: list[Json] = []
        for tweet in tweets:
            self._include(tweet, users, others, media, errors)
        includes = {
            "users": [self.user(one) for one in users.values()],
            self._named("tweets"): [self.tweet(one) for one in others.values()],
            "media": list(media.values()),
        }
        found = {name: rows for name, rows in includes.items() if rows}
        page = {"data": [self.tweet(one) for one in tweets], "includes": found, "errors": errors}
        return {name: value for name, value in page.items() if value}

    def resources(self, page: Json) -> int:
        """How many of the things in it are billed: posts and users."""
        included = page.get("includes", {})
        data = page.get("data", [])
        listed = len(data) if isinstance(data, list) else 1
        return listed + len(included.get("users", ())) + len(included.get(self._named("tweets"), ()))

    def tweet(self, tweet: Tweet) -> Json:
        whole: Json = {
            "id": str(tweet.id),
            "text": escape(tweet.text, quote=False),
            "created_at": iso(tweet.at),
            "author_id": str(tweet.author.id),
            "conversation_id": str(tweet.root),
            "in_reply_to_user_id": str(tweet.reply_to.id) if tweet.reply_to else "",
            "referenced_tweets": [{"type": kind, "id": str(number)} for kind, number in tweet.references],
            "edit_history_tweet_ids": [str(one) for one in tweet.history],
            "entities": {"urls": list(tweet.urls)} if tweet.urls else {},
            "attachments": {"media_keys": [key(tweet, n) for n in range(len(tweet.media))]} if tweet.media else {},
            "note_tweet": _note(tweet),
            "article": {"title": tweet.article} if tweet.article else {},
            "lang": "en",
        }
        shown = {name: value for name, value in whole.items() if name in self._fields and value}
        if "possibly_sensitive" in self._fields:
            shown["possibly_sensitive"] = False
        return {self._named(name): value for name, value in shown.items()}

    def user(self, user: User) -> Json:
        whole: Json = {
            "id": str(user.id),
            "name": user.name,
            "username": user.username,
            "profile_image_url": user.image,
            "protected": user.protected,
            "verified": False,
        }
        return {name: value for name, value in whole.items() if name in self._user_fields}

    def _include(
        self, tweet: Tweet, users: dict[int, User], others: dict[int, Tweet], media: dict[str, Json], errors: list[Json]
    ) -> None:
        if "author_id" in self._expansions:
            users[tweet.author.id] = tweet.author
        if self._expansions & {"referenced_tweets.id", "referenced_posts"}:
            for _, number, other in referenced(self._world, tweet):
                if other is None:
                    errors.append(missing("referenced_tweets.id", str(number), "tweet"))
                    continue
                others[other.id] = other
                if "referenced_tweets.id.author_id" in self._expansions:
                    users[other.author.id] = other.author
        if "attachments.media_keys" in self._expansions:
            for n, one in enumerate(tweet.media):
                media[key(tweet, n)] = _medium(key(tweet, n), one)

    def _named(self, name: str) -> str:
        return NEW_NAMES.get(name, name) if self._new_names else name


def split(listed: str) -> set[str]:
    return {one.strip() for one in listed.split(",") if one.strip()}


def iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def key(tweet: Tweet, number: int) -> str:
    return f"{ {'photo': 3, 'video': 7}.get(tweet.media[number].kind, 16) }_{tweet.history[0] + number}"


def missing(parameter: str, value: str, kind: str = "user") -> Json:
    """The partial error of something that is not there."""
    word = {"username": "username", "usernames": "username"}.get(parameter, parameter)
    return {
        "value": value,
        "resource_id": value,
        "parameter": parameter,
        "resource_type": kind,
        "title": "Not Found Error",
        "detail": f"Could not find {kind} with {word}: [{value}].",
        "type": "https://api.twitter.com/2/problems/resource-not-found",
    }


def suspended(parameter: str, value: str) -> Json:
    """Of the same type as what is missing."""
    return missing(parameter, value) | {"title": "Forbidden", "detail": f"User has been suspended: [{value}]."}


def protected(value: str) -> Json:
    return missing("id", value) | {
        "title": "Authorization Error",
        "detail": f"Sorry, you are not authorized to see the user with id: [{value}].",
        "type": "https://api.twitter.com/2/problems/not-authorized-for-resource",
        "section": "data",
    }


def _note(tweet: Tweet) -> Json:
    if not tweet.long_text:
        return {}
    urls = {"entities": {"urls": list(tweet.long_urls)}} if tweet.long_urls else {}
    return {"text": escape(tweet.long_text, quote=False), **urls}


def _medium(media_key: str, one: Media) -> Json:
    whole: Json = {"media_key": media_key, "type": one.kind, "url": one.url, "preview_image_url": one.preview}
    variants = [
        {"content_type": kind, "url": url, **({"bit_rate": rate} if rate else {})} for kind, url, rate in one.variants
    ]
    return {name: value for name, value in (whole | {"variants": variants}).items() if value}
