"""Who may come in: accounts, their rights, their keys."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from checks.host.collectors.collector import Look, NotLooked
from checks.host.collectors.delta import Codes, Delta
from checks.host.collectors.tree_walk import opened

# Groups whose members can become root: by sudo or su, by a container or a virtual machine with the
# host's disk in it, by reading the disk or the passwords themselves.
_MIGHTY = {"root", "sudo", "wheel", "admin", "adm", "docker", "lxd", "libvirt", "disk", "shadow"}
_NO_SHELL = {"", "/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false", "/bin/sync"}
# A service for all the keys of a large company; what is more is there to be in our way.
_MOST_KEYS = 64 << 20
# Debian Policy 9.2.2, and UID_MIN of login.defs(5): below are system accounts.
_FIRST_OF_PEOPLE = 1000
# sshd(8), AUTHORIZED_KEYS FILE FORMAT: options may come before the type of the key, and a comment
# after it. Every key begins with the length of its type's name, which base64 writes as AAAA.
_KEY = re.compile(r"(?<!\S)(?:ssh-|ecdsa-|sk-)\S+ (AAAA[0-9A-Za-z+/=]++)(?: |$)")


def accounts(at: Look, delta: Delta) -> None:
    """Accounts, passwords (only whether there is one), mighty groups, sudo."""
    root = Path(at.settings["root"])
    passwords = _passwords(at, root)
    found = {}
    for name, _, uid, gid, _, home, shell in _rows(root / "etc/passwd", 7):
        state = passwords.get(name, "unknown")
        found[name] = f"uid {uid} gid {gid} {home} {shell or '-'} password {state}"
        if uid == "0" and name != "root":
            delta.found("root-account", f"{name} has the uid 0: it is root by another name")
        if state == "empty" and shell not in _NO_SHELL:
            delta.found("empty-password", f"{name} comes in without a password")
    delta.compare(
        "accounts",
        found,
        Codes("new-account", "changed-account", "changed-account"),
        lambda name, before: _of_a_package(delta, root, name, found.get(name), before),
        "account",
    )
    delta.compare("rights", _rights(root), Codes("new-privilege", "new-privilege"), None, "right")


def keys(at: Look, delta: Delta) -> None:
    """Compare the public keys that open an account with the accepted ones."""
    root = Path(at.settings["root"])
    found = {}
    for name, home, file in _key_files(root):
        for line in _of_a_user(at, file):
            if key := _KEY.search(line):
                # The pad is added, since a line may have lost it.
                try:
                    mark = _mark(base64.b64decode(key[1] + "=="))
                # So does sshd: one user's own line must not end the look at all others.
                except binascii.Error:
                    at.note(f"{home}: a line of the keys of {name} is cut off, and opens nothing")
                    continue
                found[f"{name} SHA256:{mark}"] = line[key.end() :].strip()
        if file.is_symlink():
            at.note(f"{home}: the keys of {name} are a link")
    delta.compare("keys", found, Codes("new-key"), None, "key")


def _mark(key: bytes) -> str:
    """A key's fingerprint as `ssh-keygen -l` shows it, so that a person can compare."""
    return base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def _passwords(at: Look, root: Path) -> dict[str, str]:
    """Whether each account has a password; never the password's own hash."""
    try:
        rows = list(_rows(root / "etc/shadow", 3))
    except PermissionError:
        at.warning(
            "not looked at: etc/shadow may not be read by this user, so passwords are unknown"
        )
        return {}
    states = {}
    for name, word, changed, *_ in rows:
        # shadow(5): an empty field needs no password; ! and * fit none, so the account is locked.
        kind = "empty" if not word else "locked" if word[0] in "!*" else "set"
        # The day of the last change, and not the hash: a change is seen, and no copy of the hash
        # lies in the ledger.
        states[name] = f"{kind} on day {changed}" if kind == "set" else kind
    return states


def _rights(root: Path) -> dict[str, str]:
    """Members of mighty groups, and every line of sudo's."""
    rights: dict[str, str] = {}
    for group, _, _, members in _rows(root / "etc/group", 4):
        if group in _MIGHTY:
            rights |= {
                f"{member} in group {group}": "" for member in filter(None, members.split(","))
            }
    sudo = root / "etc/sudoers.d"
    for file in (root / "etc/sudoers", *(sorted(sudo.iterdir()) if sudo.is_dir() else ())):
        for line in _lines(file):
            if not re.match(r"\s*(#|Defaults|@include|$)", line):
                rights[f"sudo: {' '.join(line.split())}"] = ""
    return rights


def _of_a_package(
    delta: Delta, root: Path, name: str, now: str | None, before: object
) -> str | None:
    """A system account without a shell that an installed package's own script makes is the
    package's.
    """
    if now is None or before is not None:
        return None
    _, uid, _, _, _, shell, *_ = now.split()
    if int(uid) >= _FIRST_OF_PEOPLE or shell not in _NO_SHELL:
        return None
    word = re.compile(rf"\b{re.escape(name)}\b")
    for package, version in delta.packages.versions.items():
        script = root / f"var/lib/dpkg/info/{package}.postinst"
        new = (delta.packages.accepted or {}).get(
            package
        ) != version and package in delta.packages.logged
        if (
            new
            and script.is_file()
            and word.search(script.read_text(encoding="utf-8", errors="replace"))
        ):
            return f"package {package} {version} makes it"
    return None


def _key_files(root: Path) -> Iterator[tuple[str, str, Path]]:
    """Files of keys: of which account, of which home."""
    places = _places_of_keys(root)
    seen = set()
    for name, _, _, _, _, home, _ in _rows(root / "etc/passwd", 7):
        for place in places:
            # The tokens of AuthorizedKeysFile (sshd_config(5)).
            path = place.replace("%%", "%").replace("%h", home).replace("%u", name)
            file = root / (path if path.startswith("/") else f"{home}/{path}").lstrip("/")
            if (name, file) not in seen and file.is_file():
                seen.add((name, file))
                yield name, home, file


def _places_of_keys(root: Path) -> list[str]:
    """The places where sshd looks for keys, by its configuration."""
    # Both are looked at even where sshd is told of another place: its configuration may be changed
    # back.
    usual = [".ssh/authorized_keys", ".ssh/authorized_keys2"]
    more = sorted((root / "etc/ssh/sshd_config.d").glob("*.conf"))
    written = [line for file in (*more, root / "etc/ssh/sshd_config") for line in _lines(file)]
    found = [
        line.split()[1:] for line in written if re.match(r"\s*AuthorizedKeysFile\s", line, re.I)
    ]
    return usual + [
        place for places in found for place in places if place != "none" and place not in usual
    ]


def _rows(file: Path, fields: int) -> Iterator[list[str]]:
    if not file.is_file():
        raise NotLooked(f"there is no {file}")
    for line in _lines(file):
        parts = line.split(":")
        if len(parts) >= fields:
            yield parts if fields == 3 else parts[:fields]


def _of_a_user(at: Look, file: Path) -> list[str]:
    """Lines of a file that its user makes as large as he likes."""
    try:
        with opened(file, links=True) as keys:
            text = keys.read(_MOST_KEYS)
            if keys.read(1):
                at.warning(f"not read to its end: {file} has more than {_MOST_KEYS >> 20} MiB")
    # Gone meanwhile, or exchanged for a socket.
    except OSError as problem:
        at.warning(f"not looked at: {file}: {problem.strerror}")
        return []
    return text.decode("utf-8", "replace").splitlines()


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except (FileNotFoundError, IsADirectoryError):
        return []
