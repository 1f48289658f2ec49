"""What desks push: signed and fresh, or nothing; and once, however often it is sent."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from monitor.desks.webhook import signed
from monitor.service.page_process import Hook, Job
from monitor.testing.scenario import Scene
from tests.scenes import page_world
from tests.scenes.test_page import visited

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KEY = b64decode(SECRET.removeprefix("whsec_"))
HOOKS = {"hook": Hook(SECRET, answers=True), "zammad": Hook("ours")}
ACK = {"ticket": "RV-1", "word": "ack", "by": "asha"}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = await page_world.site(tmp_path)
    yield made
    made.stop_daemon()


class Desk:
    """A desk that pushes."""

    def __init__(self, session: aiohttp.ClientSession, scene: Scene) -> None:
        self.session, self.scene = session, scene

    async def push(
        self, told: Any, key: bytes = KEY, late: float = 0, changed: dict[str, str] | None = None
    ) -> int:
        body = json.dumps(told).encode()
        moment = str(int(self.scene.clock.now().timestamp() - late))
        headers = {**dict(signed(key, "m-1", moment, body)), **(changed or {})}
        async with self.session.post("/hooks/hook", data=body, headers=headers) as answer:
            return answer.status


def taken(scene: Scene) -> list[str]:
    return [str(row.body["by"]) for row in scene.ledger.history(1) if row.kind == "acknowledged"]


async def test_a_signed_answer_is_taken_once_and_nothing_else_is(scene: Scene) -> None:
    async with visited(scene, hooks=HOOKS) as session:
        desk = Desk(session, scene)
        assert await desk.push(ACK, key=b"wrong") == 401
        assert await desk.push(ACK, late=301) == 401
        assert await desk.push(ACK, late=-301) == 401
        assert await desk.push(ACK, changed={"webhook-id": "m-2"}) == 401, (
            "the id is signed as well"
        )
        assert await desk.push(ACK, changed={"webhook-timestamp": "9" * 30}) == 401
        async with session.post("/hooks/hook", json=ACK) as answer:
            assert answer.status == 401
        async with session.post("/hooks/other", json=ACK) as answer:
            assert answer.status == 404
        assert taken(scene) == []
        assert (
            await desk.push(ACK, changed={"webhook-signature": "v1,x " + _sign(ACK, scene)}) == 202
        )
        assert await desk.push({"ticket": "RV-1", "word": "note", "by": "asha", "text": "a"}) == 202
        assert taken(scene) == ["asha at hook"], "the second one has the id of the first"
        assert [row for row in scene.ledger.history(1) if row.kind == "note"] == []


def _sign(told: Any, scene: Scene) -> str:
    moment = str(int(scene.clock.now().timestamp()))
    return signed(KEY, "m-1", moment, json.dumps(told).encode())[2][1]


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ([], 400), ({"ticket": 1}, 400), ({**ACK, "severity": "P0"}, 400), ({**ACK, "by": ""}, 400),
        ({**ACK, "word": "delete"}, 400), ({**ACK, "word": "note"}, 400),
        ({**ACK, "ticket": "x"}, 400), ({**ACK, "by": "a" * 101}, 400),
        ({**ACK, "ticket": "RV-99"}, 409),
    ],
)  # fmt: skip
async def test_what_is_no_answer_is_refused_with_the_reason(
    scene: Scene, told: Any, status: int
) -> None:
    async with visited(scene, hooks=HOOKS) as session:
        assert await Desk(session, scene).push(told) == status
    assert taken(scene) == []


async def test_a_helpdesk_s_push_is_a_reason_to_look_and_nothing_more(scene: Scene) -> None:
    body = json.dumps({"ticket": {"id": 1, "state": "closed"}}).encode()
    right = hmac.digest(b"ours", body, "sha256")
    forms = (
        {"X-Hub-Signature-256": f"sha256={right.hex()}"},
        {"X-Hub-Signature": f"sha1={hmac.digest(b'ours', body, 'sha1').hex()}"},
        {
            "X-Zendesk-Webhook-Signature-Timestamp": "t",
            "X-Zendesk-Webhook-Signature": b64encode(
                hmac.digest(b"ours", b"t" + body, "sha256")
            ).decode(),
        },
    )
    wrong = (dict[str, str](), {"X-Hub-Signature-256": "sha256="}, {"X-Hub-Signature": right.hex()})
    before = scene.ledger.newest_happening()
    async with visited(scene, hooks=HOOKS) as session:
        for headers in (*forms, *wrong):
            async with session.post("/hooks/zammad", data=body, headers=headers) as answer:
                assert answer.status == (202 if headers in forms else 401), headers
    assert scene.ledger.newest_happening() == before


def test_secrets_of_pushes_go_to_the_page_s_process_and_come_back() -> None:
    job = Job("a", "b", ("127.0.0.1", 0), hooks=HOOKS)
    assert Job.decoded(job.encoded()).hooks == HOOKS
