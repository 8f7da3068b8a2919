"""The servers beside ours: two that pass bytes through (nginx, a greenlet), a naive Flask proxy, LiteLLM."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import yaml

from benchmarks.building import CACHE
from benchmarks.ending import Unmeasured
from benchmarks.performance.accounts import OFFICIAL
from benchmarks.performance.house import KEY, START_SECONDS, House, listens, running
from benchmarks.performance.servers import Server
from devtools.valkey import free_port

LITELLM: Final = "litellm[proxy]==1.106.0"
_NGINX_PLACES: Final = ("/usr/sbin/nginx", "/usr/local/sbin/nginx")
_LITELLM_START_SECONDS: Final = 180.0
_NGINX: Final = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-errors.log;
worker_rlimit_nofile 20000;
events {{ worker_connections 10000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream kimi {{
        server 127.0.0.1:{upstream};
        keepalive 512;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        keepalive_requests 1000000000;
        location / {{
            proxy_pass http://kimi;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""


def find_nginx() -> str | None:
    """The program, which Debian keeps out of the PATH of users."""
    return shutil.which("nginx") or next((place for place in _NGINX_PLACES if Path(place).is_file()), None)


class NotInstalled(Unmeasured):
    """A server could not be installed; the text says why."""


@contextmanager
def nginx(house: House, program: str) -> Iterator[Server]:
    """One process that passes every byte on as soon as it comes."""
    port, folder = free_port(), house.folder / "nginx"
    folder.mkdir(exist_ok=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=folder, port=port, upstream=house.upstream.port), "utf-8")
    command = [program, "-p", str(folder), "-e", str(folder / "nginx-errors.log"), "-c", str(configuration)]
    with _served(house, "nginx", port, command) as server:
        yield server


@contextmanager
def floor(house: House) -> Iterator[Server]:
    """The least that a greenlet in Python can do."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.performance.floor", str(port), str(house.upstream.port)]
    with _served(house, "gevent, bytes passed through", port, command) as server:
        yield server


@contextmanager
def naive(house: House) -> Iterator[Server]:
    """Flask, requests and json on gunicorn's gevent worker."""
    port = free_port()
    gunicorn = [sys.executable, "-m", "gunicorn", "-k", "gevent", "-w", "1", "--no-control-socket"]
    limits = ["--worker-connections", "4096", "--backlog", "4096", "--keep-alive", "95"]
    command = [*gunicorn, *limits, "-b", f"127.0.0.1:{port}", "benchmarks.performance.naive:app"]
    env = {**os.environ, "NAIVE_UPSTREAM": f"{house.upstream.url}/v1"}
    with _served(house, "naive Flask proxy", port, command, env=env) as server:
        yield server


def install_litellm() -> Path:
    """LiteLLM's program, in an environment of its own that is made the first time. Raises `NotInstalled`."""
    folder = CACHE / f"{LITELLM.replace('[proxy]==', '-')}-{sys.implementation.cache_tag}"
    program = folder / "bin" / "litellm"
    if not program.exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", LITELLM]
        if subprocess.run(pip, check=False).returncode:
            raise NotInstalled(f"{LITELLM} could not be installed: try again, or leave --litellm out.")
    return program


@contextmanager
def litellm(house: House, program: Path) -> Iterator[Server]:
    """LiteLLM's proxy with one worker."""
    port, configuration = free_port(), house.folder / "litellm.yaml"
    model = {"model": f"openai/{OFFICIAL}", "api_base": f"{house.upstream.url}/v1", "api_key": "sk-upstream"}
    settings = {
        "model_list": [{"model_name": OFFICIAL, "litellm_params": model}],
        "general_settings": {"master_key": KEY},
    }
    configuration.write_text(yaml.safe_dump(settings), "utf-8")
    env = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    command = [str(program), "--config", str(configuration), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--num_workers", "1"]
    with _served(house, "LiteLLM", port, command, env=env, seconds=_LITELLM_START_SECONDS) as server:
        yield server


@contextmanager
def _served(
    house: House,
    name: str,
    port: int,
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    seconds: float = START_SECONDS,
) -> Iterator[Server]:
    """A server that speaks OpenAI's dialect with the upstream, when it listens. Raises `NotStarted`."""
    log, on = house.folder / f"{name}.log", house.server_cores
    with running(command, log, on=on, serves=lambda: listens(port), seconds=seconds, env=env) as process:
        yield Server(name, port, process.pid, OFFICIAL)
