"""What accounts publish, before anybody has read it."""

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Literal

Form = Literal["short", "long", "temporary"]
START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)  # of every account's first article


@dataclass(slots=True, eq=False)
class Article:
    """One article, with both of its addresses."""

    account: "Account"
    serial: int
    title: str
    published: datetime
    idx: int = 1
    html: str = ""
    collected: datetime | None = None  # by the messages API; None: as it was published
    recalled: bool = False

    @property
    def short(self) -> str:
        """Case matters: that of odd articles is the one before in other letters."""
        letters = "s" + sha256(f"{self.account.number}/{self.serial // 2}".encode()).hexdigest()[:20]
        return f"A-{letters.upper() if self.serial % 2 else letters}"

    @property
    def mid(self) -> int:
        return 2650000000 + self.serial

    @property
    def id(self) -> str:
        return f"{self.mid}_{self.idx}_{self.account.biz.rstrip('=')}"

    def address(self, form: Form, noise: int = 0) -> str:
        """``noise``: what differs from visit to visit."""
        if form == "short":
            return f"https://mp.weixin.qq.com/s/{self.short}?scene={noise}"
        if form == "temporary":
            return f"https://mp.weixin.qq.com/s?src=11&timestamp={1_700_000_000 + noise}&ver=1&signature=x{noise}"
        biz = self.account.biz.replace("=", "%3D") if noise % 2 else self.account.biz
        pairs = [f"__biz={biz}", f"mid={self.mid}", f"idx={self.idx}", "sn=abc123", f"chksm=f{noise}"]
        turn = noise % len(pairs)
        return f"http://mp.weixin.qq.com/s?{'&'.join(pairs[turn:] + pairs[:turn])}&scene=27#wechat_redirect"


@dataclass(slots=True, eq=False)
class Account:
    """An official account."""

    number: str
    name: str
    articles: list[Article] = field(default_factory=list)  # oldest first

    @property
    def biz(self) -> str:
        return b64encode(self.number.encode()).decode()

    @property
    def original_id(self) -> str:
        return f"gh_{sha256(self.number.encode()).hexdigest()[:12]}"

    @property
    def mp_wxs(self) -> str:
        return f"MP_WXS_{self.number}"

    def publish(self, title: str = "", *, at: datetime | None = None, idx: int = 1, html: str = "") -> Article:
        serial = len(self.articles) + 1
        moment = at or START + timedelta(hours=serial)
        article = Article(self, serial, title or f"文章 {serial}", moment, idx, html or f"<p>Text {serial}</p>")
        self.articles.append(article)
        return article
