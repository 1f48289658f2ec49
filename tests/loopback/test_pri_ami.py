"""pri-ami against a manager interface that speaks as Asterisk's does, well and badly."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from checks.contract import CannotTell, Check, Failed, Layer, Observation, Trace
from checks.settings import Secret
from checks.telephony.asterisk.pri_ami import PriAmi
from lab import certificate
from tests.loopback.ami_server import SECRET, USER, Asterisk, asterisk, channel, d_channel


async def look(check: Check, folder: Path) -> Observation:
    trace = Trace(time.monotonic, folder)
    try:
        await check.probe(trace)
    except (Failed, CannotTell) as ended:
        return trace.observation(ended)
    return trace.observation()


@pytest.fixture
async def pbx() -> AsyncIterator[Asterisk]:
    async with asterisk() as running:
        running.with_spans(d_channel(1), d_channel(2, number=47))
        yield running


@pytest.fixture
def secret(tmp_path: Path) -> Secret:
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    return Secret(file=tmp_path / "secret")


@pytest.fixture
def check(pbx: Asterisk, secret: Secret) -> PriAmi:
    return PriAmi(host=f"127.0.0.1:{pbx.port}", user=USER, password=secret)


def fault(seen: Observation) -> tuple[str, str]:
    assert seen.fault, seen.blind or seen.measures
    return seen.fault.stage, seen.fault.code


async def test_spans_channels_and_who_asked(check: PriAmi, pbx: Asterisk, tmp_path: Path) -> None:
    seen = await look(check, tmp_path)
    assert seen.fault is None and seen.blind is None
    assert [s.name for s in seen.stages] == [
        "connect",
        "login",
        "spans",
        "line",
        "d-channel",
        "channels",
    ]
    told = {name: value for name, value in seen.measures.items() if not name.endswith("_seconds")}
    assert told == {
        "spans_total": 2,
        "spans_up": 2,
        "channels_total": 4,
        "channels_busy": 1,
        "occupancy_percent": 25,
    }
    assert "AMI 5.0.2" in seen.notes
    assert [one["Action"] for one in pbx.heard] == [
        "Challenge",
        "Login",
        "PRIShowSpans",
        "DAHDIShowChannels",
        "Logoff",
    ]
    assert not any(SECRET in value for one in pbx.heard for value in one.values()), (
        "the secret stays at home"
    )


@pytest.mark.parametrize("bytes_at_once", [1, 7, 100])
async def test_messages_come_in_pieces(
    check: PriAmi, pbx: Asterisk, tmp_path: Path, bytes_at_once: int
) -> None:
    pbx.bytes_at_once = bytes_at_once
    assert (await look(check, tmp_path)).measures["spans_up"] == 2


async def test_the_driver_is_not_loaded_zero_spans_is_a_fault(
    check: PriAmi, pbx: Asterisk, tmp_path: Path
) -> None:
    pbx.lists["PRIShowSpans"] = []
    assert fault(await look(check, tmp_path)) == ("spans", "no-spans")


async def test_without_chan_dahdi_nothing_is_known_and_it_says_what_to_load(
    check: PriAmi, pbx: Asterisk, tmp_path: Path
) -> None:
    del pbx.lists["PRIShowSpans"]
    seen = await look(check, tmp_path)
    assert seen.fault is None and seen.blind and "chan_dahdi" in seen.blind


async def test_a_bad_secret_is_our_own_trouble(pbx: Asterisk, tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("guessed wrong", encoding="utf-8")
    bad = PriAmi(host=f"127.0.0.1:{pbx.port}", user=USER, password=Secret(file=tmp_path / "bad"))
    seen = await look(bad, tmp_path)
    assert seen.fault is None
    assert seen.blind == "the AMI refuses the login of 'reveille': Authentication failed"


async def test_a_missing_right_is_our_own_trouble(
    check: PriAmi, pbx: Asterisk, tmp_path: Path
) -> None:
    pbx.forbidden.add("PRIShowSpans")
    seen = await look(check, tmp_path)
    assert seen.fault is None and seen.blind and "may not run PRIShowSpans" in seen.blind


async def test_a_d_channel_that_is_down(check: PriAmi, pbx: Asterisk, tmp_path: Path) -> None:
    pbx.with_spans(d_channel(1), d_channel(2, up=False))
    seen = await look(check, tmp_path)
    assert fault(seen) == ("d-channel", "d-channel-down")
    assert seen.fault and seen.fault.text.endswith(": span 2")
    assert seen.measures["spans_up"] == 1


async def test_a_secondary_d_channel_carries_the_span(
    check: PriAmi, pbx: Asterisk, tmp_path: Path
) -> None:
    pbx.with_spans(d_channel(1, up=False, alarm=True), d_channel(1, order="Secondary", number=47))
    assert (await look(check, tmp_path)).fault is None


@pytest.mark.parametrize(
    ("words", "code"),
    [("Red Alarm", "red"), ("Blue Alarm", "ais"), ("Yellow Alarm", "rai"), ("Odd", "other")],
)
async def test_the_channels_say_what_alarm_it_is(
    check: PriAmi, pbx: Asterisk, tmp_path: Path, words: str, code: str
) -> None:
    pbx.with_spans(d_channel(1), d_channel(2, up=False, alarm=True, number=47))
    pbx.lists["DAHDIShowChannels"] = [channel(1), channel(40, alarm=words)]
    seen = await look(check, tmp_path)
    assert fault(seen) == ("line", f"alarm:{code}")
    assert seen.fault and seen.fault.text.startswith("span 2: ")


async def test_no_channel_is_left(check: PriAmi, pbx: Asterisk, tmp_path: Path) -> None:
    pbx.lists["DAHDIShowChannels"] = [channel(number, busy=True) for number in range(1, 31)]
    seen = await look(check, tmp_path)
    assert fault(seen) == ("channels", "channels-exhausted")
    assert (seen.measures["channels_busy"], seen.measures["occupancy_percent"]) == (30, 100)


async def test_a_span_that_must_be_there(check: PriAmi, tmp_path: Path) -> None:
    seen = await look(check.model_copy(update={"spans": (1, 3)}), tmp_path)
    assert fault(seen) == ("spans", "no-such-span")


async def test_registrations_of_trunks(check: PriAmi, pbx: Asterisk, tmp_path: Path) -> None:
    pbx.lists = {
        "PJSIPShowRegistrationsOutbound": [
            {"ObjectType": "registration", "ObjectName": "carrier-a", "Status": "Registered"},
            {"ObjectType": "registration", "ObjectName": "carrier-b", "Status": "Rejected"},
        ],
        "SIPshowregistry": [{"Host": "sip.example.net", "Username": "880", "State": "Registered"}],
    }
    seen = await look(check.model_copy(update={"spans": (), "registrations": "pjsip"}), tmp_path)
    assert fault(seen) == ("registrations", "not-registered")
    assert seen.fault and seen.fault.text == "carrier-b is Rejected"
    assert (seen.measures["registrations_up"], seen.measures["registrations_total"]) == (1, 2)
    seen = await look(check.model_copy(update={"spans": (), "registrations": "sip"}), tmp_path)
    assert seen.fault is None and seen.measures["registrations_up"] == 1


async def test_a_pbx_that_is_slow_drops_lies_or_is_none(
    check: PriAmi, pbx: Asterisk, tmp_path: Path
) -> None:
    hasty = check.model_copy(update={"within": 0.5})
    for mute, stage in (("Challenge", "login"), ("Login", "login"), ("DAHDIShowChannels", "spans")):
        pbx.mute_on = mute
        assert fault(await look(hasty, tmp_path)) == (stage, "timeout")
    pbx.mute_on = ""
    pbx.drop_in = "PRIShowSpans"
    assert fault(await look(check, tmp_path)) == ("spans", "closed")
    pbx.drop_in, pbx.promised = "", 7
    assert fault(await look(check, tmp_path)) == ("spans", "bad-peer")
    pbx.promised = None
    for banner in ("SSH-2.0-OpenSSH_9.2\r\n", "x" * 70_000 + "\r\n", "\xff\xfe\r\n"):
        pbx.banner = banner
        assert fault(await look(check, tmp_path)) == ("connect", "bad-peer")
    pbx.banner = "Asterisk Call Manager/5.0.2\r\n"
    assert (await look(check, tmp_path)).fault is None


async def test_a_pbx_that_cannot_be_asked_says_nothing_of_its_lines(
    secret: Secret, tmp_path: Path
) -> None:
    async with asterisk() as gone:
        port = gone.port
    check = PriAmi(host=f"127.0.0.1:{port}", user=USER, password=secret)
    assert fault(await look(check, tmp_path)) == ("connect", "refused")
    assert check.layer_of("connect") is check.layer_of("login") is Layer.APPLICATION
    assert check.layer_of("spans") is check.layer_of("line") is Layer.LINE


async def test_over_tls_the_certificate_is_checked(secret: Secret, tmp_path: Path) -> None:
    made = certificate.make(tmp_path / "tls")
    async with asterisk(made.server_context()) as pbx:
        pbx.with_spans(d_channel(1))
        check = PriAmi(host=f"127.0.0.1:{pbx.port}", user=USER, password=secret, tls=True)
        assert fault(await look(check, tmp_path)) == ("connect", "self-signed")
        trusting = check.model_copy(update={"trusted_certificates": made.certificate})
        assert (await look(trusting, tmp_path)).fault is None


def test_settings_that_see_nothing_are_refused(secret: Secret) -> None:
    for wrong in ({"spans": ()}, {"host": "a b"}, {"trusted_certificates": __file__}):
        with pytest.raises(ValidationError):
            PriAmi.model_validate({"host": "192.0.2.1", "user": USER, "password": secret, **wrong})
