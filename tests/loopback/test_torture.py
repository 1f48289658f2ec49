"""A far end may send anything: the torture cases of RFC 4475 and mutated datagrams, a part of
`bench torture`.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.bench.torture import bound_to, is_lenient
from tests.torture import pelting
from tests.torture.aims import (
    Outcome,
    answering,
    call,
    first,
    most_at_once,
    options,
    registration,
    said_by,
)
from tests.torture.case import Case
from tests.torture.far_end import HOST, Asked, FarEnd
from tests.torture.rfc4475 import CASES

ANSWERS = tuple(case for case in CASES if case.status)
NOT_OURS_TO_JUDGE = {
    "regaut01"
}  # a challenge that nobody knows is an answer all the same, to OPTIONS
CALLED = ("wsinv", "unreason", "ncl", "mismatch01", "bigcode", "insuf")


def named(*names: str) -> tuple[Case, ...]:
    return tuple(case for case in CASES if case.name in names)


def wrong(pairs: list[tuple[Case, Outcome]], at_call: bool = False) -> list[tuple[str, Outcome]]:
    """A pass of what is illegal, and a refusal of what is legal; the engine is more lenient in a
    place or two.
    """
    verdicts = {case.name: (case.at_call if at_call else None) or case.verdict for case, _ in pairs}
    return [
        (case.name, came)
        for case, came in pairs
        if not came.fits(verdicts[case.name]) or not came.in_time
    ]


def test_the_corpus_is_whole() -> None:
    assert len({case.section for case in CASES}) == len({case.name for case in CASES}) == 49


async def test_answers_to_options_are_taken_or_called_a_bad_peer(tmp_path: Path) -> None:
    chosen = [case for case in ANSWERS if case.name not in NOT_OURS_TO_JUDGE]
    came = [
        (case, await options(first(said_by(case, False), then=False), tmp_path / case.name))
        for case in chosen
    ]
    assert wrong(came) == []


async def test_answers_to_register_are_taken_or_called_a_bad_peer(tmp_path: Path) -> None:
    came = [(case, await registration(bound_to(case), tmp_path / case.name)) for case in ANSWERS]
    assert wrong(came) == []


async def test_requests_do_not_disturb_who_waits_for_an_answer(tmp_path: Path) -> None:
    for case in CASES:

        def asked(_far: FarEnd, came: Asked, case: Case = case) -> bytes:
            return case.request(f"{HOST}:{came.source[1]}")

        assert (await options(first(asked), tmp_path / case.name)).word == "passed", case.name


@pytest.mark.engine
async def test_answers_to_a_call_are_taken_or_called_a_bad_peer(tmp_path: Path) -> None:
    chosen = named(*CALLED)
    jobs = [lambda c=case: call(answering(said_by(c, True)), tmp_path / c.name) for case in chosen]
    assert wrong(list(zip(chosen, await most_at_once(4, jobs), strict=True)), at_call=True) == []


@pytest.mark.engine
async def test_a_call_that_stands_minds_no_request_of_a_stranger(tmp_path: Path) -> None:
    assert (await pelting.cases_in_a_call(CASES, tmp_path / "seen")).word == "passed"


@pytest.mark.engine
async def test_the_agents_phone_says_what_came_instead_of_a_call(tmp_path: Path) -> None:
    unreadable = named("badinv01", "ncl", "scalarlg", "badvers", "insuf", "ltgtruri", "unkscm")
    seen = await pelting.cases_at_the_agent(unreadable, tmp_path / "seen")
    assert (seen.word, seen.exhibited) == ("bad-peer", True)


@pytest.mark.parametrize("seed", [1, 2])
async def test_mutated_answers_end_in_a_word(tmp_path: Path, seed: int) -> None:
    own = await pelting.own_transactions(random.Random(seed), 300, tmp_path / "own")
    assert [came for came in own if not is_lenient(came)] == []


@pytest.mark.engine
async def test_a_call_pelted_with_mutated_sip_rtp_and_rtcp_ends_in_a_word(tmp_path: Path) -> None:
    lot = random.Random(3)
    jobs = [
        lambda: pelting.setting_up(lot, 100, tmp_path / "setting-up"),
        lambda: pelting.in_the_call(lot, 200, tmp_path / "in-the-call"),
        lambda: pelting.rtp_and_rtcp(lot, 400, tmp_path / "rtp"),
        lambda: pelting.describing(lot, tmp_path / "describing"),
    ]
    came = await most_at_once(2, jobs)
    assert [
        one for one in came if not is_lenient(one) and "probe itself was sick" not in one.word
    ] == []
