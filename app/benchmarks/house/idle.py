"""The costs of the suite while it is armed and nothing happens."""

import time
from typing import Any

from app.benchmarks.house.own_house import OwnHouse
from app.benchmarks.house.usage import Usage, counts_writes, pss_mb
from app.launcher.specs import GLANCES
from app.programs import SECURITY_SYSTEM


def measure_idle(house: OwnHouse, lasts_s: float) -> dict[str, Any]:
    """Return the costs of *house* in the next *lasts_s* seconds, of all and of each program."""
    before, log_bytes, began_s = house.usages(), house.log_bytes(), time.monotonic()
    time.sleep(lasts_s)
    lasted_s = time.monotonic() - began_s
    used = {name: after - before[name] for name, after in house.usages().items()}
    rest = {name: one for name, one in used.items() if not name.startswith(SECURITY_SYSTEM)}
    per_hour = 3600 / lasted_s
    written = sum(one.written for one in used.values())
    is_counted = counts_writes(house.folder)
    return {
        "cpu_s_per_min": {name: round(one.cpu_s * 60 / lasted_s, 3) for name, one in rest.items()},
        "rest_cpu_s_per_min": round(sum(one.cpu_s for one in rest.values()) * 60 / lasted_s, 3),
        "wakes_per_s": {name: round(one.wakes / lasted_s, 1) for name, one in used.items()},
        "suite_wakes_per_s": round(sum(one.wakes for one in used.values()) / lasted_s, 1),
        "written_kb_per_h": round(written * per_hour / 1e3, 1) if is_counted else None,
        "log_kb_per_h": round((house.log_bytes() - log_bytes) * per_hour / 1e3, 1),
        "pss_mb": round(house.pss_mb(), 1),
        "glances": _of_glances(used.get(GLANCES, Usage()), lasted_s, house),
    }


def _of_glances(used: Usage, lasted_s: float, house: OwnHouse) -> dict[str, float]:
    """Return the share of Glances, which an owner may start on demand."""
    return {
        "cpu_s_per_min": round(used.cpu_s * 60 / lasted_s, 3),
        "wakes_per_s": round(used.wakes / lasted_s, 1),
        "pss_mb": round(pss_mb(house.pids().get(GLANCES, [])), 1),
    }
