"""What a user without rights tries on the host, as a program that he runs, and what stops each."""

from __future__ import annotations

NO = r"Permission denied|Operation not permitted|No such file"
STOPPED = {
    "credentials by their paths": rf"^({NO})$",
    "the daemon in /proc": rf"^({NO})$",
    "the environment of what others run": r"^(Permission denied|)$",
    "ptrace": "Operation not permitted",
    "another's memory": "Operation not permitted",
    "another's descriptor": "Operation not permitted",
    "signals": "Operation not permitted",
    "ledger, evidence, backups": rf"^({NO})$",
    "files to write": r"^(/run/reveille/control.socket)?$",
    "hard links to what he may not read": "Operation not permitted",
    "the journal": "^$",
    "acting as an operator": "mallory may not act here",
    "posing as root behind sudo": "refused",
    "a line without an end": "refused",
    "descriptors by the control socket": "refused",
    "stopping it": "authentication required",
    "settings of the unit": "authentication required",
    "a unit with the secret": "authentication required",
    "secrets out of the unit": r"unprintable|^$",
    "sudo": "password is required|not allowed",
    "the socket of looks": "Permission denied",
    "the socket of plugins": "Permission denied",
    "the socket of drills": "Permission denied",
    "a unit of his own of that name": "Permission denied",
    "knocking for ever": r"^\d+ times$",
    "folders in /tmp": r"^(0o700 ?)*$",
    "arguments of processes": "reveille run",
    "core files": "^$",
}
"""the try -> what it says where it was stopped"""
TRIES = r'''
import ctypes, glob, json, os, re, socket, subprocess, sys, time
SAID, LIBC = {}, ctypes.CDLL(None, use_errno=True)
def tries(name):
    return lambda what: SAID.__setitem__(name, what)
def told(*command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.stdout + done.stderr
def opened(*paths):
    said = set()
    for path in (found for path in paths for found in glob.glob(path) or [path]):
        try:
            with open(path, "rb") as file:
                said.add(path + ": " + repr(file.read(400)))
        except OSError as problem:
            said.add(problem.strerror)
    return said.pop() if len(said) == 1 else "\n".join(sorted(said))
def called(*words):
    return f"{LIBC.syscall(*words)} {os.strerror(ctypes.get_errno())}"
def spoken(path, data, descriptors=()):
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(15)
        try:
            line.connect(path)
            socket.send_fds(line, [data], descriptors) if descriptors else line.sendall(data)
            said = b""
            while b"refused" not in said and (more := line.recv(65536)):
                said += more
            return said.decode("utf-8", "replace")
        except OSError as problem:
            return problem.strerror or repr(problem)
daemon = int(told("systemctl", "show", "-P", "MainPID", "reveille"))
CONTROL = "/run/reveille/control.socket"
LOOK = {"look": "virus", "heavy": True, "settings": {}, "recalled": {}, "accepted": {},
        "now": 1, "seconds": 5, "monitor": 1}
RUN = {"command": ["/usr/bin/id"], "environment": {}, "line": "", "user": "reveille-plugins"}
SOCKETS = {"looks": "hostlooks", "plugins": "plugins", "drills": "drill"}

tries("credentials by their paths")("\n".join(opened(path) for path in (
    "/etc/reveille/credentials/portal", "/run/credentials/reveille.service/portal",
    "/etc/reveille/credentials")).replace("\n", " ").split("  ")[0].replace(
    "Permission denied Permission denied Permission denied", "Permission denied"))
tries("the daemon in /proc")(opened(*(f"/proc/{daemon}/{name}" for name in (
    "environ", "mem", "maps", "auxv", "fd/0", "fd/3", "fdinfo/3", "stack", "cwd/x",
    "root/run/credentials/reveille.service/portal"))))
others = [one for one in glob.glob("/proc/[0-9]*") if os.stat(one).st_uid != os.getuid()]
tries("the environment of what others run")(opened(*(one + "/environ" for one in others)))
tries("ptrace")(called(101, 16, daemon, 0, 0))
class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
own = ctypes.create_string_buffer(16)
here, there = Part(ctypes.addressof(own), 16), Part(0x400000, 16)
taken = LIBC.process_vm_readv(daemon, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
tries("another's memory")(f"{taken} {os.strerror(ctypes.get_errno())}")
tries("another's descriptor")(called(438, LIBC.syscall(434, daemon, 0), 3, 0))
tries("signals")("".join({called(62, daemon, number).partition(" ")[2] for number in (9, 19, 1)}))
tries("ledger, evidence, backups")(opened("/var/lib/reveille/ledger.sqlite",
    "/var/lib/private/reveille/ledger.sqlite", "/var/lib/private/reveille/evidence"))
tries("files to write")(subprocess.run(["find", "/etc/reveille", "/opt/reveille", "/run/reveille",
    "/run/reveille-hostlooks", "/var/lib/reveille", "/etc/systemd", "/usr/local",
    "/etc/sysusers.d", "-writable", "-not", "-type", "l"], capture_output=True, text=True,
    ).stdout.strip())
def linked(path):
    try:
        os.link(path, os.path.expanduser("~/linked"))
        return "linked " + path
    except OSError as problem:
        return problem.strerror
tries("hard links to what he may not read")(
    "".join({linked(path) for path in ("/etc/shadow", "/opt/reveille/reveille")}))
tries("the journal")(told("journalctl", "-q", "-u", "reveille").strip())
tries("acting as an operator")(told("reveille", "tickets", "ack", "RV-1"))
ASK = b'{"ask": {"words": ["tickets"], "behind": "root", "asked": true}}\n'
tries("posing as root behind sudo")(spoken(CONTROL, ASK))
tries("a line without an end")(spoken(CONTROL, b'{"ask": "' + b"a" * 300_000))
held = [os.open("/etc/passwd", os.O_RDONLY) for _ in range(200)]
tries("descriptors by the control socket")(spoken(CONTROL, ASK, held))
ctl = ("systemctl", "--no-ask-password")
tries("stopping it")(told(*ctl, "stop", "reveille"))
tries("settings of the unit")(told(*ctl, "set-property", "--runtime", "reveille", "MemoryMax=1M"))
tries("a unit with the secret")(told("systemd-run", "--no-ask-password", "-p",
    "LoadCredential=portal:/etc/reveille/credentials/portal", "true"))
tries("secrets out of the unit")(
    told("systemctl", "show", "reveille", "-p", "LoadCredential,SetCredential").strip())
tries("sudo")(told("sudo", "-n", "reveille", "tickets"))
for name, place in SOCKETS.items():
    job = json.dumps(RUN if name == "plugins" else LOOK).encode()
    tries(f"the socket of {name}")(spoken(f"/run/reveille-{place}/daemon/socket", job))

def posed():
    """A process with the first for a parent, in a control group of his own manager's that is named
    as the daemon's, and what the services say to it."""
    uid, said = os.getuid(), []
    for top in glob.glob(f"/sys/fs/cgroup/**/user-{uid}.slice/user@{uid}.service", recursive=True):
        os.makedirs(top + "/reveille.service", exist_ok=True)
    out, into = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        while os.getppid() != 1:
            time.sleep(0.02)
        subprocess.run(["busctl", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
            "org.freedesktop.systemd1.Manager", "AttachProcessesToUnit", "ssau",
            f"user@{uid}.service", "/reveille.service", "1", str(os.getpid())], check=True)
        with open("/proc/self/cgroup") as groups:
            assert f"user@{uid}.service/reveille.service" in groups.read()
        for place in ("/run/reveille-hostlooks", "/run/reveille-plugins"):
            job = RUN if "plugins" in place else LOOK
            said.append(spoken(place + "/daemon/socket", json.dumps(job).encode()))
        os.write(into, "\n".join(said).encode())
        os._exit(0)
    os.close(into)
    return os.read(out, 65536).decode()
tries("a unit of his own of that name")(posed())
times, ends = 0, time.monotonic() + 5
while time.monotonic() < ends:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(1)
        try:
            line.connect(CONTROL)
            times += 1
        except OSError:
            time.sleep(0.01)
tries("knocking for ever")(f"{times} times")
modes = []
for name in os.listdir("/tmp"):
    known = os.lstat("/tmp/" + name)
    if known.st_uid != os.getuid() and not name.startswith("."):
        modes.append(oct(known.st_mode & 0o7777))
tries("folders in /tmp")(" ".join(modes))
tries("arguments of processes")(told("ps", "-eo", "args"))
tries("core files")("".join(glob.glob("/var/lib/systemd/coredump/*")))
print(json.dumps(SAID))
'''
