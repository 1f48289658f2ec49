"""Whom secrets are told: sites by their origin, as they are named."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from checks.web.own_sites import SigningIn, Sites


def test_a_site_is_an_origin_and_of_http_its_https_too() -> None:
    named = Sites("http://portal.example.net/login?a=1", "https://sso.example.net:8443/")
    for origin in (
        "http://portal.example.net",
        "https://portal.example.net",
        "https://sso.example.net:8443",
    ):
        assert origin in named
    for other in (
        "http://sso.example.net:8443",  # what was to be secret on the way is not told in the clear
        "https://sso.example.net",
        "https://www.portal.example.net",
        "https://portal.example.net.evil.example",
        "https://portal.example.net:444",
        "null",
        "",
    ):
        assert other not in named


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("https://sso.example.net/login", "is more than a site; write 'https://sso.example.net'"),
        ("sso.example.net", "is no site"),
        ("ftp://sso.example.net", "is no site"),
        ("https://u:p@sso.example.net", "is no site"),
    ],
)
def test_what_is_no_site_is_said(written: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SigningIn.model_validate({"sign_in_at": [written]})


def test_a_site_is_kept_as_a_browser_calls_it() -> None:
    made = SigningIn.model_validate({"sign_in_at": ["HTTPS://SSO.Example.NET:443/"]})
    assert made.sign_in_at == ("https://sso.example.net",)
