"""Any plugin for Nagios, Icinga or the like as a check (Monitoring Plugins Development Guidelines).

    $ /usr/lib/nagios/plugins/check_tcp -H mail.example.net -p 25
    TCP OK - 0.012 second response time on mail.example.net port 25|time=0.012s;;;0.000;10.000
    what the plugin says at length                    kept as the exhibit plugin.txt
    | more=1 performance=2% data=3c

    exit status 0   OK         its performance data are the measures (time_seconds)
                1   WARNING    quoted as a warning: the verdict is DEGRADED
                2   CRITICAL   fault "critical" in the stage "run", with its first line
                3   UNKNOWN    nothing is known; so with every other ending: another status, a
                               signal, no such file, not done within its time

Rules: what it prints on standard output is its status, as for Nagios; standard error is quoted only
where it prints nothing else. No shell; an environment of its own; at most 64 KiB of its output are
kept, the rest is read and dropped; all that came of it is killed at the end. A command line is seen
by everybody on the host (`ps`), so a secret never stands in it: a plugin is given one by its
environment, its standard input, or a file of its own (--extra-opts=@file). With `run_as` it is
another user's process (plugin_run.py), to whom neither ledger nor credentials are readable.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from checks import masking
from checks.contract import CannotTell, Check, Failed, Layer, Trace
from checks.kind import Duty
from checks.perfdata import data_in
from checks.plugin_run import ENDLESS_BYTES, Work, run
from checks.settings import Duration, Secret
from checks.target import of_host, shortened

_MOST_LINE = 500
_ENDING_SECONDS = 5.0
# The options by which the Monitoring Plugins and their relatives take a password; -p and the like
# mean a port just as often, and are left to the documentation.
_SECRETIVE = re.compile(
    r"^--?(?:\w+-)*(?:password|passwd|pass|passphrase|secret|token|api-?key|auth-?pass|priv-?pass"
    r"|community)(?:=|$)",
    re.IGNORECASE,
)
_WITH_PASSWORD = re.compile(r"//[^/@\s]+:[^/@\s]+@")
_HAND_OVER = (
    "hand it over by `secret_environment`, by `secret_input`, or in a file that the plugin reads"
)


def _command_line(written: Any) -> Any:
    """Refuses what would show a secret to everybody. Raises ValueError without repeating it."""
    for part in written if isinstance(written, list | tuple) else ():
        if isinstance(part, dict | Secret):
            raise ValueError(
                "a command line is seen by everybody on the host, so no secret is in it;"
                f" {_HAND_OVER}"
            )
        if isinstance(part, str) and "\0" in part:
            raise ValueError("a part of a command line holds no NUL character")
        if isinstance(part, str) and (_SECRETIVE.match(part) or _WITH_PASSWORD.search(part)):
            raise ValueError(
                f"a password in a command line is seen by everybody on the host; {_HAND_OVER}"
            )
    if (
        isinstance(written, list | tuple)
        and written
        and isinstance(written[0], str)
        and written[0][:1] != "/"
    ):
        raise ValueError(
            "a command begins with the plugin's whole path, as in"
            " '/usr/lib/nagios/plugins/check_tcp'"
        )
    return written


def _not_root(user: str) -> str:
    """Refuses what is no user's name, and root. Raises ValueError."""
    if user == "root":
        raise ValueError(
            "no plugin is run as root; name a user of its own, as in 'reveille-plugins', and give"
            " him what the plugin has to read"
        )
    # The names that useradd(8) takes.
    if user and not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", user):
        raise ValueError(f"{user!r} is no user's name; write one as in 'reveille-plugins'")
    return user


