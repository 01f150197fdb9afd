"""What the official-account history API reads and writes, in the spelling of its document."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from bot.rules.official import Element

# In


class Signed(Struct):
    """What every address carries."""

    sdkappid: Annotated[int | None, Meta(description="required: the app's number")] = None
    identifier: Annotated[str | None, Meta(description="required: an administrator of the app")] = None
    usersig: Annotated[str | None, Meta(description="required: the administrator's UserSig")] = None
    random: Annotated[int | None, Meta(description="required: 0 to 4294967295")] = None
    contenttype: Annotated[str | None, Meta(description="required: json")] = None


class Pull(Struct):
    Official_Account: str
    LastMsgKey: str | None = None
    ReqMsgNumber: int | None = None
    WithRecalledMsg: int | None = None


class Which(Struct):
    Official_Account: str


class Ask(Struct):
    OfficialAccountIdList: list[Which]


# Out


class Failed(Struct):
    """ErrorCode 10004 and the like."""

    ErrorCode: int
    ErrorInfo: str
    ActionStatus: Literal["FAIL"] = "FAIL"


class Message(Struct, gc=False):
    From_Account: str
    IsPlaceMsg: Literal[0, 1, 2]
    MsgBody: list[Element]
    MsgSeq: int
    MsgKey: str
    MsgTimeStamp: int


class History(Struct):
    """Where ActionStatus is FAIL, nothing follows ErrorCode."""

    ActionStatus: Literal["OK", "FAIL"]
    ErrorInfo: str
    ErrorCode: int
    Official_Account: str | UnsetType = UNSET
    IsFinished: Literal[0, 1, 2] | UnsetType = UNSET
    LastMsgKey: str | UnsetType = UNSET
    RspMsgList: list[Message] | UnsetType = UNSET


class Info(Struct):
    """Times in Unix seconds; 0: there was none."""

    Official_Account: str
    Name: str
    CreateTime: int
    LastMsgTime: int
    Introduction: str
    FaceUrl: str


class Infos(Struct):
    """Where ActionStatus is FAIL, nothing follows ErrorCode."""

    ActionStatus: Literal["OK", "FAIL"]
    ErrorInfo: str
    ErrorCode: int
    OfficialAccountInfoList: list[Info] | UnsetType = UNSET
