"""The dashboard and the alert rules ask for metrics that there are, with labels that they have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from monitor.page.metrics import Metrics
from monitor.service.heartbeat import Presence
from monitor.testing.scenario import Scene
from tests.house.source import ROOT
from tests.scenes import page_world

RULES = ROOT / "share" / "reveille" / "prometheus" / "reveille-rules.yml"
DASHBOARD = ROOT / "share" / "reveille" / "grafana" / "reveille.json"


def asked() -> Iterator[str]:
    """Every expression of both."""
    yield from re.findall(r"^ +expr: (.+)$", RULES.read_text(encoding="utf-8"), re.M)
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        yield from (target["expr"] for target in panel["targets"])


async def test_what_is_asked_for_is_there(tmp_path: Path) -> None:
    scene: Scene = await page_world.site(tmp_path)
    Presence(tmp_path).beat(scene.clock.now())
    metrics = Metrics(scene.configuration, page_world.NOW)
    await scene.run_for(minutes=6)
    text = metrics.written(scene.ledger, scene.clock.now(), "")[0].decode()
    scene.stop_daemon()
    known = {name: set(re.findall(r'(\w+)="', labels)) for name, labels in _samples(text)}
    expressions = list(asked())
    assert len(expressions) > 15
    for expression in expressions:
        for name, labels in re.findall(r"(reveille_\w+)(?:\{([^}]*)\})?", expression):
            assert name in known, expression
            assert set(re.findall(r'(\w+)(?:=~|!~|!=|=)"', labels)) <= known[name], expression


def _samples(text: str) -> list[tuple[str, str]]:
    return re.findall(r"^(\w+)(?:\{(.*?)\})? ", text, re.M)
