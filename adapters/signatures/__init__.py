"""What we sign and verify; each form in a file of its own, UserSig under its own name."""

from adapters.signatures.standard_webhooks import BadSignature, new_secret, secret_key, sign, verify
from adapters.signatures.websub import verify_hub

__all__ = ["BadSignature", "new_secret", "secret_key", "sign", "verify", "verify_hub"]
