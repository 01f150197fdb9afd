"""The filtered stream: rules of the app, and the connections that are told what they match (sources-x.md 7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes.x.connections import Connections
from tests.fakes.x.queries import Test, compiled
from tests.fakes.x.tricks import PROBLEMS, Failure, Rules
from tests.fakes.x.world import Tweet

Json = dict[str, Any]


@dataclass(frozen=True)
class StreamRule:
    id: str
    value: str
    tag: str
    test: Test

    def told(self) -> Json:
        return {"id": self.id, "value": self.value, **({"tag": self.tag} if self.tag else {})}


class Streaming(Connections):
    def __init__(self, limits: Rules) -> None:
        super().__init__(limits)
        self.rules: dict[str, StreamRule] = {}
        self.changes: list[tuple[str, int]] = []  # "add" and "delete", with how many, in their order
        self._made = 1_166_895_166_390_583_299

    def listed(self) -> Json:
        told = [one.told() for one in self.rules.values()]
        return {**({"data": told} if told else {}), "meta": {"sent": "now", "result_count": len(told)}}

    def change(self, body: Json) -> tuple[int, Json]:
        """Raises Failure."""
        if "add" in body:
            return self._add(body["add"])
        wanted = body.get("delete", {}).get("ids", [])
        gone = [one for one in wanted if self.rules.pop(one, None)]
        self.changes.append(("delete", len(gone)))
        return 200, {"meta": {"summary": {"deleted": len(gone), "not_deleted": len(wanted) - len(gone)}}}

    def _add(self, wanted: Sequence[Json]) -> tuple[int, Json]:
        made: list[StreamRule] = []
        errors: list[Json] = []
        for one in wanted:
            value = one["value"]
            if there := next((rule for rule in self.rules.values() if rule.value == value), None):
                duplicate = {"value": value, "id": there.id, "title": "DuplicateRule"}
                errors.append({**duplicate, "type": f"{PROBLEMS}/duplicate-rules"})
                continue
            if len(value) > self._limits.rule_length:
                errors.append({"value": value, "title": "UnprocessableEntity", "type": f"{PROBLEMS}/invalid-rules"})
                continue
            if len(self.rules) >= self._limits.most_rules:
                raise Failure(422, {"title": "RulesCapExceeded", "type": f"{PROBLEMS}/rule-cap"})
            self._made += 1
            rule = StreamRule(str(self._made), value, one.get("tag", ""), compiled(value))
            self.rules[rule.id] = rule
            made.append(rule)
        self.changes.append(("add", len(made)))
        summary = {"created": len(made), "not_created": len(errors), "valid": len(made), "invalid": len(errors)}
        body: Json = {"meta": {"sent": "now", "summary": summary}}
        if made:
            body["data"] = [one.told() for one in made]
        if errors:
            body["errors"] = errors
        return (201 if made or not errors else 400), body

    def matching(self, tweet: Tweet) -> Sequence[Json]:
        return [{"id": one.id, "tag": one.tag} for one in self.rules.values() if one.test(tweet)]
