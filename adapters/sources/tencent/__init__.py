"""The source ``tencent``: official accounts of a Tencent Cloud Chat app (sources-wechat.md, Part A).

``source`` is what polls; ``history`` decides what to ask and what is new, without I/O; ``api`` asks, ``codes`` knows
what each refusal means, ``replies`` and ``elements`` read what comes, ``callbacks`` when the platform calls;
``examination`` is what `postbell doctor` asks.
"""

from adapters.sources.tencent.settings import Config
from adapters.sources.tencent.source import Tencent

__all__ = ["Config", "Tencent"]
