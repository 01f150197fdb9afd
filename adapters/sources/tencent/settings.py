"""The settings of one Tencent Cloud Chat app."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One app: it lies in one region, and only that region's domain knows it."""

    base_url: str = field(
        default="https://console.tim.qq.com",
        metadata={
            "help": "domain of the app's region; Singapore: https://adminapisgp.im.qcloud.com, Seoul: adminapikr, "
            "Frankfurt: adminapiger, Silicon Valley: adminapiusa, Jakarta: adminapiidn"
        },
    )
    sdkappid: int = field(default=0, metadata={"help": "SDKAppID of the app whose official accounts are followed"})
    secret_key: str = field(
        default="", repr=False, metadata={"help": "its key, the 64 characters that the console shows", "secret": True}
    )
    identifier: str = field(default="administrator", metadata={"help": "an administrator account of the app"})
    poll_seconds: float = field(default=30.0, metadata={"help": "seconds between two looks at an account"})
    callback_token: str = field(
        default="",
        repr=False,
        metadata={"help": "token of the callbacks' authentication; empty: callbacks are refused", "secret": True},
    )

    def __post_init__(self) -> None:
        if not 1 <= self.poll_seconds <= 86_400:
            raise ValueError("poll_seconds: from 1 to 86400")
