"""Abuse of the telephone system: who scans for accounts, which calls cost a fortune, and who calls
at night.

    log       Asterisk, FreeSWITCH, Kamailio: refused     registration-scan, account-broken
              registrations and calls
    calls     call records since the last look            premium-call, unusual-country
    night     outgoing calls between `night` hours,       night-peak
              against the nights before

    [Nov 22 03:12:44] NOTICE[811] res_pjsip/pjsip_distributor.c: Request 'REGISTER'
        from '"100" <sip:100@192.0.2.7>' failed for '198.51.100.9:5071' (callid: 1)
        - No matching endpoint found

Rules: a number is read with this site's country code and prefixes, and belongs to the longest code
of ITU-T E.164 that fits. A night is unusual against the median of the nights remembered, and their
spread (MAD). One that was accepted is right (`reveille baseline NAME`): countries that are called
every day.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from checks.data.usage.sources import Records
from checks.host.check import HostCheck
from checks.kind import Duty
from checks.settings import Duration, SiteZone

Absolute = Annotated[str, Field(pattern=r"^/")]
Digits = Annotated[str, Field(pattern=r"^\+?\d{1,15}$")]
Hour = Annotated[int, Field(ge=0, le=23)]


class SipAbuse(HostCheck):
    """Looks for scans, and for calls that somebody else makes at this site's cost."""

    KIND: ClassVar[str] = "sip-abuse"
    LOOK: ClassVar[str] = "sip_abuse"
    OWN_FORM: ClassVar[frozenset[str]] = frozenset({"records"})
    ACCEPTS: ClassVar[bool] = True
    HEAVY: ClassVar[bool] = True
    DUTY: ClassVar[Duty] = "security"
    SAMPLE: ClassVar[str] = """
[checks.toll-fraud]
kind = "sip-abuse"
at = ["04:00"]
logs = ["/var/log/asterisk/messages"]
records = { file = "/var/log/asterisk/cdr-csv/Master.csv" }
country = "91"
countries = ["1", "44"]
"""
    WORST: ClassVar[tuple[str, ...]] = (
        "account-broken", "premium-call", "unusual-country", "night-peak", "registration-scan",
    )  # fmt: skip

    logs: tuple[Absolute, ...] = Field(default=(), examples=[["/var/log/asterisk/messages"]])
    """logs of the telephone system, of the last lines since the last look"""
    most_refused: int = Field(default=20, ge=1)
    """refused registrations and calls from one address from which on it is a scan"""
    records: Records | None = None
    """where the call records are"""
    country: Digits = Field(default="1", examples=["91"])
    """this site's own country code"""
    international: tuple[Digits, ...] = ("00", "011")
    """prefixes of international calls, beside +"""
    trunk_prefix: str = Field(default="0", pattern=r"^\d{0,3}$")
    """prefix of national calls, not dialled from abroad"""
    outside_line: str = Field(default="", pattern=r"^\d{0,3}$", examples=["9"])
    """what is dialled before an outside number"""
    countries: tuple[Digits, ...] = Field(default=(), examples=[["1", "44"]])
    """country codes that are called every day, beside this site's own and the accepted ones"""
    premium: tuple[Digits, ...] = Field(default=(), examples=[["+91186", "+44909"]])
    """premium ranges in international form, beside those of the ITU (979, 878, 881, 882, 883,
    888)
    """
    night: tuple[Hour, Hour] = (22, 6)
    """from which hour to which hour it is night, in the site's time"""
    least_night_calls: int = Field(default=10, ge=1)
    """fewer outgoing calls in a night are never a peak"""
    longest_call: Duration = Field(default=4 * 3600.0, ge=60)
    """an outgoing call that is longer is named"""
    timezone: SiteZone = ""
    """the site's, which the loader knows"""
    within: Duration = Field(default=600.0, gt=0)
    """time budget; what was not reached by then is said"""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.logs and self.records is None:
            raise ValueError(
                'name what is looked at: logs = ["/var/log/asterisk/messages"], records = {...}, or'
                " both"
            )
        return self

    def plain(self) -> dict[str, object]:
        """The settings for the looking process, secrets revealed. Raises LookupError."""
        records = self.records
        form = None if records is None else {**records.plain(), "columns": dict(records.columns)}
        if form is not None and records is not None:
            form |= {"format": records.format, "fields": list(records.fields)}
        return {**super().plain(), "records": form}

    def measures(self) -> Mapping[str, str]:
        """How much, and how much of it is bad."""
        return {
            "log_seconds": "reading the logs, in seconds",
            "calls_seconds": "reading the call records, in seconds",
            "night_seconds": "comparing the nights, in seconds",
            "refused_requests": "refused registrations and calls since the last look",
            "scanning_addresses": "addresses from which more than `most_refused` came",
            "outgoing_calls": "outgoing international and national calls since the last look",
            "international_calls": "international ones among them",
            "premium_calls": "calls to premium ranges",
            "unusual_countries": "countries that were called and are not usual here",
            "night_calls": "outgoing calls of the last night",
        }
