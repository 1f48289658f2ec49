"""A check that asks an Asterisk by its manager interface (AMI): it logs in, asks, and logs off.

Every AMI check inherits from it, and adds the questions.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import ClassVar, Self

from pydantic import Field, model_validator

from checks.contract import CannotTell, Check, Failed, Layer, Trace
from checks.settings import Duration, ReadableFile, Secret
from checks.telephony.asterisk.ami import Interface, connected
from checks.telephony.sip.target import Target
from checks.transport.clear_text import MEANT, ClearText, is_here
from checks.transport.faults import far_faults
from checks.transport.host_port import HostPort
from checks.transport.tls import trusting


class AsteriskCheck(ClearText, Check):
    """How the manager interface is reached; `asked` is what a kind of its own asks there."""

    # A manager interface that does not answer says nothing of lines, agents or calls: it is an
    # application of its own, and never the cause of a failed call.
    STAGE_LAYERS: ClassVar[Mapping[str, Layer]] = dict.fromkeys(
        ("connect", "login"), Layer.APPLICATION
    )

    host: HostPort
    """host or host:port of the manager interface (port 5038, over TLS 5039)"""
    user: str
    """the manager user (manager.conf; read classes system, reporting, call)"""
    password: Secret
    """its secret, by reference"""
    tls: bool = False
    """whether the manager interface speaks TLS"""
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities to trust on TLS; without it the system's"""
    within: Duration = Field(default=10.0, gt=0)
    """time limit for the whole attempt"""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not Target(self.host).sane:
            raise ValueError(f"{self.host!r} is not a host or host:port")
        if self.trusted_certificates and not self.tls:
            raise ValueError("trusted_certificates serve TLS only; write tls = true")
        return self

    def clear_text(self) -> str | None:
        """The manager's secret, without TLS to another host."""
        if self.tls or is_here(self.host):
            return None
        return (
            "the manager's secret goes over the network in the clear; write tls = true (manager"
            f".conf: tlsenable = yes, port 5039), {MEANT}"
        )

    @abstractmethod
    async def asked(self, manager: Interface, trace: Trace) -> None:
        """Ask the logged-in manager, measure and judge. Raises Failed, CannotTell."""

    def measures(self) -> Mapping[str, str]:
        """The measures of the connection and of the login, in seconds."""
        return {
            "connect_seconds": "until the manager interface greets, in seconds",
            "login_seconds": "until it lets us in, in seconds",
        }

    def longest_seconds(self) -> float:
        """The time limit, and 2 s for closing the connection, in seconds."""
        return self.within + 2.0

    async def probe(self, trace: Trace) -> None:
        """Connect, log in, ask once, and log off. Raises Failed, CannotTell."""
        try:
            async with AsyncExitStack() as stack:
                # One time limit holds for all stages: a PBX that answers each request just in time
                # is still too slow for whoever waits. What it says to the farewell is none of them.
                async with asyncio.timeout(self.within):
                    with trace.stage("connect"), far_faults():
                        manager = await stack.enter_async_context(self._connected())
                    with trace.stage("login"), far_faults():
                        await manager.log_in(self.user, self._secret())
                    trace.note(f"AMI {manager.version}")
                    await self.asked(manager, trace)
                with far_faults():
                    await manager.log_off()
        except TimeoutError:
            raise Failed("timeout", f"the AMI did not tell all within {self.within:g} s") from None

    def _connected(self) -> AbstractAsyncContextManager[Interface]:
        host, port = Target(self.host).named()
        context = trusting(self.trusted_certificates) if self.tls else None
        # The ports that Asterisk's own sample of manager.conf names.
        return connected(host.strip("[]"), port or (5039 if self.tls else 5038), context)

    def _secret(self) -> str:
        try:
            return self.password.reveal()
        except LookupError as missing:
            raise CannotTell(str(missing)) from missing
