"""What an operator has set up at the platform: the number, its account, the templates, as the Graph API tells them."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.whatsapp_checks import Failure, Template


@dataclass
class Manager:
    """``failures``: codes to refuse with, by the end of the path ("subscribed_apps"); "" is the number."""

    account_id: str = "100000000000001"
    number: dict[str, str] = field(
        default_factory=lambda: {
            "display_phone_number": "+1 555-555-0199",
            "verified_name": "Bell",
            "quality_rating": "GREEN",
            "code_verification_status": "VERIFIED",
        }
    )
    apps: list[str] = field(default_factory=lambda: ["Postbell"])
    failures: dict[str, Failure] = field(default_factory=dict)

    def look(self, query: Mapping[str, str], token: str, app_secret: str) -> dict[str, Any]:
        """The number."""
        self._fail("")
        proof = hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        if query.get("appsecret_proof", proof) != proof:
            raise Failure(100, "Invalid appsecret_proof provided in the API argument", 400)
        return {name: self.number[name] for name in query["fields"].split(",") if name in self.number} | {"id": "1"}

    def edge(self, account: str, edge: str, query: Mapping[str, str], templates: Iterable[Template]) -> dict[str, Any]:
        """What belongs to the account: its apps or templates."""
        self._fail(edge)
        if account != self.account_id:
            raise Failure(100, "Object does not exist", 400, subcode=33)
        if edge == "subscribed_apps":
            return {"data": [{"whatsapp_business_api_data": {"id": "1", "name": name}} for name in self.apps]}
        rows = [
            {"name": one.name, "language": one.language, "status": one.status, "category": one.category}
            for one in templates
            if query.get("name", "") in one.name
        ]
        return {"data": rows, "paging": {}}

    def _fail(self, edge: str) -> None:
        if failure := self.failures.get(edge):
            raise failure
