"""The system calls that a drill has no reason for, as a filter for seccomp(2): classic BPF over
struct seccomp_data.

The walls are the namespaces; this keeps what runs in there from the kernel's less used doors:
namespaces of its own, mounts, tracing, keys, io_uring, sockets of families that no network
namespace holds (AF_VSOCK).
"""

from __future__ import annotations

import errno
import platform
import socket
import struct

# <linux/audit.h>; the numbers of the calls are those of <asm/unistd.h>, of the machines that
# Debian has wheels of the drivers for.
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# Since 5.1 new calls have one number on all machines: open_tree … fspick, io_uring_…, mount_setattr
# quotactl_fd, pidfd_getfd.
_EVERYWHERE = (*range(425, 434), 438, 442, 443)
_DENIED = {
    # mount, umount2, pivot_root, chroot, setns, unshare, ptrace, process_vm_readv, …_writev, kcmp,
    # bpf, perf_event_open, userfaultfd, add_key, request_key, keyctl, kexec_load, kexec_file_load,
    # init_module, finit_module, delete_module, name_to_handle_at, open_by_handle_at, reboot,
    # swapon, swapoff, quotactl, acct, syslog, settimeofday, clock_settime, adjtimex, sethostname,
    # setdomainname; on x86_64 also iopl, ioperm, modify_ldt.
    "x86_64": (165, 166, 155, 161, 308, 272, 101, 310, 311, 312, 321, 298, 323, 248, 249, 250, 246,
               320, 175, 313, 176, 303, 304, 169, 167, 168, 179, 163, 103, 164, 227, 159, 170, 171,
               172, 173, 154),
    "aarch64": (40, 39, 41, 51, 268, 97, 117, 270, 271, 272, 280, 241, 282, 217, 218, 219, 104, 294,
                105, 273, 106, 264, 265, 142, 224, 225, 60, 89, 116, 170, 112, 171, 161, 162),
}  # fmt: skip
_CLONE = {"x86_64": 56, "aarch64": 220}
_SOCKET = {"x86_64": 41, "aarch64": 198}
_CLONE3 = 435
# clone3(2) has its flags in memory, where no filter sees them: without it the C library takes
# clone(2).
_MISSING, _REFUSED = 0x00050000 | errno.ENOSYS, 0x00050000 | errno.EPERM
_ALLOWED, _KILLED = 0x7FFF0000, 0x80000000
# CLONE_NEWNS, …CGROUP, …UTS, …IPC, …USER, …PID, …NET: <linux/sched.h>.
_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000
_NAMESPACES |= 0x40000000
_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)
# Bit 30 of a call's number is the other ABI of x86_64 (x32), with numbers of its own.
_X32 = 0x40000000
# BPF_LD|W|ABS, BPF_JMP|JEQ|K, …JGE|K, …JSET|K, BPF_RET|K
_LOAD, _EQUAL, _AT_LEAST, _HAS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
# Offsets within struct seccomp_data; the lower half of an argument stands first on both machines.
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16


def program(machine: str = platform.machine()) -> bytes:
    """The filter, as `bwrap --seccomp` reads it; empty for a machine whose numbers are not
    known.
    """
    if machine not in _ARCHITECTURES:
        return b""
    lines = [
        _line(_LOAD, _ARCHITECTURE),
        _line(_EQUAL, _ARCHITECTURES[machine], 1, 0),
        _line(_RETURN, _KILLED),
        _line(_LOAD, _NUMBER),
        *_unless(_line(_AT_LEAST, _X32, 0, 1), _REFUSED),
        *_unless(_line(_EQUAL, _CLONE3, 0, 1), _MISSING),
    ]
    for number in (*_DENIED[machine], *_EVERYWHERE):
        lines += _unless(_line(_EQUAL, number, 0, 1), _REFUSED)
    # A call whose argument counts: four lines are skipped where it is another one.
    lines += [
        _line(_EQUAL, _CLONE[machine], 0, 4),
        _line(_LOAD, _FIRST_ARGUMENT),
        *_unless(_line(_HAS, _NAMESPACES, 0, 1), _REFUSED),
        _line(_RETURN, _ALLOWED),
        _line(_EQUAL, _SOCKET[machine], 0, len(_FAMILIES) + 2),
        _line(_LOAD, _FIRST_ARGUMENT),
        *(_line(_EQUAL, each, len(_FAMILIES) - at, 0) for at, each in enumerate(_FAMILIES)),
        _line(_RETURN, _REFUSED),
        _line(_RETURN, _ALLOWED),
    ]
    return b"".join(lines)


def _line(code: int, operand: int, then: int = 0, otherwise: int = 0) -> bytes:
    """struct sock_filter: a code, how many lines to skip for yes and for no, an operand."""
    return struct.pack("=HBBI", code, then, otherwise, operand)


def _unless(question: bytes, answer: int) -> tuple[bytes, bytes]:
    return question, _line(_RETURN, answer)
