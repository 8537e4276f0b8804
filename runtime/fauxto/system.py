"""Describe this machine: CPUs, memory, GPU, operating system, versions. What the system does not report is None.

Every start of the command line counts CPUs: what only the rest needs is imported where it is used.
"""

from __future__ import annotations

import math
import os
import platform
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from fauxto.version import __version__

FEATURES = ("avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm", "bf16")


class Machine(TypedDict):
    """What a measurement was made on.

    Memory in GiB, the quota in CPUs, load averages over 1, 5 and 15 minutes.
    """

    date: str
    cpu: str
    cpu_features: list[str]
    cores: int | None
    usable_cpus: int
    cpu_quota: float | None
    memory_gb: float | None
    gpu: str | None
    os: str
    power: str | None
    temperature_c: float | None
    thermal_state: str | None
    governor: str | None
    load: list[float] | None
    load_after: NotRequired[list[float] | None]
    versions: dict[str, str | None]
    git_commit: str | None


def record() -> Machine:
    """The machine, its state, and the versions."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu(),
        "cpu_features": cpu_features(),
        "cores": os.cpu_count(),
        "usable_cpus": usable_cpus(),
        "cpu_quota": cpu_quota(),
        "memory_gb": memory_gb(),
        "gpu": gpu(),
        "os": platform.platform(),
        "power": power(),
        "temperature_c": temperature(),
        "thermal_state": _say("pmset", "-g", "therm") if sys.platform == "darwin" else None,
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "load": load(),
        "versions": {**versions(), "openvino": installed("openvino")},
        "git_commit": git_commit(),
    }


def versions() -> dict[str, str]:
    """Versions of all that the runtime is made of. Imports it; this module alone does not."""
    import numpy
    import onnxruntime
    import PIL

    return {
        "fauxto": __version__,
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "pillow": PIL.__version__,
        "onnxruntime": onnxruntime.__version__,
    }


def installed(package: str) -> str | None:
    """The version of a package that may be there."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def cpu() -> str:
    """The processor's name, as the system gives it."""
    if sys.platform == "darwin":
        return _say("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()
    told = dict(re.findall(r"^(model name|cpu family|model)\s*:\s*(.+)$", _read("/proc/cpuinfo") or "", re.MULTILINE))
    name = told.get("model name", "").strip() or platform.processor() or platform.machine()
    if "cpu family" in told and not re.search(r"\d", name):  # a guest may be told the brand alone
        return f"{name} (family {told['cpu family']}, model {told['model']})"
    return name


def cpu_features() -> list[str]:
    """Which of the instructions that decide a network's speed the processor has, where Linux tells."""
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", _read("/proc/cpuinfo") or "", re.MULTILINE)
    return [name for name in FEATURES if flags and name in flags[1].split()]


def gpu() -> str | None:
    """NVIDIA GPUs with their driver; None where there is none."""
    return _say("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader") or None


def memory_gb() -> float | None:
    """The machine's memory, GiB."""
    if sys.platform == "darwin":
        size = _say("sysctl", "-n", "hw.memsize")
        return round(int(size) / 2**30, 1) if size else None
    if hasattr(os, "sysconf"):
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    return None


def power() -> str | None:
    """What feeds the machine, in the system's own words."""
    if sys.platform == "darwin":
        told = _say("pmset", "-g", "batt")
        return told.splitlines()[0] if told else None
    supplies = sorted(Path("/sys/class/power_supply").glob("*/online")) if sys.platform == "linux" else []
    told = ", ".join(f"{path.parent.name} {'on' if _read(str(path)) == '1' else 'off'}" for path in supplies)
    return told or None


def temperature() -> float | None:
    """The hottest thermal zone, degrees Celsius."""
    if sys.platform != "linux":
        return None
    zones = [_read(str(path)) for path in Path("/sys/class/thermal").glob("thermal_zone*/temp")]
    degrees = [int(zone) / 1000 for zone in zones if zone and zone.lstrip("-").isdigit()]
    return max(degrees) if degrees else None


def load() -> list[float] | None:
    """Load averages over 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None


def git_commit() -> str | None:
    """The checkout's commit; None for an installed package."""
    root = Path(__file__).parents[2]
    return _say("git", "-C", str(root), "rev-parse", "HEAD") or None if (root / ".git").exists() else None


def peak_memory_mb() -> float | None:
    """The largest resident memory of this process until now, MiB."""
    # Not from getrusage on Linux: that counts what the parent held when it started this process.
    match = re.search(r"VmHWM:\s*(\d+) kB", _read("/proc/self/status") or "")
    if match:
        return int(match[1]) / 1024
    if sys.platform == "win32":
        return _windows_peak() / 2**20
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def _windows_peak() -> int:
    """PeakWorkingSetSize of PROCESS_MEMORY_COUNTERS, bytes."""
    import ctypes

    class Counters(ctypes.Structure):
        _fields_ = (
            ("cb", ctypes.c_uint32),
            ("faults", ctypes.c_uint32),
            ("peak", ctypes.c_size_t),
            ("rest", ctypes.c_size_t * 7),
        )

    counters = Counters(cb=ctypes.sizeof(Counters))
    kernel: Any = getattr(ctypes, "windll").kernel32  # noqa: B009 - only there on Windows
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    kernel.K32GetProcessMemoryInfo(ctypes.c_void_p(kernel.GetCurrentProcess()), ctypes.byref(counters), counters.cb)
    return int(counters.peak)


def slug(text: str) -> str:
    """A piece of a file name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:64].strip("-")


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _say(*words: str) -> str | None:
    import shutil
    import subprocess

    if shutil.which(words[0]) is None:
        return None
    try:
        told = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.strip() if told.returncode == 0 else None


def usable_cpus() -> int:
    """CPUs that this process may use: its affinity mask, and its cgroup's quota rounded up; at least 1."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return max(1, count if quota is None else min(count, math.ceil(quota)))


def cpu_quota() -> float | None:
    """CPUs' worth of time that the cgroup grants this process; None where nothing limits it."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return None  # no cgroup v2 here, so no quota
