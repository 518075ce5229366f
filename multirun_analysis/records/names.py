"""Names and words as tables hold them: no reader of a CSV takes one for a number, for nothing, for a truth or for a formula."""

import json
import re
from functools import lru_cache

from multirun_analysis.schema import safe_name

_WORDS = {"", "1.#ind", "1.#qnan", "na", "n/a", "nan", "null", "none", "inf", "infinity", "true", "false"}
_START = re.compile(r"""[\s+\-.=@"'\[{<#]""")
# Digits, in groups or not, and whatever follows what some reader knows: an exponent, the sign of a base, of a type or of a unit.
_NUMBER = re.compile(r"\d[\d_,.:/ ]*(\W*|[eEdDxXoObBjJfFlLuU%].*)", re.DOTALL)
_DIGEST = re.compile(r"[0-9a-f]{16}|[0-9a-f]{8}")


def unmistakable(text: str) -> str:
    """Return a text as it is, or as JSON, in quotation marks, where a reader of a CSV could take it for something else.

    >>> print(unmistakable("relu"), unmistakable("1e5"), unmistakable("None"))
    relu "1e5" "None"
    """
    if text.casefold() in _WORDS or _START.match(text) or text[-1].isspace():
        return json.dumps(text, ensure_ascii=False)
    is_number = _NUMBER.fullmatch(text) and (not _DIGEST.fullmatch(text) or safe_name(text) != text)
    return json.dumps(text, ensure_ascii=False) if is_number else text


@lru_cache(maxsize=2**16)  # a sweep has the same few names in all its rows
def table_name(name: str) -> str:
    """Return the name of a job, a network or a setting as tables hold it; digests of earlier versions get the letter of `safe_name`.

    >>> print(table_name("4fedc7b057c85e79"), table_name("8250e2414376239c"), table_name("NA"))
    4fedc7b057c85e79 x8250e2414376239c "NA"
    """
    return unmistakable(safe_name(name))
