"""Disks that fill up, that are full, that nobody may write to, that fail: real file systems, where
root mounts one.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from checks.host.collectors.collector import Look
from checks.host.collectors.disks import arrays_in, devices_in, judge_disk, raid
from checks.host.collectors.mounts import View, mounts_in, reached_in
from checks.host.disks import HostDisks
from tests.loopback.host_look import Facts, Watch, fault, in_a_sandbox, of, severities, tells

DAY = 86400.0
TWO_ARRAYS = """\
Personalities : [raid1] [raid6] [raid5] [raid4]
md1 : active raid1 sdb2[1](F) sda2[0]
      975585600 blocks super 1.2 [2/1] [U_]
      bitmap: 2/8 pages [8KB], 65536KB chunk

md0 : active raid5 sdc1[2] sdb1[1] sda1[0]
      1951170560 blocks level 5, 512k chunk, algorithm 2 [3/3] [UUU]
      [==>..................]  check = 12.6% (122944/975585600) finish=70.1min speed=200K/sec

unused devices: <none>
"""


def a_look(**settings: object) -> tuple[Look, list[dict[str, object]]]:
    """A look whose words are kept."""
    said: list[dict[str, object]] = []
    job = {
        "settings": settings,
        "recalled": {},
        "accepted": {},
        "now": 1e9,
        "seconds": 60,
        "monitor": os.getpid(),
    }
    return Look(job, lambda **facts: said.append(facts)), said


@contextmanager
def small_disk(where: Path, options: str = "size=2M,nr_inodes=64") -> Iterator[Path]:
    where.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", where], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no mount here: {done.stderr.decode()}")
    try:
        yield where
    finally:
        subprocess.run(["umount", where], check=True)


def remount_read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)


def watch(folder: Path, mount: Path, **settings: object) -> Watch:
    return Watch(folder, HostDisks(mounts=(str(mount),), smart=False, **settings))


async def test_a_full_disk_is_a_critical_ticket(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        host = watch(tmp_path, disk)
        assert (await host.look()).fault is None
        (disk / "log").write_bytes(bytes(2_000_000))
        seen = await host.look()
    stage, code, text = fault(seen)
    assert (stage, code) == ("fill", "disk-full")
    assert str(disk) in text
    assert seen.measures["most_used_percent"] > 95
    expected = {"xop": "critical", "ozonetel": "P1"}
    assert severities("host-disks", seen).items() <= expected.items()


async def test_a_disk_without_inodes_is_full_too(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        for number in range(62):
            (disk / str(number)).touch()
        seen = await watch(tmp_path, disk).look()
    assert fault(seen)[:2] == ("fill", "inodes-full")


async def test_a_disk_that_became_read_only_is_seen(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        remount_read_only(disk)
        seen = await watch(tmp_path, disk).look()
    assert fault(seen)[:2] == ("fill", "read-only")


async def test_a_disk_that_is_not_mounted_is_seen(tmp_path: Path) -> None:
    assert fault(await watch(tmp_path, tmp_path / "nothing").look())[:2] == ("fill", "not-mounted")


async def test_when_a_disk_will_be_full_comes_from_many_looks_and_survives_a_night_s_scratch_file(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", "size=100M") as disk:
        host = watch(tmp_path, disk)
        for day in range(8):
            (disk / "records").write_bytes(bytes(10_000_000 + 8_000_000 * day))
            scratch = bytes(20_000_000 if day == 3 else 0)
            (disk / "scratch").write_bytes(scratch)
            seen = await host.look(at=1_700_000_000 + day * DAY)
        assert 2 < seen.measures["least_days_until_full"] < 6
        assert seen.fault is None
        assert tells(seen, "will be full in")
        (disk / "records").write_bytes(bytes(92_000_000))
        soon = await host.look(at=1_700_000_000 + 8 * DAY)
    assert fault(soon)[:2] == ("fill", "filling")


async def test_a_disk_that_shrinks_or_rests_is_never_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=100M") as disk:
        host = watch(tmp_path, disk)
        for day in range(6):
            (disk / "records").write_bytes(bytes(30_000_000 - 1_000_000 * day))
            seen = await host.look(at=1_700_000_000 + day * DAY)
    assert "least_days_until_full" not in seen.measures


async def test_this_host_s_own_disks_are_looked_at(tmp_path: Path) -> None:
    seen = await Watch(tmp_path, HostDisks(most_used_percent=100, warn_used_percent=100)).look()
    assert seen.blind is None
    assert tells(seen, "/: ", "% of bytes")
    assert tells(seen, "not looked at: raid") or "arrays" in seen.measures


def test_a_raid_with_a_failed_disk_is_degraded_and_a_check_is_not(tmp_path: Path) -> None:
    arrays = list(arrays_in(TWO_ARRAYS))
    assert arrays == [
        ("md1", "active, 1 of 2 disks, failed: sdb2", False),
        ("md0", "active, 3 of 3 disks, check at 12.6%", True),
    ]
    at, said = a_look()
    mdstat = tmp_path / "mdstat"
    mdstat.write_text(TWO_ARRAYS)
    raid(at, mdstat)
    assert [event["fault"] for event in said if "fault" in event] == ["raid-degraded"]


def test_the_container_of_a_makers_arrays_is_never_active_and_no_fault() -> None:
    """mdadm(8), imsm; an inactive array of its own is one."""
    arrays = list(arrays_in(
        "Personalities : [raid1]\n"
        "md126 : active raid1 sda[1] sdb[0]\n"
        "      976759808 blocks super external:/md127/0 [2/2] [UU]\n\n"
        "md127 : inactive sdb[1](S) sda[0](S)\n"
        "      5288 blocks super external:imsm\n\n"
        "md5 : inactive sdc[1](S)\n"
        "      976631512 blocks super 1.2\n\n"
        "unused devices: <none>\n"
    ))  # fmt: skip
    assert [(name, whole) for name, _, whole in arrays] == [
        ("md126", True),
        ("md127", True),
        ("md5", False),
    ]


def test_disks_behind_a_raid_controller_are_asked_one_by_one() -> None:
    """As smartctl 7.3 --scan --json lists them."""
    scanned = {
        "devices": [
            {"name": "/dev/sda", "info_name": "/dev/sda", "type": "scsi", "protocol": "SCSI"},
            {"name": "/dev/nvme0", "type": "nvme", "protocol": "NVMe"},
            {"name": "/dev/bus/0", "info_name": "/dev/bus/0 [megaraid_disk_04]",
             "type": "megaraid,4", "protocol": "SCSI"},
            {"name": "/dev/bus/0", "type": "sat+megaraid,5", "protocol": "ATA"},
        ]
    }  # fmt: skip
    assert list(devices_in(scanned)) == [
        ("/dev/sda", ["--", "/dev/sda"]),
        ("/dev/nvme0", ["--", "/dev/nvme0"]),
        ("/dev/bus/0 [megaraid,4]", ["--device=megaraid,4", "--", "/dev/bus/0"]),
        ("/dev/bus/0 [sat+megaraid,5]", ["--device=sat+megaraid,5", "--", "/dev/bus/0"]),
    ]


def test_what_disks_say_of_themselves() -> None:
    at, said = a_look()
    dying = {"model_name": "Disk A", "smart_status": {"passed": False}}
    assert judge_disk(at, "/dev/sda", dying, {}) == {"passed": 0}
    worn = {
        "model_name": "Disk B",
        "smart_status": {"passed": True},
        "ata_smart_attributes": {
            "table": [{"id": 5, "raw": {"value": 12}}, {"id": 9, "raw": {"value": 99}}]
        },
    }
    counters = judge_disk(at, "/dev/sdb", worn, {"reallocated sectors": 8})
    assert counters == {"reallocated sectors": 12}
    judge_disk(at, "/dev/sdb", worn, counters)  # nothing new
    flash = {
        "smart_status": {"passed": True},
        "nvme_smart_health_information_log": {
            "critical_warning": 4,
            "percentage_used": 101,
            "media_errors": 0,
        },
    }
    judge_disk(at, "/dev/nvme0", flash, {})
    faults = [str(event["text"]) for event in said if "fault" in event]
    warnings = [str(event["warning"]) for event in said if "warning" in event]
    assert [text.split()[0] for text in faults] == ["/dev/sda", "/dev/nvme0"]
    assert warnings == [
        "/dev/sdb (Disk B): 12 reallocated sectors, 8 before",
        "/dev/nvme0 (unknown model): 101 % of its life are used",
    ]


SANDBOX = 'mount --make-rprivate / && mount -o remount,bind,ro "$1" && shift && exec "$@"'
"""what ProtectSystem=strict does: the mount point is read-only here, the file system is not"""
INVISIBLE = "mount -t proc -o hidepid=invisible proc /proc && exec setpriv --bounding-set=-all "
CAGED = ("sh", "-ec", INVISIBLE + '--inh-caps=-all --regid=65534 --clear-groups "$@"', "sh")
"""what ProtectProc=invisible does: without CAP_SYS_PTRACE process 1 is not to be seen"""


def looked_in_a_sandbox(
    cage: Path, *inside: str, script: str = SANDBOX, **settings: object
) -> Facts:
    """What the look says whose mounts are private and changed."""
    check = HostDisks(smart=False, **settings)
    return in_a_sandbox(check, script, str(cage), *inside)


@pytest.mark.parametrize("inside", [(), CAGED], ids=["sees-the-host", "sees-its-cage"])
def test_the_sandbox_s_read_only_mounts_are_no_fault_of_the_host(inside: tuple[str, ...]) -> None:
    said = looked_in_a_sandbox(Path("/"), *inside)
    assert of(said, "fault") == ""
    assert "/: " in of(said, "note")
    assert ("the host's own mounts, which are hidden" in of(said, "note")) == bool(inside)


def test_in_the_cage_too_a_device_that_takes_no_writes_is_a_fault(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        remount_read_only(disk)
        said = looked_in_a_sandbox(Path("/"), *CAGED, mounts=(str(disk),))
    assert of(said, "fault") == f"{disk} is mounted read-only"


HIDE = 'mount --make-rprivate / && mount -t tmpfs -o size=4k,ro none "$1" && shift && exec "$@"'
"""what ProtectHome=yes does"""


@pytest.mark.parametrize("inside", [(), CAGED], ids=["sees-the-host", "sees-its-cage"])
def test_a_disk_that_the_sandbox_hides_is_not_looked_at_and_its_cover_is_not_taken_for_it(
    tmp_path: Path, inside: tuple[str, ...]
) -> None:
    with small_disk(tmp_path / "home") as disk:
        (disk / "mail").write_bytes(bytes(2_000_000))
        said = looked_in_a_sandbox(tmp_path, *inside, script=HIDE, mounts=(str(disk),))
    hidden = f"not looked at: {disk}: the service's sandbox" in of(said, "warning")
    seen = f"{disk}: 9" in of(said, "note")
    assert hidden != seen
    assert ("% of its bytes are used" in of(said, "fault")) == seen


def test_a_covered_disk_is_looked_at_where_else_it_is_mounted(tmp_path: Path) -> None:
    """PrivateTmp= binds a folder of /tmp upon /tmp."""
    bind = 'mount --make-rprivate / && mount --bind "$1/in" "$1" && shift && exec "$@"'
    with small_disk(tmp_path / "tmp") as disk:
        (disk / "in").mkdir()
        said = looked_in_a_sandbox(disk, *CAGED, script=bind, mounts=(str(disk),))
    assert of(said, "fault", "warning") == ""
    assert f"{disk}: 0.0 % of bytes" in of(said, "note")


def test_a_folder_that_the_unit_binds_upon_itself_is_no_mounted_disk(tmp_path: Path) -> None:
    bind = 'mount --make-rprivate / && mount --bind "$1" "$1" && shift && exec "$@"'
    said = looked_in_a_sandbox(tmp_path, *CAGED, script=bind, mounts=(str(tmp_path),))
    assert of(said, "fault") == f"nothing is mounted at {tmp_path}"


def test_each_device_is_looked_at_once_at_its_whole_and_shortest_mount() -> None:
    lines = (
        "27 1 254:0 / / ro,relatime shared:1 - ext4 /dev/vda rw",
        "30 27 8:1 /srv /srv rw - xfs /dev/sda1 ro",
        "31 27 8:1 / /mnt/all\\040of\\040it rw shared:9 master:2 - xfs /dev/sda1 ro",
        "32 27 0:30 / /proc rw - proc proc rw",
        "33 27 8:2 / /home rw - ext4 /dev/sda2 rw",
        "34 33 0:41 / /home ro - tmpfs tmpfs ro",
        "35 27 8:3 / /var/a rw - ext4 /dev/sda3 rw",
        "36 27 0:42 / /var rw - tmpfs tmpfs rw",
        "37 27 8:2 /keep /keep rw - ext4 /dev/sda2 rw",
        "half a line",
    )
    mounts = tuple(mounts_in("\n".join(lines)))
    seen = View(mounts, mounts, True)
    disks = [(one.point, one.read_only) for one in seen.disks()]
    assert disks == [
        ("/", False),
        ("/keep", False),
        ("/mnt/all of it", True),
        ("/var/a", False),
    ]
    assert {one.point for one in mounts if one.number not in reached_in(mounts)} == {
        "/home",
        "/var/a",
    }
