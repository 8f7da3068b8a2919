"""Kinds that a cluster learns from others, of which Kubernetes has no schema.

Of each there are the fields that are used here, after its own documentation: of Prometheus's operator (v0.64 or newer)
and of the Gateway API (v1.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Schema = dict[str, Any]


def _object(required: Mapping[str, Any], **optional: Any) -> Schema:
    """A schema of objects with these fields and no others."""
    fields = {**required, **optional}
    return {"type": "object", "properties": fields, "required": list(required), "additionalProperties": False}


def _many(items: Any) -> Schema:
    return {"type": "array", "items": items, "minItems": 1}


def _kind(version: str, kind: str, spec: Schema) -> Schema:
    metadata = _object({"name": _TEXT, "labels": _TEXTS}, namespace=_TEXT)
    return _object({"apiVersion": {"const": version}, "kind": {"const": kind}, "metadata": metadata, "spec": spec})


_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "object", "additionalProperties": _TEXT}
_SECONDS: Final = {"type": "string", "pattern": "^[0-9]+[sm]$"}
_RULE: Final = _object(
    {"alert": _TEXT, "expr": _TEXT, "labels": _TEXTS, "annotations": _TEXTS},
    **{"for": _SECONDS, "keep_firing_for": _SECONDS},
)
FOREIGN: Final = {
    each["properties"]["kind"]["const"]: each
    for each in (
        _kind(
            "monitoring.coreos.com/v1",
            "ServiceMonitor",
            _object(
                {
                    "selector": _object({"matchLabels": _TEXTS}),
                    "endpoints": _many(_object({"port": _TEXT, "path": _TEXT, "interval": _SECONDS})),
                }
            ),
        ),
        _kind(
            "monitoring.coreos.com/v1",
            "PrometheusRule",
            _object({"groups": _many(_object({"name": _TEXT, "rules": _many(_RULE)}))}),
        ),
        _kind(
            "gateway.networking.k8s.io/v1",
            "HTTPRoute",
            _object(
                {
                    "parentRefs": _many(_object({"name": _TEXT}, namespace=_TEXT, sectionName=_TEXT)),
                    "hostnames": _many(_TEXT),
                    "rules": _many(
                        _object(
                            {
                                "matches": _many(
                                    _object({"path": _object({"type": {"const": "PathPrefix"}, "value": _TEXT})})
                                ),
                                "timeouts": _object({"request": _SECONDS, "backendRequest": _SECONDS}),
                                "backendRefs": _many(_object({"name": _TEXT, "port": {"type": "integer"}})),
                            }
                        )
                    ),
                }
            ),
        ),
    )
}
"""The schemas, by kind."""