Command = Annotated[tuple[str, ...], BeforeValidator(_command_line), Field(min_length=1)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
MeasureName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class NagiosPlugin(Check):
    """Runs a plugin, and takes its exit status and performance data as what was seen."""

    KIND: ClassVar[str] = "nagios-plugin"
    ALSO_CALLED: ClassVar[tuple[str, ...]] = ("nagios", "nrpe", "plugin", "script", "exec")
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    DUTY: ClassVar[Duty] = "others"
    SAMPLE: ClassVar[str] = """
[checks.database-port]
kind = "nagios-plugin"
component = "crm"
every = "5m"
expect = ["time_seconds <= 2"]
command = ["/usr/lib/nagios/plugins/check_tcp", "-H", "crm.example.net", "-p", "5432"]
perfdata = ["time_seconds"]
"""

    command: Command = Field(
        examples=[["/usr/lib/nagios/plugins/check_tcp", "-H", "mail.example.net", "-p", "25"]]
    )
    """the plugin's whole path and its arguments, one by one; no shell reads them"""
    perfdata: tuple[MeasureName, ...] = Field(default=(), examples=[["time_seconds"]])
    """the performance data that `expect` and `warn` may name, as `reveille once` shows them"""
    layer: Literal["uplink", "line", "signalling", "media", "prompt", "agent", "application"] = (
        "application"
    )
    """what it looks at, from the ground up: the lowest failing layer is the cause"""
    environment: dict[Variable, str] = Field(default={}, examples=[{"LC_ALL": "C"}])
    """variables that the plugin is given; beside them it has PATH and LANG alone"""
    secret_environment: dict[Variable, Secret] = Field(
        default={}, examples=[{"PASSWORD": {"credential": "crm"}}]
    )
    """variables that hold a secret, by reference"""
    secret_input: Secret | None = None
    """a secret that the plugin reads as a line of its standard input"""
    run_as: Annotated[str, AfterValidator(_not_root)] = Field(
        default="", examples=["reveille-plugins"]
    )
    """the user whom it runs as, with no right to the monitor's files and credentials; as installed
    that is reveille-plugins, by a unit of its own. Without it: whoever runs the monitor
    """
    within: Duration = Field(default=30.0, gt=0)
    """time limit; set the plugin's own (`-t`) below it, so that it can say what it waited for"""

    def target(self) -> str:
        """The plugin's file name, and the host that it is given by -H or --hostname as the
        Monitoring Plugins guidelines have it; its other arguments may hold a password, and are
        not shown.
        """
        name, host = self.command[0].rpartition("/")[2], ""
        for option, value in pairwise(self.command):
            if option in ("-H", "--hostname"):
                host = of_host(value)
        return shortened(f"{name} at {host}" if host else name)

    def measures(self) -> Mapping[str, str]:
        """How long the plugin ran, and the performance data that are named."""
        given = dict.fromkeys(self.perfdata, "as the plugin's performance data give it")
        return {"run_seconds": "how long the plugin ran, in seconds", **given}

    def highest_layer(self) -> Layer:
        """The layer that the setting `layer` names."""
        return Layer[self.layer.upper()]

    def longest_seconds(self) -> float:
        """The time limit, and a little for the end."""
        return self.within + 2 * _ENDING_SECONDS

    def rights(self) -> frozenset[str]:
        """Another user, where one is named."""
        return frozenset({"plugins"} if self.run_as else ())

    LACKS_AT: ClassVar[str] = "command"

    def lacks(self) -> str | None:
        """The plugin, where it is not there, or is no program for this user."""
        plugin = Path(self.command[0])
        try:
            if plugin.is_file() and os.access(plugin, os.X_OK):
                return None
            there = plugin.exists()
        except OSError:
            there = False
        wrong = "is no program that this user may run" if there else "is not there"
        return f"the plugin {plugin} {wrong}; install it, or write the path of one that is"

    async def probe(self, trace: Trace) -> None:
        """Run the plugin once. Raises Failed, CannotTell."""
        work = Work(self.command, self._environment(), self._line(), self.run_as)
        with trace.stage("run"):
            try:
                async with asyncio.timeout(self.within):
                    ran = await run(work, trace)
            except TimeoutError:
                # A plugin has a time limit of its own (-t) and says by then what it waited for; one
                # that had to be stopped has said nothing.
                raise CannotTell(f"the plugin was not done within {self.within:g} s") from None
            if ran.endless:
                raise CannotTell(
                    f"the plugin's output does not end: more than {ENDLESS_BYTES} bytes"
                )
            said = Said(ran.output.decode("utf-8", "replace"))
            said.keep(trace)
            _ended(ran.status, said, trace)

    def _environment(self) -> dict[str, str]:
        plain = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", **self.environment}
        try:
            return plain | {
                name: secret.reveal() for name, secret in self.secret_environment.items()
            }
        except LookupError as missing:
            raise CannotTell(str(missing)) from missing

    def _line(self) -> bytes:
        try:
            return b"" if self.secret_input is None else f"{self.secret_input.reveal()}\n".encode()
        except LookupError as missing:
            raise CannotTell(str(missing)) from missing


class Said:
    """A plugin's output: its first line, what it says at length, and its performance data."""

    def __init__(self, output: str) -> None:
        # Guideline 2.6 and the multi-line output of Nagios 3: data after the | of the first line,
        # and after the | of the long text.
        first, _, rest = output.replace("\0", "").lstrip().partition("\n")
        text, _, data = first.partition("|")
        long, _, more = rest.partition("|")
        self.line = " ".join(text.split())[:_MOST_LINE]
        self.long = long.strip()
        self.data = f"{data} {more}"
        self._whole = output

    def keep(self, trace: Trace) -> None:
        """Keep the output as a note and measures, and as an exhibit if it has more than a line."""
        if self.line:
            trace.note(self.line)
        if self.long:
            trace.exhibit("plugin.txt", "text/plain", self._whole.encode("utf-8", "replace"))
        for datum in data_in(self.data):
            if datum.value is not None:
                # A plugin names its data itself.
                trace.measure(masking.current().text(datum.name), datum.value)


def _ended(status: int, said: Said, trace: Trace) -> None:
    """Exit status 0 to 3, or nothing is known."""
    text = said.line or "the plugin said nothing"
    # The return codes of the guidelines: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. Some plugins leave
    # with 255 or a signal when they break: that is no verdict.
    if status == 1:
        trace.warning(text)
    elif status == 2:
        raise Failed("critical", text)
    elif status == 3:
        raise CannotTell(f"the plugin cannot tell: {text}")
    elif status < 0:
        raise CannotTell(f"the plugin was ended by signal {-status} ({_signal(-status)}): {text}")
    elif status:
        raise CannotTell(
            f"the plugin left with status {status}, which is none of a plugin's: {text}"
        )


def _signal(number: int) -> str:
    return (
        signal.Signals(number).name if number in {int(one) for one in signal.Signals} else "unknown"
    )
