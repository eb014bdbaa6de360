"""Names that variables and rows of LP and MPS files can have."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.,(){}#$&!@~|\[\]]{0,254}")
_WORDS = re.compile(
    r"e[0-9]*|min|max|minimi[sz]e|maximi[sz]e|minimum|maximum|subject|to|such|that|st|s\.t\.|st\."
    r"|bounds?|bin|binary|binaries|end|free|inf|infinity|infty|gen|generals?|int|integers?|semi"
    r"|semis|sec|sin|sos[12]?|nan|multi|lazy|user|pwlobj|gencons?|scenarios?",
    re.IGNORECASE,
)


def is_name(label: str) -> bool:
    """LP and MPS files can call a variable or a row so, whoever reads them."""
    if not _NAME.fullmatch(label) or _WORDS.fullmatch(label):
        return False
    plain = re.sub(r"\[[^\[\]]*\]", "", label)  # brackets close what they open
    return "[" not in plain and "]" not in plain
