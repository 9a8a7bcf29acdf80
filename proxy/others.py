"""What the recorder asks about other processes: how far the shadow has come, and whether a writer is still alive.

Law: asked of files and the kernel, never of the processes; no answer means "not yet", so that nothing is unlinked or closed too early.
"""

import os
import time
from collections import Counter
from pathlib import Path

import orjson

from proxy.serve_file import serving

CURSOR = "shadow.cursor"
REUSED_SLACK_S = 2.0
ENDED_WITHIN_S = 60.0
ENDED_TOO_OFTEN = 3


def passed_by_shadow(folder: Path) -> frozenset[str]:
    """Worker segments whose calls are all decided, as the shadow says; a file half written or gone says nothing."""
    try:
        cursor = orjson.loads((folder / CURSOR).read_bytes())
        return frozenset(map(str, cursor["passed"]))
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()


def ended_lately(folder: Path, now_s: float) -> dict[str, str]:
    """Processes that keep ending, by name, in words. One end is a restart and no cause for alarm."""
    where = serving(folder)
    ended = [each for each in where.ended if now_s - each.at < ENDED_WITHIN_S] if where else []
    counts = Counter(each.name for each in ended)
    codes = {each.name: each.code for each in ended}
    return {
        name: f"ended {count} times within {ENDED_WITHIN_S:.0f} s, last with code {codes[name]}"
        for name, count in counts.items()
        if count >= ENDED_TOO_OFTEN
    }


def is_gone(pid: int, wrote_s: float) -> bool:
    """Whether the process that wrote then is no more: no such pid, not reaped yet, or a younger process with its number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot_s = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        born_s = boot_s + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):  # not Linux, or gone this moment: asked again next time
        return False
    return fields[0] == "Z" or born_s > wrote_s + REUSED_SLACK_S


def resident_bytes() -> int | None:
    """What this process has in memory."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
