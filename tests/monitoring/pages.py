"""Reads what both processes expose, again and again, and remembers all that was ever seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import requests
from prometheus_client.parser import text_string_to_metric_families

_PARTS = ("_bucket", "_count", "_sum")


class Sample(NamedTuple):
    """One line of a page."""

    name: str
    labels: Mapping[str, str]
    value: float


class Watch:
    """The pages at `urls`; `types` are as the pages tell them, `highest` and `lowest` of each metric over all looks."""

    def __init__(self, *urls: str) -> None:
        self._urls = urls
        self.types: dict[str, str] = {}
        self.highest: dict[str, float] = {}
        self.lowest: dict[str, float] = {}
        self.labels: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def look(self) -> list[Sample]:
        """All samples of now. A page that cannot be had has none."""
        return [sample for url in self._urls for sample in self._got(url)]

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name with those labels, as they are now."""
        return sum(s.value for s in self.look() if s.name == name and labels.items() <= s.labels.items())

    def _got(self, url: str) -> list[Sample]:
        try:
            return self.read(requests.get(url, timeout=10).text)
        except requests.ConnectionError:
            return []

    def read(self, text: str) -> list[Sample]:
        """The samples of one page."""
        samples = []
        for family in text_string_to_metric_families(text):
            name = _full_name(family.name, family.type)
            self.types[name] = family.type
            for sample in family.samples:
                samples.append(Sample(sample.name, sample.labels, sample.value))
                self._remember(name, sample.labels, sample.value)
        return samples

    def _remember(self, name: str, labels: Mapping[str, str], value: float) -> None:
        self.highest[name] = max(value, self.highest.get(name, value))
        self.lowest[name] = min(value, self.lowest.get(name, value))
        for label, found in labels.items():
            if label != "le":
                self.labels[name][label].add(found)


def _full_name(name: str, type_: str) -> str:
    return f"{name.removesuffix('_total')}_total" if type_ == "counter" else name
