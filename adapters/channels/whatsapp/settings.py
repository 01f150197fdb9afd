"""The settings of one WhatsApp number."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One number of one app.  Templates are "name", or "name:language" for a template of a single language."""

    base_url: str = field(default="https://graph.facebook.com", metadata={"help": "address of the Graph API"})
    api_version: str = field(default="v26.0", metadata={"help": "version of the Graph API"})
    token: str = field(default="", repr=False, metadata={"help": "access token of a system user", "secret": True})
    phone_number_id: str = field(default="", metadata={"help": "id of the number that sends, not the number itself"})
    app_secret: str = field(
        default="", repr=False, metadata={"help": "secret of the app; callbacks are signed with it", "secret": True}
    )
    verify_token: str = field(
        default="",
        repr=False,
        metadata={"help": "made up by you, and entered beside the callback's address", "secret": True},
    )
    code_template: str = field(default="", metadata={"help": "authentication template for verification codes"})
    alert_template: str = field(
        default="", metadata={"help": "template for posts outside the 24 hours: {{1}} feed, {{2}} title, {{3}} link"}
    )
    nudge_template: str = field(
        default="", metadata={"help": "template that says how many posts wait: {{1}} is their number"}
    )
    business_account_id: str = field(
        default="", metadata={"help": "id of the business account, for a token that reaches several"}
    )
    display_number: str = field(default="", metadata={"help": "the number itself, like +34600000000, for links to it"})
