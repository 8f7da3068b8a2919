"""Log lines of both processes: one JSON object a line, or coloured text for a terminal, and never a secret.

Everything goes through the standard library's root logger, so that gunicorn, urllib3 and redis look the same.
"""

from __future__ import annotations

import json
import logging.config
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from kimi.errors import redact
from kimi.settings import LogFormat, LogLevel

_LEADING: Final = ("timestamp", "level", "event", "logger")
_SECRET_FIELDS: Final = frozenset(
    {"token", "access_token", "refresh_token", "api_key", "authorization", "cookie", "password", "secret"}
)
_LINE_LIMIT: Final = 2_000

_SHARED: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure(level: LogLevel, form: LogFormat) -> None:
    """Send every log line of this process, ours and libraries', to stderr in the form asked for."""
    logging.config.dictConfig(dict_config(level, form))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def dict_config(level: LogLevel, form: LogFormat) -> dict[str, Any]:
    """The same as a dictionary for `logging.config.dictConfig`; gunicorn takes it as `logconfig_dict`."""
    plain: dict[str, Any] = {"level": "NOTSET", "handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structlog": {"()": lambda: _formatter(form)}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "structlog", "stream": "ext://sys.stderr"}
        },
        "root": {"level": level.upper(), "handlers": ["stderr"]},
        "loggers": {
            "gunicorn.error": plain,
            "gunicorn.access": plain,
            "urllib3.connection": {"level": "ERROR"},  # warns, with a traceback, of headers that were cut off
        },
    }


def _formatter(form: LogFormat) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=list(_SHARED),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            without_secrets,
            _renderer(form),
        ],
    )


def _renderer(form: LogFormat) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer(serializer=_json)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)


def _json(event: EventDict, default: Callable[[Any], Any], **_: Any) -> str:
    try:
        return orjson.dumps(event, default=default, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # half a surrogate pair or a very large number: rare, and no reason to lose the line
        return json.dumps(event, default=default)


def without_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Redact everything in a log line that looks like a secret, and put the fields that all lines have first."""
    clean = _clean_mapping(event)
    return {name: clean.pop(name) for name in _LEADING if name in clean} | clean


def _clean_mapping(fields: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        str(name): "[redacted]" if name in _SECRET_FIELDS and isinstance(value, str) else _clean(value)
        for name, value in fields.items()
    }


def _clean(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return _clean_mapping(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    return "\n".join(_clean_line(line) for line in str(value).splitlines())


def _clean_line(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return indent + redact(line, limit=_LINE_LIMIT)
