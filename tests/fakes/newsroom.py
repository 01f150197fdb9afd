"""A small made-up newspaper: posts that are pleasant to look at, and as mixed as real ones.

Emoji, four scripts, entities and markup in the text, one script that must not survive rendering.
"""

from typing import Final, NamedTuple

NAME: Final = "The Harbour Lantern"


class Article(NamedTuple):
    title: str  # plain text
    html: str


ARTICLES: Final = (
    Article(
        "🚲 Night buses take bicycles from Monday",
        "<p>Two bicycles ride along on <b>every night bus</b>. &ldquo;Finally&rdquo;, say the bakers,"
        " whose day begins at three.</p><ul><li>lines N1 to N6</li><li>no extra fare</li></ul>",
    ),
    Article(
        "灯台、百年ぶりの塗り替え始まる",
        "<p>港の灯台が<strong>百年ぶり</strong>に塗り替えられる。色は「波の白」。</p>"
        "<p>作業は三週間の予定で、夜の灯は消えない。</p>",
    ),
    Article(
        "🌊 Bridge closed: wind & waves > 90 km/h",
        "<p>The old bridge is shut until the wind drops below 70&nbsp;km/h.<br>Ferries run <em>every</em>"
        ' ten minutes instead: <a href="/ferries">timetable</a>.</p>',
    ),
    Article(
        "港口新开一家通宵书店 📚",
        "<p>书店开在旧鱼市里，<b>从黄昏到清晨</b>营业。</p><p>店主说：“睡不着的人，都是邻居。”</p>",
    ),
    Article(
        "🐈 Library cat re-elected with 97 % of the votes",
        "<p>Turnout was high, above all around the radiator.</p><script>alert('harmless by now')</script>"
        "<blockquote>She listens, and she keeps the mice informed.</blockquote>",
    ),
    Article(
        "🥐 Hafenbäckerei: das Rezept für Sturmgebäck",
        "<p>Für zwölf Stück: 500&nbsp;g Mehl, 250&nbsp;g Butter, eine Prise Geduld.</p>"
        "<ol><li>Kneten</li><li>Warten</li><li>Alles aufessen, bevor die Fähre kommt</li></ol>",
    ),
    Article(
        "부두에서 온 편지: 첫눈이 내렸다",
        "<p>올해 첫눈은 <i>어제 저녁</i> 여섯 시에 내렸다.</p><p>아이들은 이미 밖에 있다. ⛄</p>",
    ),
    Article(
        "🔭 Tonight at ten: three moons in one telescope",
        "<p>The club opens its dome on the hill; bring a coat &amp; a question.</p>"
        '<p><img src="/dome.jpg" alt="The dome by night"> Free entry, cocoa included.</p>',
    ),
    Article(
        "🎻 Оркестр порта ищет вторую скрипку",
        "<p>Репетиции <b>по четвергам</b>, в зале над рынком.</p><p>Ноты дадут, чай тоже.</p>",
    ),
    Article(
        "🦭 A seal in the marina, and nobody has the heart to tell it",
        "<p>It sleeps on berth&nbsp;12. The berth&rsquo;s tenant says the boat can wait; the seal says nothing.</p>",
    ),
)

OLD: Final = {
    26: Article("⚓ Yesterday: the harbour is 400 years old", "<p>There was cake.</p>"),
    2: Article("☕ This morning: the kiosk is open again", "<p>Until noon only.</p>"),
}
"""Posts that are there before anybody subscribes, by their age in hours."""
