"""The templates of the simulated WhatsApp, in our five languages; there they would be written in its manager."""

from typing import Final

from bot.simulator.whatsapp_checks import Template

CODE, ALERT, NUDGE = "postbell_code", "postbell_alert", "postbell_nudge"

_CODE: Final = {
    "en": "*{{1}}* is your verification code. For your security, do not share it.",
    "zh_CN": "您的验证码是 *{{1}}*。为了您的安全，请勿与他人共享。",
    "zh_TW": "你的驗證碼是 *{{1}}*。為了安全，請勿告訴他人。",
    "ko": "인증 코드는 *{{1}}*입니다. 안전을 위해 다른 사람에게 알려 주지 마세요.",
    "es": "Tu código de verificación es *{{1}}*. Por seguridad, no lo compartas.",
}
_ALERT: Final = {
    "en": "New from {{1}}: {{2}}\n{{3}}",
    "zh_CN": "{{1}} 有新内容：{{2}}\n{{3}}",
    "zh_TW": "{{1}} 有新內容：{{2}}\n{{3}}",
    "ko": "{{1}}의 새 글: {{2}}\n{{3}}",
    "es": "Nuevo de {{1}}: {{2}}\n{{3}}",
}
_NUDGE: Final = {
    "en": "Messages are waiting for you: {{1}}. Reply to get them.",
    "zh_CN": "有 {{1}} 条消息在等您。回复即可收到。",
    "zh_TW": "有 {{1}} 則訊息在等你。回覆即可收到。",
    "ko": "기다리는 메시지가 {{1}}개 있습니다. 답장하면 받을 수 있습니다.",
    "es": "Te esperan {{1}} mensajes. Responde para recibirlos.",
}


def _all() -> dict[tuple[str, str], Template]:
    made = [
        *(Template(CODE, language, 1, "AUTHENTICATION", text) for language, text in _CODE.items()),
        *(Template(ALERT, language, 3, text=text) for language, text in _ALERT.items()),
        *(Template(NUDGE, language, 1, "UTILITY", text) for language, text in _NUDGE.items()),
    ]
    return {(one.name, one.language): one for one in made}


TEMPLATES: Final = _all()
