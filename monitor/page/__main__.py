"""The page's process: takes its job from standard input, listens, and ends with the daemon.

{"listening": "http://127.0.0.1:8322"}    it does
{"fault": "…"}                            it cannot, and why
{"log": "…", "level": "warning"}          for the daemon's log
"""

from __future__ import annotations

import asyncio
import signal
import ssl
import sys
from dataclasses import replace
from pathlib import Path

from aiohttp import web

from checks.process.child import Tell, step_back, telling
from checks.transport.tls import serving
from monitor.config import ConfigurationFaults, load_sound_sites
from monitor.page.several import applications
from monitor.page.site import Site
from monitor.service.page_process import Job

# Who reads slowly keeps a connection; who says nothing for this long has gone.
_KEEPALIVE_SECONDS = 30.0


def main() -> int:
    """Serve until SIGTERM. The exit code: 1 where it cannot listen."""
    # Whoever telephones goes first.
    step_back(5)
    job, tell = Job.decoded(sys.stdin.buffer.read()), telling()
    try:
        asyncio.run(_serve(job, tell))
    except (ConfigurationFaults, OSError, ssl.SSLError, ValueError) as barred:
        tell(fault=str(barred))
        return 1
    return 0


async def _serve(job: Job, tell: Tell) -> None:
    # What the daemon goes by is read anew with each reload; a slip in it since is no page's end.
    found, _ = load_sound_sites(job.file)
    # A page that leaves a site out would say that all is well.
    missing = set(job.watched) - {one.site.name for one in found}
    if missing and len(job.watched) > 1:
        raise ValueError(f"nothing can be used of {', '.join(sorted(missing))} in {job.file}")
    state = Path(job.state)
    sites = [Site(replace(one, state=state), job, tell) for one in found]
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    runner = web.AppRunner(
        applications(sites),
        access_log=None,
        keepalive_timeout=_KEEPALIVE_SECONDS,
        shutdown_timeout=1.0,
    )
    await runner.setup()
    try:
        host, port = job.listen
        secured = _tls(job)
        site = web.TCPSite(runner, host, port, ssl_context=secured)
        await site.start()
        bound = runner.addresses[0]
        shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        tell(listening=f"{'https' if secured else 'http'}://{shown}:{bound[1]}")
        await ended.wait()
    finally:
        await runner.cleanup()


def _tls(job: Job) -> ssl.SSLContext | None:
    if not job.certificate:
        return None
    return serving(Path(job.certificate), Path(job.key) if job.key else None)


if __name__ == "__main__":
    sys.exit(main())
