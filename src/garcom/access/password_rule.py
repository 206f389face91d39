"""Which passwords are taken (NIST SP 800-63B §5.1.1.2): those of a length, but none that is tried first."""

from __future__ import annotations

import secrets
import unicodedata

from garcom.errors import InputError

#: The shortest password, and the longest: hashing must not become work that a stranger can ask for.
SHORTEST = 10
LONGEST = 1_000
#: Random bytes of a password that is made here.
_GENERATED_BYTES = 18
#: Long enough, and the first that are tried all the same.
_TRIED_FIRST = """
0123456789 1111111111 1234512345 1234567890 12345678910 123456789a 1q2w3e4r5t 1qaz2wsx3edc 9876543210 abc1234567
abcdefghij abcd123456 admin12345 admin123456 administrador administrator adminadmin asdfghjkl; changeme123
football123 iloveyou123 iloveyouiloveyou letmein123 letmein1234 p@ssw0rd123 passw0rd123 password00 password01
password10 password11 password12 password123 password1234 password12345 passwordpassword princesa123 qazwsxedcrfv
qwerty1234 qwerty12345 qwerty123456 qwertyqwerty qwertyuiop qwertyuiop123 secret1234 senha12345 senha123456
senhasenha superman123 trustno1trustno1 welcome123 welcome1234
"""
#: For schemas: what the rule says of characters, whatever the name.
PATTERN = r"^(?!(.)\1*$)[^\x00-\x1f\x7f-\x9f]*$"
_COMMON = frozenset(_TRIED_FIRST.split())
_ADORNMENT = "0123456789._@+-!"


def check_password(password: str, user: str) -> str:
    """The password, if a user may have it; otherwise raises InputError, which does not repeat it."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in password[:LONGEST]):
        # What a terminal or a pipe adds, and halves of surrogate pairs, which are no text.
        raise InputError("Expected a password without line breaks, tabs and other control characters.")
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError(
            f"Expected a password of {SHORTEST} to {LONGEST:,} characters, got one of {len(password):,}. "
            "Several words in a row make a good one."
        )
    folded = password.casefold()
    if folded in _COMMON or len(set(folded)) == 1 or _is_name(folded, user.casefold()):
        raise InputError("Expected a password that is not among the first that anybody tries. Choose another.")
    return password


def _is_name(password: str, user: str) -> bool:
    bare = password.strip(_ADORNMENT)
    return bare == "garcom" or password == user or (len(user) > 3 and bare == user)


def generated_password() -> str:
    """A password that nobody has chosen: 24 characters, 144 random bits."""
    return secrets.token_urlsafe(_GENERATED_BYTES)
