"""From the program that is installed to the one that runs this, and back when that is not ready in
its time.

    check      the new program reads the configuration, and migrates a copy of the ledger
    keep       units, drop-ins, links and the ledger, in a folder of their own
    change     stop, lay down the new program, start: the daemon migrates, and says READY=1
    go back    stop, everything that was kept in its place, start

Until "change" the service runs on as it did. A ledger that the new program has brought to another
form is put aside and not deleted: an older program cannot read it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.config import Configuration
from monitor.installing import plan, service
from monitor.installing.layout import ALL_DROP_INS, KEPT, UNIT, UNITS, Program
from monitor.installing.steps import Step, left
from monitor.ledger.copying import copied, form, rehearsed
from monitor.service import unit_access

# A ledger can be large: the last ways back are kept, not all.
_KEPT_UPGRADES = 3
Say = Callable[[str], None]


class NotUpgraded(Exception):
    """It could not be done; the service is as it was, unless the text says otherwise."""


@dataclass(frozen=True, slots=True)
class Before:
    """What was in force, in a folder of its own."""

    folder: Path
    ledger: Path
    links: dict[Path, Path]
    packaged: tuple[tuple[Path, Path], ...] = ()
    """what dpkg has replaced: where it is kept, and where it belongs"""

    @property
    def copy(self) -> Path:
        """The ledger as it was."""
        return self.folder / "ledger.sqlite"


def upgrade(
    program: Program, configuration: Configuration, moment: str, within: float, say: Say
) -> None:
    """Raises NotUpgraded, LedgerFault, OSError, ProgramFault."""
    old = installed_command()
    if old == program.command:
        raise NotUpgraded(
            f"{old} is what runs already: unpack the new one in another folder, and type this with"
            " its own launcher"
        )
    say(f"from {old.parents[2]} to {program.folder}")
    before = kept(program, configuration, moment)
    say(f"kept: {before.folder}")
    change(before, program, configuration, within, say)


def change(
    before: Before, program: Program, configuration: Configuration, within: float, say: Say
) -> None:
    """Put a program into force whose forerunner is kept. Raises NotUpgraded: that one runs again;
    LedgerFault: nothing was changed.
    """
    _rehearse(before, say)
    service.stop()
    # Once more, and now nobody writes: what was seen meanwhile is in it.
    _copy_ledger(before)
    wanted = plan.steps(program, configuration)
    wrong = _changed(wanted, within)
    if not wrong:
        _forget_older()
        return
    say(f"the new one is not ready: {wrong}")
    for line in service.last_words():
        say(f"  {line}")
    go_back(before, within, say)
    old = program.folder if before.packaged else installed_command().parents[2]
    raise NotUpgraded(f"{program.folder} does not run here ({wrong}); {old} runs again, as before")


def _forget_older() -> None:
    for folder in sorted(KEPT.glob("upgrade-*"))[:-_KEPT_UPGRADES]:
        shutil.rmtree(folder)


def installed_command() -> Path:
    """What the installed unit starts. Raises NotUpgraded."""
    unit = unit_access.unit()
    words = unit.last("ExecStart").split() if unit else []
    if not words:
        raise NotUpgraded("no service is installed on this host: `reveille install` does that")
    return Path(words[0])


def go_back(before: Before, within: float, say: Say) -> None:
    """Everything that was kept in its place, and started. Raises NotUpgraded when even that does
    not become ready.
    """
    service.stop()
    _put_back(before)
    if before.copy.exists() and form(before.ledger) != form(before.copy):
        aside = before.folder / "ledger-of-the-new-one.sqlite"
        say(f"the ledger is again as it was; what the new one made of it: {aside}")
        _change_places(before, aside)
    service.reread()
    if wrong := service.start(within):
        raise NotUpgraded(
            f"nor does the old one become ready: {wrong}; journalctl -u {UNIT} says why, and what"
            f" was in force lies in {before.folder}"
        )


def kept(program: Program, configuration: Configuration, moment: str) -> Before:
    """All that is in force now, but for what dpkg has laid down. Raises LedgerFault, OSError."""
    folder = KEPT / f"upgrade-{moment}"
    folder.mkdir(mode=0o700, parents=True)
    units = folder / "units"
    units.mkdir()
    for path in (*plan.ours(UNITS), *_unmarked()):
        shutil.copy2(path, units / path.name)
    for drop_ins in ALL_DROP_INS:
        if drop_ins.is_dir():
            shutil.copytree(drop_ins, units / drop_ins.name)
    links = {path: path.readlink() for path in program.links() if path.is_symlink()}
    # A server's ledger is saved and put back there: no copy of it is made here.
    place = configuration.ledger_place
    ledger = place if isinstance(place, Path) else folder / "ledger-on-a-server"
    before = Before(folder, ledger, links)
    _copy_ledger(before)
    return before


def _unmarked() -> list[Path]:
    """The unit of who installed it by hand."""
    unit = UNITS / UNIT
    return [unit] if unit.is_file() and unit not in plan.ours(UNITS) else []


def _copy_ledger(before: Before) -> None:
    if before.ledger.exists():
        before.copy.unlink(missing_ok=True)
        copied(before.ledger, before.copy)


def _rehearse(before: Before, say: Say) -> None:
    """A migration that fails fails here, while the old one runs."""
    if not before.copy.exists():
        return
    rehearsal = before.folder / "rehearsal.sqlite"
    shutil.copy2(before.copy, rehearsal)
    old, new = form(before.copy), rehearsed(rehearsal)
    for path in before.folder.glob("rehearsal.sqlite*"):
        path.unlink()
    say(f"the ledger's form: {old}" if old == new else f"the ledger's form: {old} becomes {new}")


def _changed(wanted: Sequence[Step], within: float) -> str:
    for step in left(wanted):
        step.take()
    service.reread()
    return service.start(within)


def _put_back(before: Before) -> None:
    units = before.folder / "units"
    for path in plan.ours(UNITS):
        path.unlink()
    for path in units.glob("*"):
        if path.is_file():
            shutil.copy2(path, UNITS / path.name)
    for drop_ins in ALL_DROP_INS:
        shutil.rmtree(drop_ins, ignore_errors=True)
        if (units / drop_ins.name).is_dir():
            shutil.copytree(units / drop_ins.name, drop_ins)
    for path, target in before.links.items():
        path.unlink(missing_ok=True)
        path.symlink_to(target)
    for there, place in before.packaged:
        _put_in_place(there, place)


def _put_in_place(kept: Path, place: Path) -> None:
    """A folder or file as it was: the other one goes once this one is whole."""
    aside = place.with_name(f"{place.name}.not-ready")
    if place.exists():
        place.rename(aside)
    shutil.move(kept, place)
    if aside.is_dir():
        shutil.rmtree(aside)
    else:
        aside.unlink(missing_ok=True)


def _change_places(before: Before, aside: Path) -> None:
    """The ledger as it was, with the owner that the service needs."""
    owner = before.ledger.stat()
    copied(before.ledger, aside)
    for path in before.ledger.parent.glob(f"{before.ledger.name}*"):
        path.unlink()
    shutil.copyfile(before.copy, before.ledger)
    os.chown(before.ledger, owner.st_uid, owner.st_gid)
    before.ledger.chmod(0o600)
