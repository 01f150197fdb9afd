"""Feishu and WhatsApp inside the gateway: the real channels, with a platform at the other end that is ours.

``simulator`` is what the rest sees: channels, a source, and what the person on the page does.  ``outbound`` hands a
channel's requests to ``feishu`` and ``whatsapp``, which answer as the platforms' documents say; ``feishu_checks`` and
``whatsapp_checks`` refuse what these refuse.  ``callbacks`` writes what the platforms tell, signed as they sign;
``looks`` says what people see of a request.
"""
