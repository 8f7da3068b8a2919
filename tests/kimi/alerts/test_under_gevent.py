"""All ways to deliver work where gevent has taken the place of threads and sockets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.kimi.alerts.receivers import answering, in_place_of, mail_server
from tests.kimi.loopback import ok

ROOT = Path(__file__).parents[3]
SCRIPT = """
from gevent import monkey
monkey.patch_all()
import json, time
from kimi.alerts.destinations import deliver_test, destinations
from kimi.settings import CommonSettings, load

trials = deliver_test(destinations(load(CommonSettings)), at=time.time())
print(json.dumps([[trial.destination, trial.ok, trial.message] for trial in trials]))
"""


def test_a_test_reaches_everybody_under_gevent(tmp_path: Path) -> None:
    host = "open.feishu.cn"
    with (
        answering() as (server, calls),
        mail_server() as (post, letters),
        in_place_of(host, tmp_path, ok(b'{"code": 0}')) as (proxy, robots),
    ):
        environment = {
            **os.environ,
            **proxy,
            "no_proxy": "127.0.0.1",
            "PYTHONPATH": str(ROOT),
            "ALERT_WEBHOOK_URL": server.url,
            "ALERT_WEBHOOK_SECRET": "a-secret-of-some-length",
            "ALERT_URLS": f"feishu://0123abcd,mailto://127.0.0.1:{post.port}?from=a@example.org&to=b@example.org",
        }
        told = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, cwd=tmp_path, capture_output=True, timeout=120, check=True
        ).stdout
    names = ["webhook 127.0.0.1", "feishu", "mail 127.0.0.1"]
    assert json.loads(told) == [[name, True, "delivered"] for name in names]
    assert len(calls) == len(robots) == len(letters) == 1
