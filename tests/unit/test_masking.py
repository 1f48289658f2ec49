"""The mouth of a check: no spelling of a secret passes it, and whatever passes is bounded."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import masking
from checks.contract import Failed, Trace
from checks.masking import HIDDEN, Mask
from checks.settings import Secret
from tests.spellings import SPELLINGS

SECRETS = ('MARKER-sécret 9+&"<%41', "hunter2-A/b+c==", "abcdef123456", "%%&amp;\\n\\u0041x")


def knowing(*secrets: str) -> Mask:
    mask = Mask()
    mask.hide(*secrets)
    return mask


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("secret", SECRETS)
def test_no_spelling_passes(secret: str, spelling: str) -> None:
    said = SPELLINGS[spelling](secret)
    told = knowing(secret).content(f"you said <{said}> to me".encode()).decode()
    assert HIDDEN in told and said.strip("\"'") not in told
    assert told.startswith("you said <") and told.endswith("> to me")


SIGNS = st.characters(codec="utf-8", exclude_categories=("Cc", "Zs", "Zl", "Zp"))


SIGN_BY_SIGN = ("URL", "URL in small letters", "JSON", "HTML", "HTML by numbers", "C")


@given(st.text(SIGNS, min_size=6, max_size=40), st.lists(st.sampled_from(SIGN_BY_SIGN), max_size=3))
def test_nor_one_within_another(secret: str, nested: list[str]) -> None:
    said = secret
    for spelling in nested:
        said = SPELLINGS[spelling](said)
    assert HIDDEN in knowing(secret).content(f"« {said} »".encode()).decode()


@given(st.binary(max_size=300), st.text(min_size=1, max_size=20))
def test_what_holds_none_is_left_alone_and_the_plain_one_never_is(
    noise: bytes, secret: str
) -> None:
    assert Mask().content(noise) == noise
    if len(secret) >= 6 and secret.strip():
        assert secret.encode() not in knowing(secret).content(noise + secret.encode() + noise)


@pytest.mark.parametrize("shown", ["MARKER-a-long-secr…", "…ER-a-long-secret-of-9"])
def test_nor_one_that_is_cut_off(shown: str) -> None:
    assert knowing("MARKER-a-long-secret-of-9").text(f"no entry for {shown} here") in (
        f"no entry for {HIDDEN}… here",
        f"no entry for …{HIDDEN} here",
    )


def test_a_short_one_is_hidden_where_it_stands_alone() -> None:
    told = knowing("1234").text(f"pin 1234 at port 12345, {base64.b64encode(b'1234').decode()}")
    assert told == f"pin {HIDDEN} at port 12345, {HIDDEN}"


@pytest.mark.parametrize(
    "proof",
    [
        'Digest username="m", response="0123456789abcdef0123456789abcdef", uri="/"',
        "Digest response=&quot;0123456789abcdef0123456789abcdef&quot;",
        "response%3D%220123456789abcdef0123456789abcdef%22",
        "Key: 0123456789abcdef0123456789abcdef",
        '{"response": "0123456789abcdef0123456789abcdef"}',
    ],
)
def test_the_proof_of_a_password_is_hidden_as_well(proof: str) -> None:
    assert "0123456789abcdef" not in knowing("whatever").text(proof)


@pytest.mark.parametrize(
    "said",
    [
        "ERROR: duplicate key\nDETAIL:  Key (phone)=(+91 98 ROW) already exists.",
        'ERROR: bad input CONTEXT:  COPY cdr, line 1: "ROW;x"',
        'syntax error LINE 1: INSERT INTO cdr VALUES ("ROW")',
        "ERROR 1062 (23000) at line 3: Duplicate entry 'ROW' for key 'PRIMARY'",
        'ERROR: invalid input syntax for type integer: "ROW"',
        "ERROR 1366: Incorrect integer value: 'ROW' for column `a`",
        "ERROR 1064: syntax to use near 'ROW, 'b')' at line 1",
        "near 'ROW' and near 'ROW' at line 1\nnear 'other'\nnear 'ROW' at line 2",
        "CREATE ROLE x PASSWORD 'SCRAM-SHA-256$4096:ROWsalt$ROWkey:ROW='",
        "IDENTIFIED BY PASSWORD '*0123456789ABCDEF0123456789ABCDEF01234567ROW'".replace("ROW", ""),
        "agent:$6$ROWsalt$ROW/hash.:19000",
    ],
)
def test_rows_and_hashes_stand_in_no_fault_even_without_a_secret(said: str, tmp_path: Path) -> None:
    with masking.attempt():
        fault = Trace(time.monotonic, tmp_path).observation(Failed("sql", said)).fault
    assert fault and "ROW" not in fault.text and "0123456789ABCDEF" not in fault.text


def test_a_text_is_printable_and_bounded_and_the_cut_shows_no_half() -> None:
    secret = "MARKER-" + "9" * 40
    told = knowing(secret).text("x" * 3980 + secret * 400)
    assert len(told) <= masking.LONGEST_TEXT and "MARKER-999" not in told
    assert Mask().text("a\x1b[2J\x9b31m\u202eb\u2028c\r\nd\0") == "a [2J 31m b c \nd "
    assert Mask().text("क्‍ष") == "क्‍ष"


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(sign * (400_000 // len(sign)), id=sign[:6].hex())
        for sign in (
            b"%41", b"&#65;", b"\\\\", b"a ", b"\n1\r\n", b"=41", b"basic ", b"response=", b"&",
            b"MARKER-secret-9", b"MARKER-", b"M\n", b'<p class="x">a &amp; b</p>\n',
            b"JSU0MSU0MSU0", b"4d:", b"0x4d, ", b"1,2,3,4,5,6\n", b"Abcdefghijklm\n", b"<",
            b"<aaaa", b"\xc2\xa0a", b"MARKER-secret-9".hex().encode() + b" ",
            b"dGhhdCBpcyBub25l", b"%25252525252541", b"&amp;amp;amp;amp;#65;", b"Abcdefghijkl ",
            b"Abcdefghijkl " * 60 + b"%25252525252541", b"\x1b[m" * 200 + b"%25252525252541",
            b"%41<>\n>\x1b[m&#65;Abcdefghijkl \\n", base64.b64encode(b"MARKER-secret-9"),
            b"".join(b"%%252525%02x" % sign for sign in b"MARKER-secret-9") + b".",
            b"key=" * 20 + b"\n>" * 20 + b"TVRFAA==" * 20, b"near '" * 20 + b"=41" * 20,
            b"\xc2\xad" + b"%26amp%3b" * 50 + b"1,2,3,4,5,6," * 200 + b"0x4d, " * 200 + b"\\" * 40,
            b"ABCDEFGHIJKL\n" * 20 + base64.b64encode(b"%41" * 9) + b"basic aaaaaaaa %41",
        )
    ],
)  # fmt: skip
def test_what_means_harm_is_searched_in_good_time(page: bytes) -> None:
    mask, began = knowing("MARKER-secret-9", "another-secret"), time.process_time()
    kept = mask.evidence(page)
    assert time.process_time() - began < 0.25, "quadratic work on this took seconds"
    assert len(kept) <= masking.LONGEST_EXHIBIT + 200 and b"MARKER-secret-9" not in kept


@pytest.mark.parametrize("texts", [[""] * 40_000, [f"{one:x}" for one in range(20_000)]])
def test_many_small_texts_are_searched_together(texts: list[str]) -> None:
    content = json.dumps([*texts, "my MARKER-secret-9 is it"]).encode()
    mask, began = knowing("MARKER-secret-9", "another-secret"), time.process_time()
    kept = json.loads(mask.document(content, "application/json"))
    assert time.process_time() - began < 0.3, "each by itself took 2 s"
    assert kept == [*texts, f"my {HIDDEN} is it"]


@given(st.lists(st.text(max_size=12), max_size=9), st.text(SIGNS, min_size=6, max_size=12))
def test_texts_that_are_searched_together_are_each_masked(texts: list[str], secret: str) -> None:
    told = knowing(secret).json({"a": texts, f"is {secret}": [secret, 1234, None]})
    assert list(told) == ["a", f"is {HIDDEN}"] and told[f"is {HIDDEN}"] == [HIDDEN, 1234, None]
    known = knowing(secret)
    alone = [known.content(text.encode()).decode() for text in texts]
    assert all(one == was or HIDDEN in one for one, was in zip(told["a"], alone, strict=True))


@pytest.mark.parametrize("opening", ["near '", "Duplicate entry '", "value: '"])
def test_what_databases_quote_is_found_in_one_pass(opening: str) -> None:
    said, began = opening * 6000, time.process_time()
    assert Mask().text(said) == said[: masking.LONGEST_TEXT - 1] + "…"
    assert time.process_time() - began < 0.02, "each beginning looked for the end of the line"


def test_what_is_revealed_in_an_attempt_is_hidden_in_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONE", "first-secret")
    with masking.attempt():
        trace = Trace(time.monotonic, tmp_path)
        Secret(environment="ONE").reveal()
        trace.note("first-secret")
        (tmp_path / "ladder.txt").write_bytes(b"X: first-secret\r\n")
        (tmp_path / "call.wav").write_bytes(b"RIFF first-secret")
        for name, media_type in (("ladder.txt", "text/plain"), ("call.wav", "audio/wav")):
            trace.exhibit(name, media_type)
        trace.exhibit("page", "audio/wav", b"far: first-secret")
        trace.remember("a", {"first-secret": ["first-secret"]})
        seen = trace.observation()
    assert seen.notes == (HIDDEN,) and seen.memory == {"a": {HIDDEN: [HIDDEN]}}
    assert (tmp_path / "ladder.txt").read_text() == f"X: {HIDDEN}\n"
    assert b"first-secret" in (tmp_path / "call.wav").read_bytes()
    assert b"first-secret" not in (tmp_path / "page").read_bytes(), "who sends it names its type"
    with masking.attempt():
        assert masking.current().text("first-secret") == "first-secret"
