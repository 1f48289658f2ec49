"""What may be said in the configuration, beside the checks' and desks' own settings.

A field's docstring is its meaning in the reference and the sample; its `examples` are what a reader
would write.
"""

from __future__ import annotations

import re
from datetime import date, time
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from checks.settings import Duration, Settings, nearest, shown
from monitor.config.day_span import ClockTime, DailySpan
from monitor.config.holidays import holidays_of
from monitor.core.places import refuse_senseless
from monitor.core.verdict import Expectation

# The role of the site's own shift.
OPERATORS = "operators"
# What people write for their zone, and the places that may be meant (tz database).
_ABBREVIATED = {
    "IST": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "CST": ("America/Chicago", "Asia/Shanghai"),
    "CDT": ("America/Chicago", "America/Havana"),
    "BST": ("Europe/London", "Asia/Dhaka"),
    "PST": ("America/Los_Angeles", "Asia/Manila"),
    "PDT": ("America/Los_Angeles", "America/Vancouver"),
    "EDT": ("America/New_York", "America/Toronto"),
    "MDT": ("America/Denver", "America/Edmonton"),
    "AST": ("America/Halifax", "Asia/Riyadh"),
    "GST": ("Asia/Dubai", "Pacific/Guam"),
    "SST": ("Asia/Singapore", "Pacific/Pago_Pago"),
    "CEST": ("Europe/Berlin", "Europe/Paris"),
    "AEST": ("Australia/Sydney", "Australia/Brisbane"),
}
_OFFSET = re.compile(r"(?i)([a-z]{2,4})?[+-]?[0-9]{1,2}(:?[0-9]{2})?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


def wrong_name(name: str) -> str:
    """What is wrong with the name of a check, line, agent or desk; "" if nothing."""
    if _NAME.fullmatch(name):
        return ""
    return "that is no name; letters, digits, '-', '_' and '.', at most 63, a letter or digit first"


def _places_of(written: str) -> str:
    """What an abbreviation may mean: several places share most of them, and the nearest name is
    somewhere else on the earth. So it is with an offset."""
    if _OFFSET.fullmatch(written):
        return "; an offset has no summer time: write a place, as in 'Asia/Kolkata'"
    if not re.fullmatch(r"[A-Za-z]{2,4}", written):
        return ""
    places = _ABBREVIATED.get(written.upper(), ("Asia/Kolkata", "Europe/London"))
    return f"; an abbreviation has several places: write yours, as in {' or '.join(places)}"


def _zone(written: str) -> str:
    # ZoneInfo("Europe") finds a folder: that is an OSError, and no LookupError.
    try:
        ZoneInfo(written)
    except (ValueError, OSError, LookupError):
        hint = _places_of(written) or (
            nearest(written, available_timezones()) or "; write an IANA name, as in 'Asia/Kolkata'"
        )
        raise ValueError(f"there is no time zone {shown(written)}{hint}") from None
    return written


def _known_holidays(written: tuple[str, ...]) -> tuple[str, ...]:
    holidays_of(written)
    return written


def _line_of_text(written: str) -> str:
    # These texts become headers and lines of a terminal: a line break would begin another one.
    if not written.isprintable():
        raise ValueError("a line break or control character stands in it; write it on one line")
    return written


def _mail_address(written: str) -> str:
    if (
        # Narrow on purpose: quoted local parts and comments are legal in RFC 5322, and no operator
        # writes them.
        not re.fullmatch(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\\]+", written)
        or not written.isprintable()
    ):
        raise ValueError(
            f"{shown(written)} is no mail address; write the bare address, as in 'ops@example.net'"
        )
    return written


def _phone_number(written: str) -> str:
    if not re.fullmatch(r"(sips?:|tel:)?[^\s<>]*[0-9][^<>]*", written) or not written.isprintable():
        raise ValueError(
            f"{shown(written)} is no phone number; write '+912212345678' or"
            " 'sip:+912212345678@trunk-a'"
        )
    return written


def expectation(written: object) -> Expectation:
    """An expectation from "answer_seconds <= 4". Raises ValueError."""
    if isinstance(written, Expectation):
        return written
    # An expectation is one comparison: whatever is longer is a pasted text, and need not be
    # searched.
    if not isinstance(written, str) or len(written) > 120:
        raise ValueError(
            f"{shown(written)} is no expectation; write one as in 'answer_seconds <= 4'"
        )
    return Expectation.parse(written)


Text = Annotated[str, Field(min_length=1), AfterValidator(_line_of_text)]
MailAddress = Annotated[
    str, AfterValidator(_mail_address), Field(json_schema_extra={"format": "email"})
]
PhoneNumber = Annotated[
    str, AfterValidator(_phone_number), Field(json_schema_extra={"format": "phone"})
]
Expected = Annotated[
    Expectation,
    BeforeValidator(expectation),
    PlainSerializer(str),
    WithJsonSchema(
        {
            "type": "string",
            "format": "expectation",
            "pattern": r"^\s*[a-z][a-z0-9_]*\s*(<=|>=|==|!=|<|>)\s*-?\d+(\.\d+)?\s*$",
        }
    ),
]


class Site(Settings):
    """The contact centre that is looked at: [site], or one of several as [sites.NAME]."""

    name: Text = Field(examples=["Pune"])
    """the site's name, as it stands in tickets and mails"""
    timezone: Annotated[str, AfterValidator(_zone)] = Field(examples=["Asia/Kolkata"])
    """the IANA name of its time zone; every time of day in this file is in it"""
    region: Annotated[str, AfterValidator(_line_of_text)] = Field(default="", examples=["india"])
    """the region by which the policy chooses among its desks"""
    policy: Text = Field(default="ozonetel", examples=["ozonetel"])
    """the support policy: the name of a shipped one, or the path of a file of your own"""
    holidays: Annotated[tuple[Text, ...], AfterValidator(_known_holidays)] = Field(
        default=(), examples=[["IN-MH", "2026-10-30", "not 2026-08-15"]]
    )
    """days that are no business days: dates, and countries or parts of one (ISO 3166) for their
    public holidays; "not" before those that the site works on
    """
    several: bool = Field(default=False, exclude=True)
    """whether it is one of several sites of a configuration: set by the loader"""

    @property
    def scope(self) -> str:
        """What its names begin with among those of several sites; "" where it is the only one."""
        return self.name if self.several else ""

    def scoped(self, name: str) -> str:
        """A name of this site as the ledger has it: `Pune/agent-portal` where there are several."""
        return f"{self.name}/{name}" if self.several else name

    @property
    def days_off(self) -> frozenset[date]:
        """The days of `holidays`."""
        return holidays_of(self.holidays)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        return ZoneInfo(self.timezone)


class Person(Settings):
    """Somebody who is told: by mail, by phone, or both. Several may have one role."""

    role: Text = Field(examples=["operators"])
    """the role, in the words of the policy's ladders; "operators" is the site's own shift, told of
    every step, and "customer" the end user, told of every change to a ticket without a duty in it
    """
    name: Text | None = Field(default=None, examples=["Night shift"])
    """how to call the person or the shift"""
    mail: MailAddress | None = Field(default=None, examples=["operators@example.net"])
    """mail address"""
    phone: PhoneNumber | None = Field(default=None, examples=["+912212345678"])
    """phone number, or SIP address"""
    quiet: DailySpan | None = Field(default=None, examples=["22:00-06:30"])
    """hours of rest, in site time: what is not of the gravest severity waits until their end, and
    is told then if it is still open
    """

    @model_validator(mode="after")
    def _reachable(self) -> Person:
        if self.mail is None and self.phone is None:
            raise ValueError("has neither mail nor phone; write at least one")
        return self


class Rhythm(Settings):
    """What every check has beside its kind's own settings: when it runs, what is expected, when it
    becomes a ticket.
    """

    at: tuple[ClockTime, ...] | None = Field(
        default=None, min_length=1, examples=[["08:30", "17:30"]]
    )
    """times of day at which it runs, in the site's time zone"""
    every: Annotated[Duration, Field(ge=10)] | None = Field(default=None, examples=["5m"])
    """how often it runs; with neither `at` nor `every` it runs by hand, or when another names it in
    `diagnose`
    """
    expect: tuple[Expected, ...] = Field(default=(), examples=[["answer_seconds <= 4"]])
    """what must hold of its measures; a broken one is a failure"""
    warn: tuple[Expected, ...] = Field(default=(), examples=[["answer_seconds <= 2"]])
    """what should hold of its measures; a broken one is a warning and no ticket"""
    confirm: int = Field(default=2, ge=1, le=20)
    """failures in a row before it becomes a ticket"""
    confirm_after: Duration = 20.0
    """how soon after a failure it is looked at again"""
    recover: int = Field(default=2, ge=1, le=20)
    """successes in a row before it counts as recovered"""
    recheck: Annotated[Duration, Field(ge=1)] = 300.0
    """how often it is looked at while its ticket is open; without it every 30 minutes where each
    look costs (kinds that place calls over a line of [lines])
    """
    diagnose: tuple[str, ...] = Field(default=(), examples=[["trunk"]])
    """checks to look at when it fails; the one of the lowest failing layer is the cause"""
    probes: tuple[str, ...] = Field(default=(), examples=[["pune"]])
    """names or tags of the hosts that may look at it, where several work on one ledger; without it
    any of them does
    """
    places: tuple[str, ...] = Field(
        default=(), alias="from", examples=[["pune-1", "delhi-1", "mumbai-cloud"]]
    )
    """hosts that all look at it, each from its own place, where several work on one ledger; what
    they see at one time is judged together
    """
    agree: Annotated[int, Field(ge=1, le=100)] | None = Field(default=None, examples=[2])
    """how many of the places in `from` have to see a failure for it to be one; without it more than
    half of them
    """
    component: Annotated[str, AfterValidator(_line_of_text)] = Field(
        default="", examples=["agent-portal"]
    )
    """what it stands for, in the policy's words, where one kind looks at several things"""
    severity: Annotated[str, AfterValidator(_line_of_text)] = Field(default="", examples=["P1"])
    """how bad a failure of it is at the least, in the policy's words; without it the policy says"""
    limit: Annotated[Duration, Field(gt=0)] | None = Field(default=None, examples=["90s"])
    """the longest that one attempt may take; without it as long as its own settings can need"""
    grace: Duration = 21600.0
    """how late a missed run is still made up for"""

    @model_validator(mode="after")
    def _one_rhythm(self) -> Rhythm:
        if self.at is not None and self.every is not None:
            raise ValueError("has both 'at' and 'every'; write one of them")
        return self

    @model_validator(mode="after")
    def _places_that_can_agree(self) -> Rhythm:
        if not self.places:
            if self.agree is not None:
                raise ValueError("has 'agree' without 'from'; write the places that look, or none")
            return self
        if self.probes:
            raise ValueError("has both 'probes' and 'from'; write one of them")
        refuse_senseless(self.places, self.agreeing)
        return self

    @property
    def agreeing(self) -> int:
        """How many places have to see a failure."""
        return self.agree or len(self.places) // 2 + 1


class Audit(Settings):
    """The morning round over the site's servers, mailed as a report."""

    at: ClockTime = time(4)
    """the time of day, in the site's time zone"""
    to: tuple[MailAddress, ...] = Field(min_length=1, examples=[["operations@example.net"]])
    """who gets the report"""
    checks: tuple[str, ...] = Field(default=(), examples=[["usage", "backup"]])
    """the checks that are its parts, looked at one after the other before the report is made"""
    asks: tuple[Text, ...] = Field(default=(), examples=[["Recordings of yesterday can be played"]])
    """more lines of the daily checklist: what a person looks at, and answers (`reveille
    checklist`)"""
    grace: Duration = 43200.0
    """how late a missed audit is still made up for"""
