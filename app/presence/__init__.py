"""Presence: the devices that a router sees, the people who are therefore home, and the results."""

from app.clock import Clock
from app.presence.base import Router, RouterSettings


def make_router(settings: RouterSettings, clock: Clock) -> Router | None:
    """Return the router that *settings* choose, which is not asked yet; None without one."""
    if settings.backend == "http_json":
        from app.presence.routers.http_json import HttpJsonRouter

        return HttpJsonRouter(settings, clock)
    if settings.backend == "openwrt":
        from app.presence.routers.openwrt import OpenwrtRouter

        return OpenwrtRouter(settings, clock)
    if settings.backend == "fritzbox":
        from app.presence.routers.fritzbox import FritzboxRouter

        return FritzboxRouter(settings)
    if settings.backend == "arp":
        from app.presence.routers.arp import ArpRouter

        return ArpRouter(settings, clock)
    if settings.backend == "scripted":
        from app.presence.routers.scripted import ScriptedRouter

        return ScriptedRouter(settings, clock)
    return None
