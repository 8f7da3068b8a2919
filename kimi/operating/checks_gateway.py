"""Whether the gateway answers where it is told to listen."""

from __future__ import annotations

from typing import Final

from kimi.errors import BrokenAnswer, UpstreamError
from kimi.http import Http, request
from kimi.operating.checks import Finding, ok, problem, warning

PATIENCE_SECONDS: Final = 5.0
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "*": "127.0.0.1"}  # noqa: S104 - what is connected to


def ready(http: Http, host: str, port: int, start: str, *, here: bool = False) -> Finding:
    """Whether it is there, and ready; `start` is the command that starts it.

    Unless it has to be `here` it may run on another machine, so that its absence need be no problem.
    """
    host = _ANY.get(host.strip("[]"), host.strip("[]"))
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    try:
        answer = request(http, "GET", f"{base}/readyz", headers={"Connection": "close"}, timeout=PATIENCE_SECONDS)
        state = answer.json()
        reasons = [str(reason) for reason in state["reasons"]]
    except (BrokenAnswer, KeyError, TypeError):
        return problem("gateway", f"something else answers at {base}", "set GATEWAY_PORT to a port that is free")
    except UpstreamError:
        if here:
            return problem("gateway", f"does not answer at {base}, where it was started", f"look at the log of {start}")
        advice = f"start it, unless it runs on another machine, and look at its log: {start}"
        return warning("gateway", f"nobody answers at {base}", advice)
    if answer.status != 200:
        return problem("gateway", f"is not ready: {'; '.join(reasons)}", "see what else is found here, and its log")
    return ok("gateway", f"is ready at {base}")
