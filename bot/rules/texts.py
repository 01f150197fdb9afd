"""What people are told, in their language."""

_ENGLISH = {
    "held.summary": "{n} more came while I could not write to you:",
    "held.before": "… and {n} before these",
    "held.nudge": "{n} new posts wait for you here. Write anything, and they come.",
    "back.offer": "{n} subscriptions ended when I was removed from here. A manager can have them back: press the"
    " button, or mention me and write “back”.",
    "back.button": "Have them back",
    "back.done": "{n} subscriptions are back.",
    "only.managers": "In this group only its managers may do that. Please ask one of them.",
}


def say(language: str, text: str, n: int | None = None, /, **values: str | int) -> str:  # noqa: ARG001
    """A text with its values."""
    return _ENGLISH[text].format(n=n, **values)


def matching(tag: str) -> str:
    """Ours for a platform's word for a language ("zh_cn", "en-US"); empty: none."""
    return {"en": "en", "es": "es", "ko": "ko", "zh": "zh-CN"}.get(tag.lower().replace("_", "-").split("-")[0], "")
