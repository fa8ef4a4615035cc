"""The costs of the suite while it is armed and nothing happens."""

import time
from typing import Any

from app.benchmarks.house.own_house import OwnHouse
from app.benchmarks.house.usage import Usage, counts_writes
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
    memory_mb = house.pss_mb()
    # An owner may start it on demand only.
    glances = used.get(GLANCES, Usage())
    is_counted = counts_writes(house.folder)
    return {
        "cpu_s_per_min": {name: round(one.cpu_s * 60 / lasted_s, 3) for name, one in rest.items()},
        "rest_cpu_s_per_min": round(sum(one.cpu_s for one in rest.values()) * 60 / lasted_s, 3),
        "wakes_per_s": {name: round(one.wakes / lasted_s, 1) for name, one in used.items()},
        "suite_wakes_per_s": round(sum(one.wakes for one in used.values()) / lasted_s, 1),
        "written_kb_per_h": round(written * per_hour / 1e3, 1) if is_counted else None,
        "log_kb_per_h": round((house.log_bytes() - log_bytes) * per_hour / 1e3, 1),
        "pss_mb": round(sum(memory_mb.values()), 1),
        "programs_mb": {name: round(one_mb, 1) for name, one_mb in memory_mb.items()},
        "glances": {
            "cpu_s_per_min": round(glances.cpu_s * 60 / lasted_s, 3),
            "wakes_per_s": round(glances.wakes / lasted_s, 1),
            "pss_mb": round(memory_mb.get(GLANCES, 0.0), 1),
        },
    }
