"""Errors meant for people: the text is what the caller reads.  Anything else that is raised is a bug."""


class UserError(Exception):
    """Something a caller can mend.  The text says what failed, why, and what to do now.

    APIs that have room for it tell more: a ``code`` for programs, the ``field`` to blame, a ``hint`` what to do now.
    """

    def __init__(self, text: str = "", *, code: str = "", field: str = "", hint: str = "") -> None:
        super().__init__(text)
        self.code, self.field, self.hint = code, field, hint


class Invalid(UserError):
    """What was given cannot be used."""


class NotFound(UserError):
    """There is no such thing, or it is somebody else's."""


class Conflict(UserError):
    """It cannot be done while things are as they are."""


class LimitReached(UserError):
    """The account's plan allows no more of it."""


class NoCredits(UserError):
    """It costs something, and nothing is left."""


class Unavailable(UserError):
    """It cannot be done right now; the same call may work later."""
