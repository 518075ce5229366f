"""What is sent to colleagues holds no secret: values of secrets, and what a command gives to the environment, are masked."""

import re
import shlex
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

MASK = "***"
ENVIRONMENT = "hydra.job.env_set"
_WORDS = frozenset("token secret secrets password passwd passphrase pwd credential credentials auth apikey key pat bearer".split())
_ENDS = ("token", "secret", "password", "passwd", "apikey", "accesskey", "privatekey", "secretkey")
# Where one override of several in a line begins.
_NEXT = re.compile(r"""\s+(?=['"]?[+~]*[A-Za-z_][\w./@-]*=)(?=(?:[^'"]|'[^']*'|"[^"]*")*$)""")  # not within quotation marks
# In a sentence: a header of a request, or a word for a password, and a colon.
_HEADER = re.compile(
    r"""(?i)\b((?:authorization|x-api-key|password|passwd|passphrase)['"]?\s*:\s*['"]?(?:bearer\s+|basic\s+)?)(?!bearer\s|basic\s)[^\s'",}*][^\s'",}]*"""
)
# A key inside of something longer, a sentence or an address, and in a mapping, where a colon will do; then its value.
_KEY = re.compile(r"""([A-Za-z_][\w.-]*)(?:['"]?\s*=\s*|['"]\s*:\s*)""")
_MAPPING_KEY = re.compile(r"""([A-Za-z_][\w.-]*)['"]?\s*(?:=|:(?!//))\s*""")
_VALUE = re.compile(r"""(?:"[^"]*"|'[^']*'|\$\{[^}]*\}|[^\s,;&}\])'"]+)""")
_IN_ADDRESS = re.compile(r"(?<=://)[^/\s@'\"]+(?=@)")
# Tokens that say by their form what they are: of GitHub, GitLab, Hugging Face, OpenAI and others, AWS, Slack, and web tokens.
_TOKENS = re.compile(
    r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_\w{20,}|sk-[\w-]{20,}|AKIA[0-9A-Z]{16}|xox[a-z]-[\w-]{10,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*)"
)
_BARE = re.compile(rf"^(\s*(?:- |[^:]+:\s*)){re.escape(MASK)}$")  # in YAML, a word that begins so is none
_INTERPOLATION = re.compile(r"""['"]?\$\{[^{},]*\}['"]?""")  # names where a value comes from; a default, behind a comma, is a value


def is_secret(key: str) -> bool:
    """Return whether the value of a key is probably a secret.

    >>> [is_secret(key) for key in ("HF_TOKEN", "dataset.apiKey", "dataset.tokens", "model.monkey", "optimizer.lr")]
    [True, True, False, False, False]
    """
    last = key.rpartition(".")[2]
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", last).lower()
    return not _WORDS.isdisjoint(re.split(r"[^a-z0-9]+", words)) or words.replace("_", "").endswith(_ENDS)


def redacted_text(text: str) -> str:
    """Return a sentence with secrets masked, and the home of whoever runs this as ``~``."""
    return _redacted(text, _KEY)


def redacted_value(text: str) -> str:
    """Return the same of the value of an override, which may be a mapping, or of a line of YAML."""
    return _redacted(text, _MAPPING_KEY)


def _redacted(text: str, keys: re.Pattern[str]) -> str:
    masked, home = _masked(text, keys), _home()
    return masked if home is None else home.sub("~", masked)


@lru_cache(maxsize=4096)  # the configs of a sweep's jobs have the same lines but for a few
def _masked(text: str, keys: re.Pattern[str]) -> str:
    parts, copied, position = [], 0, 0
    while (key := keys.search(text, position)) is not None:
        position = key.end()
        value = _VALUE.match(text, position)
        if value is not None and not _is_shown(key[1], value[0]):
            parts += [text[copied:position], MASK]
            copied = position = value.end()
    return _TOKENS.sub(MASK, _IN_ADDRESS.sub(MASK, _HEADER.sub(rf"\1{MASK}", "".join([*parts, text[copied:]]))))


def _is_shown(key: str, value: str) -> bool:
    return not is_secret(key) or _INTERPOLATION.fullmatch(value) is not None


@cache
def _home() -> re.Pattern[str] | None:
    """Return what finds the user's home in a text; None where there is none."""
    try:
        home = str(Path.home())
    except RuntimeError:
        return None
    return re.compile(rf"(?<![\w/.-]){re.escape(home)}(?![\w.-])") if len(home) > 1 else None


def redacted_override(text: str) -> str:
    """Return an override, ``KEY=VALUE``, with its value masked if that is a secret or goes to the environment.

    >>> redacted_override("+hydra.job.env_set.WANDB_API_KEY=abc"), redacted_override("optimizer.lr=0.1")
    ('+hydra.job.env_set.WANDB_API_KEY=***', 'optimizer.lr=0.1')
    """
    typed, equals, value = text.partition("=")
    key = typed.lstrip("+~-\"' ")
    if not equals:
        return redacted_text(text)
    goes_out = f"{key}.".startswith(f"{ENVIRONMENT}.") or (f"{ENVIRONMENT}.".startswith(f"{key}.") and "env_set" in value)
    if goes_out or not _is_shown(key, value):
        return f"{typed}={MASK}"
    return f"{typed}={redacted_value(value)}"


def redacted_line(text: str) -> str:
    """Return overrides in a line, one space between two, each redacted."""
    return " ".join(redacted_override(override) for override in _NEXT.split(text))


def redacted_arguments(arguments: Sequence[str]) -> list[str]:
    """Return the words of a command, each redacted; the word behind ``--token`` is a secret too."""
    redacted, hide = [], False
    for argument in arguments:
        redacted.append(MASK if hide else redacted_override(argument))
        hide = argument.startswith("--") and "=" not in argument and is_secret(argument.lstrip("-"))
    return redacted


def redacted_command(command: str) -> str:
    """Return a command as a shell takes it, redacted."""
    try:
        words = shlex.split(command)
    except ValueError:  # quotation marks that do not close
        return redacted_line(command)
    redacted = redacted_arguments(words)
    return command if redacted == words else shlex.join(redacted)


def redacted_yaml(text: str) -> str:
    """Return YAML as Hydra writes it with secrets masked, line by line: blocks are indented by two, lists hold overrides."""
    lines: list[str] = []
    outer: int | None = None  # the indent of the key all of whose values are masked
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if outer is not None and (indent > outer or not line.strip()):
            if ":" in line and indent == outer + 2:  # the rest are further lines of a value
                lines.append(f"{line.partition(':')[0]}: '{MASK}'")
            continue
        key, colon, value = line.strip().partition(":")
        is_list = line.lstrip().startswith("- ")
        outer = indent if colon and not value.strip() and not is_list and (key == "env_set" or is_secret(key)) else None
        masked = _redacted_item(line) if is_list else line if colon and value.strip() in ("", "{}", "null") else redacted_value(line)
        lines.append(_BARE.sub(rf"\1'{MASK}'", masked))
    return "\n".join(lines) + ("\n" if text.endswith("\n") else "")


def _redacted_item(line: str) -> str:
    """Return an item of a list of overrides, in quotation marks or not."""
    head, dash, item = line.partition("- ")
    quote = item[:1] if item[:1] in "'\"" and item[-1:] == item[:1] and len(item) > 1 else ""
    return f"{head}{dash}{quote}{redacted_override(item[len(quote) : len(item) - len(quote)])}{quote}"
