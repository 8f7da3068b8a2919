"""A real Prometheus with the product's own configuration, on the ports of a test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import requests
import yaml

from devtools import children
from devtools.waiting import until
from tests.ports import free_port
from tests.programs import program

MONITORING: Final = Path(__file__).parents[2] / "monitoring"


class Prometheus:
    """Scrapes the ports of `targets`, by the names of the jobs, every second."""

    def __init__(self, folder: Path, targets: dict[str, int]) -> None:
        self._folder = folder
        self._url = f"http://127.0.0.1:{free_port()}"
        self._targets = targets
        self._process: Any = None

    def start(self) -> None:
        """Returns when every target was scraped."""
        configuration = self._folder / "prometheus.yml"
        configuration.write_text(yaml.safe_dump(self._configuration()), "utf-8")
        command = [
            program("prometheus"),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address={self._url.removeprefix('http://')}",
        ]
        with (self._folder / "prometheus.log").open("wb") as log:
            self._process = children.start(command, env=dict(os.environ), cwd=self._folder, output=log)
        until(self._scrapes, what=f"all targets are scraped: {(self._folder / 'prometheus.log').read_text()}")

    def stop(self) -> None:
        children.stop(self._process, 10)

    def query(self, expression: str) -> list[Any]:
        """What it answers to `expression` now."""
        answer = self._get("query", query=expression)
        found: list[Any] = answer["result"]
        return found

    def rules(self) -> list[Any]:
        """All rules, with what came of them."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def _configuration(self) -> dict[str, Any]:
        """The product's own, but for where the targets are and how often they are asked."""
        product: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus.yml").read_text("utf-8"))
        product["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        product["rule_files"] = [str(MONITORING / name) for name in product["rule_files"]]
        for job in product["scrape_configs"]:
            del job["dns_sd_configs"]
            job["static_configs"] = [{"targets": [f"127.0.0.1:{self._targets[job['job_name']]}"]}]
        return product

    def _scrapes(self) -> bool:
        assert self._process.poll() is None, (self._folder / "prometheus.log").read_text()
        try:
            return len(self.query("up == 1")) == len(self._targets)
        except requests.ConnectionError:
            return False

    def _get(self, what: str, **parameters: str) -> Any:
        response = requests.get(f"{self._url}/api/v1/{what}", params=parameters, timeout=10)
        if response.status_code == 503:  # it starts
            raise requests.ConnectionError(response.text)
        assert response.ok, response.text
        return response.json()["data"]
