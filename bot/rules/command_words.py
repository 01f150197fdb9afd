"""What the commands are called: one table of words for the parser, the helps and every text that names a command."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

LANGUAGES = ("en", "zh-CN", "zh-TW", "ko", "es")


class Verb(StrEnum):
    """What a message wants.  The values stand in buttons that were sent: never change one."""

    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    LIST = "list"
    LATEST = "latest"
    PAUSE = "pause"
    RESUME = "resume"
    VERIFY = "verify"
    CODE = "code"
    PHONE = "phone"
    LINK = "link"
    WHY = "why"
    STATUS = "status"
    QUOTA = "quota"
    WHOAMI = "whoami"
    LANG = "lang"
    HELP = "help"
    IMPORT = "import"
    EXPORT = "export"
    UNDO = "undo"
    STOP = "stop"
    START = "start"
    YES = "yes"
    NO = "no"
    NUMBER = "number"  # alone: the answer to a list that was offered
    STALE = "stale"  # a button that this version does not know
    UNKNOWN = "unknown"


WORDS: Mapping[Verb, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        Verb.SUBSCRIBE: {
            "en": ("subscribe", "sub", "add", "follow"),
            "zh-CN": ("订阅", "关注", "添加"),
            "zh-TW": ("訂閱", "追蹤", "關注", "新增"),
            "ko": ("구독", "구독하기", "추가"),
            "es": ("suscribir", "suscribirse", "suscribirme", "suscripción", "seguir", "añadir"),
        },
        Verb.UNSUBSCRIBE: {
            "en": ("unsubscribe", "unsub", "remove", "delete", "unfollow"),
            "zh-CN": ("退订", "取消订阅", "取消关注", "取关", "删除"),
            "zh-TW": ("退訂", "取消訂閱", "取消追蹤", "刪除"),
            "ko": ("구독취소", "구독 취소", "구독해지", "구독 해지", "해지", "삭제"),
            "es": ("desuscribir", "desuscribirse", "cancelar suscripción", "quitar", "borrar", "eliminar"),
        },
        Verb.LIST: {
            "en": ("list", "ls", "subscriptions", "feeds"),
            "zh-CN": ("列表", "订阅列表", "我的订阅"),
            "zh-TW": ("清單", "列表", "訂閱清單", "訂閱列表", "我的訂閱"),
            "ko": ("목록", "구독목록", "구독 목록", "리스트"),
            "es": ("lista", "listar", "suscripciones", "mis suscripciones"),
        },
        Verb.LATEST: {
            "en": ("latest", "test", "newest", "last"),
            "zh-CN": ("最新", "测试"),
            "zh-TW": ("最新", "測試"),
            "ko": ("최신", "최신글", "테스트"),
            "es": ("último", "última", "probar", "prueba"),
        },
        Verb.PAUSE: {
            "en": ("pause", "mute", "snooze"),
            "zh-CN": ("暂停", "静音"),
            "zh-TW": ("暫停", "靜音"),
            "ko": ("일시정지", "일시 정지", "일시중지", "멈춤"),
            "es": ("pausar", "pausa", "silenciar"),
        },
        Verb.RESUME: {
            "en": ("resume", "unpause", "unmute", "continue"),
            "zh-CN": ("恢复", "继续"),
            "zh-TW": ("恢復", "繼續"),
            "ko": ("재개", "다시받기", "다시 받기"),
            "es": ("reanudar", "continuar"),
        },
        Verb.VERIFY: {
            "en": ("verify",),
            "zh-CN": ("验证",),
            "zh-TW": ("驗證",),
            "ko": ("인증",),
            "es": ("verificar",),
        },
        Verb.CODE: {
            "en": ("code",),
            "zh-CN": ("验证码",),
            "zh-TW": ("驗證碼",),
            "ko": ("인증번호", "인증코드", "코드"),
            "es": ("código",),
        },
        Verb.PHONE: {
            "en": ("phone",),
            "zh-CN": ("手机", "手机号", "电话"),
            "zh-TW": ("手機", "手機號碼", "電話"),
            "ko": ("전화", "전화번호", "휴대폰"),
            "es": ("teléfono", "móvil", "celular"),
        },
        Verb.LINK: {
            "en": ("link", "join"),
            "zh-CN": ("绑定", "关联"),
            "zh-TW": ("綁定", "連結", "關聯"),
            "ko": ("연결", "연동"),
            "es": ("vincular", "enlazar"),
        },
        Verb.WHY: {
            "en": ("why", "trace"),
            "zh-CN": ("为什么", "为何", "为啥", "原因"),
            "zh-TW": ("為什麼", "為何", "原因"),
            "ko": ("왜", "이유"),
            "es": ("por qué", "porqué"),
        },
        Verb.STATUS: {
            "en": ("status", "health"),
            "zh-CN": ("状态",),
            "zh-TW": ("狀態",),
            "ko": ("상태",),
            "es": ("estado",),
        },
        Verb.QUOTA: {
            "en": ("quota", "plan", "usage"),
            "zh-CN": ("额度", "配额", "套餐"),
            "zh-TW": ("額度", "配額", "方案"),
            "ko": ("한도", "사용량", "요금제"),
            "es": ("cuota", "límite", "uso"),
        },
        Verb.WHOAMI: {
            "en": ("whoami", "who am i"),
            "zh-CN": ("我是谁",),
            "zh-TW": ("我是誰",),
            "ko": ("내정보", "내 정보", "나는누구", "나는 누구"),
            "es": ("quiensoy", "quién soy"),
        },
        Verb.LANG: {
            "en": ("lang", "language"),
            "zh-CN": ("语言",),
            "zh-TW": ("語言",),
            "ko": ("언어",),
            "es": ("idioma", "lengua"),
        },
        Verb.HELP: {
            "en": ("help", "commands", "menu", "h", "?"),
            "zh-CN": ("帮助", "命令", "菜单"),
            "zh-TW": ("說明", "幫助", "指令", "選單"),
            "ko": ("도움말", "도움", "명령어", "메뉴"),
            "es": ("ayuda", "comandos", "menú"),
        },
        Verb.IMPORT: {
            "en": ("import",),
            "zh-CN": ("导入",),
            "zh-TW": ("匯入",),
            "ko": ("가져오기",),
            "es": ("importar",),
        },
        Verb.EXPORT: {
            "en": ("export",),
            "zh-CN": ("导出",),
            "zh-TW": ("匯出",),
            "ko": ("내보내기",),
            "es": ("exportar",),
        },
        Verb.UNDO: {
            "en": ("undo",),
            "zh-CN": ("撤销", "撤回"),
            "zh-TW": ("復原", "撤銷"),
            "ko": ("되돌리기", "실행취소", "실행 취소"),
            "es": ("deshacer",),
        },
        Verb.STOP: {
            "en": ("stop", "stopall", "end", "quit", "optout", "opt out"),
            "zh-CN": ("停止", "停", "停止推送", "别发了"),
            "zh-TW": ("停止", "停", "停止推送", "別再傳了"),
            "ko": ("중지", "정지", "그만", "수신거부", "수신 거부"),
            "es": ("parar", "detener", "alto", "basta", "baja"),
        },
        Verb.START: {
            "en": ("start", "unstop"),
            "zh-CN": ("开始", "启动"),
            "zh-TW": ("開始", "啟動"),
            "ko": ("시작",),
            "es": ("empezar", "iniciar", "comenzar", "alta"),
        },
        Verb.YES: {
            "en": ("yes", "y", "ok", "okay", "confirm"),
            "zh-CN": ("是", "是的", "确认", "确定", "好", "好的"),
            "zh-TW": ("是", "是的", "確認", "確定", "好", "好的"),
            "ko": ("예", "네", "응", "확인"),
            "es": ("sí", "vale", "confirmar"),
        },
        Verb.NO: {
            "en": ("no", "n", "cancel"),
            "zh-CN": ("否", "不", "不要", "取消"),
            "zh-TW": ("否", "不", "不要", "取消"),
            "ko": ("아니오", "아니요", "아니", "취소"),
            "es": ("no", "cancelar"),
        },
    }
)
"""By verb and language; the first word is the one that people are told."""

ALL_WORDS = frozenset(("all", "everything", "全部", "所有", "모두", "전체", "todo", "todos", "todas"))
"""What stands for every subscription of a chat."""


def word(verb: Verb, language: str) -> str:
    """What people are told to write."""
    return WORDS[verb][language][0]
