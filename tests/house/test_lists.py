"""Lists that must agree: kinds and desks with their files, templates with their uses, peers with
the tests.
"""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import PurePath

import pytest

from checks.descriptions import descriptions
from checks.kinds import kinds
from monitor.desks.list import desk_kinds
from tests.house.source import ROOT, files, modules, none

# The command that tests look for, and the Debian package that brings it.
PACKAGES = {
    "age": "age",
    "bwrap": "bubblewrap",
    "aide": "aide",
    "chronyd": "chrony",
    "clamd": "clamav-daemon",
    "dummy-ups": "nut-server",
    "clamscan": "clamav",
    "baresip": "baresip-core",
    "chkrootkit": "chkrootkit",
    "check_dummy": "monitoring-plugins-basic",
    "chromium-headless-shell": "chromium-headless-shell",
    "en_US_f_Allison": "asterisk-core-sounds-en-wav",
    "es_MX_f_Allison": "asterisk-core-sounds-es-wav",
    "debsums": "debsums",
    "dnsmasq": "dnsmasq-base",
    "gnutls-serv": "gnutls-bin",
    "dovecot": "dovecot-imapd",
    "espeak-ng": "espeak-ng",
    "faketime": "faketime",
    "fr_CA_f_June": "asterisk-core-sounds-fr-wav",
    "initdb": "postgresql",
    "kamailio": "kamailio",
    "lintian": "lintian",
    "tls.so": "kamailio-tls-modules",
    "websocket.so": "kamailio-websocket-modules",
    "rtpengine": "rtpengine-daemon",
    "turnserver": "coturn",
    "it_IT_m_Carlo": "asterisk-core-sounds-it-wav",
    "mariadb-dump": "mariadb-client",
    "mandoc": "mandoc",
    "mariadbd": "mariadb-server-core",
    "mmdebstrap": "mmdebstrap",
    "macroform-cold_day": "asterisk-moh-opsound-wav",
    "postfix": "postfix",
    "postqueue": "postfix",
    "ru_RU_f_IvrvoiceRU": "asterisk-core-sounds-ru-wav",
    "rclone": "rclone",
    "rkhunter": "rkhunter",
    "sipp": "sip-tester",
    "sox": "sox",
    "systemd-analyze": "systemd",
    "systemd-nspawn": "systemd-container",
    "tshark": "tshark",
    "nginx": "nginx-light",
    "sshd": "openssh-server",
    "xorriso": "xorriso",
    "zip": "zip",
    "zsh": "zsh",
    "zstd": "zstd",
}


def written_kinds(*folders: str) -> list[str]:
    """Every `KIND = "…"` of a class in these folders."""
    return [
        ast.literal_eval(step.value)
        for module in modules()
        if module.within(*folders)
        for node, _ in module.nodes
        if isinstance(node, ast.ClassDef)
        for step in node.body
        if isinstance(step, ast.AnnAssign)
        and ast.unparse(step.target) == "KIND"
        and step.value is not None
    ]


def test_every_kind_of_check_is_in_the_one_list() -> None:
    assert sorted(written_kinds("checks")) == sorted(kinds())


def test_every_kind_of_desk_is_in_the_one_list() -> None:
    assert sorted(written_kinds("monitor/desks")) == sorted(desk_kinds())


@pytest.mark.parametrize("kind", kinds())
def test_a_kind_is_a_word_and_its_settings_are_explained(kind: str) -> None:
    check = kinds()[kind]
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", kind)
    assert kind == check.KIND
    assert check.__doc__
    none(name for name, words in descriptions(check).items() if not words)


def test_every_template_is_used() -> None:
    """By its name, or by a part of it that a program puts in (`opened`), or by another template."""
    templates = [PurePath(path) for path in files() if path.startswith("reports/templates/")]
    told = {word for module in modules("reports", "monitor") for word in module.words()}
    included = "\n".join((ROOT / path).read_text(encoding="utf-8") for path in templates)
    parts = {part for word in told for part in re.split(r"[/.]", word)}
    unused = [
        str(path)
        for path in templates
        if path.name.split(".")[0] not in parts
        and f"/{path.name}" not in included
        and f'"{path.name}' not in included
    ]
    assert templates
    none(unused)


def test_every_prompt_and_policy_that_ships_is_named_somewhere() -> None:
    said = "\n".join(
        (ROOT / path).read_text(encoding="utf-8")
        for path in files()
        if path.endswith((".py", ".md", ".toml"))
    )
    shipped = [
        PurePath(path) for path in files() if path.startswith(("lab/prompts/", "monitor/policies/"))
    ]
    none(
        str(path) for path in shipped if path.suffix in {".wav", ".toml"} and path.stem not in said
    )


@pytest.mark.xdist_group("the house, read once")
def test_the_launcher_installs_the_peers_that_tests_meet_and_no_others() -> None:
    launcher = (ROOT / "reveille").read_text(encoding="utf-8")
    listed = re.findall(
        r"^([a-z][a-z0-9-]+) {2,}\S",
        "".join(re.findall(r"peers='\n(.*?)'\n", launcher, re.S)),
        re.M,
    )
    run = {
        word
        for module in modules("tests")
        if module.path != "tests/house/test_lists.py"
        for word in module.words()
    }
    met = {package for word, package in PACKAGES.items() if word in run}
    # A library of the browser's driver: no test names it.
    assert sorted(listed) == sorted(met | {"libatomic1"})


@pytest.mark.xdist_group("the house, read once")
def test_what_a_test_looks_for_has_its_package_here() -> None:
    own = {"apt-get", "git", "bash", "chrt", "sh", "nsenter", "setpriv"}
    sought = {
        word.args[0].value
        for module in modules("tests")
        for word, _ in module.nodes
        if isinstance(word, ast.Call)
        and ast.unparse(word.func).endswith("which")
        and isinstance(word.args[0], ast.Constant)
    }
    assert {name for name in sought if name not in own} <= set(PACKAGES)


def test_the_launcher_is_plain_shell() -> None:
    for script, shell in (("reveille", "dash"), (".ci/run", "bash")):
        assert (ROOT / script).stat().st_mode & 0o111
        assert (
            subprocess.run([shell, "-n", script], cwd=ROOT, check=False, capture_output=True).stderr
            == b""
        )
