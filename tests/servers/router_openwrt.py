"""OpenWrt's ubus over HTTP: sessions, rights, stations and leases."""

import itertools
import json
from typing import Any

from tests.servers.certificate import Certificate
from tests.servers.router import Reply, Request, RouterServer

USER, PASSWORD = "whos-there", "openwrt-geheim"
ALL_RIGHTS = frozenset({"iwinfo", "hostapd.wlan0", "hostapd.wlan1", "luci-rpc"})


class OpenwrtServer(RouterServer):
    """Has two radios, *wifi*, with every second phone each; the account may call *rights*."""

    def __init__(self, certificate: Certificate | None = None) -> None:
        super().__init__(certificate)
        self.rights = ALL_RIGHTS
        self.objects = ALL_RIGHTS
        self.wifi = ["wlan0", "wlan1"]
        self.logins = 0
        self.strangers: list[str] = []
        self.leases_of_the_gone: list[dict[str, Any]] = []
        self.broken: set[str] = set()
        self._sessions: set[str] = set()
        self._numbers = itertools.count(1)

    @property
    def sessions(self) -> int:
        """The number of open sessions."""
        return len(self._sessions)

    def expire(self) -> None:
        """Forget all sessions."""
        self._sessions.clear()

    def reply(self, request: Request) -> Reply:
        if request.path != "/ubus":
            return Reply(b"", 404, "text/html")
        asked = json.loads(request.body)
        answers = [self._one(one) for one in asked] if isinstance(asked, list) else self._one(asked)
        return Reply(self.json(answers))

    def _one(  # noqa: PLR0911 (one return for each kind of call)
        self, asked: dict[str, Any]
    ) -> dict[str, Any]:
        answer = {"jsonrpc": "2.0", "id": asked["id"]}
        if asked["method"] == "list":
            pattern = asked["params"][1].rstrip("*")
            return answer | {
                "result": {
                    name: {"get_clients": {}}
                    for name in sorted(self.objects)
                    if name.startswith(pattern)
                }
            }
        session, name, method, arguments = asked["params"]
        if (name, method) == ("session", "login"):
            return answer | {"result": self._log_in(arguments)}
        if (name, method) == ("session", "destroy"):
            self._sessions.discard(session)
            return answer | {"result": [0]}
        if name not in self.objects:
            return answer | {"error": {"code": -32000, "message": "Object not found"}}
        if session not in self._sessions or name not in self.rights:
            return answer | {"error": {"code": -32002, "message": "Access denied"}}
        if name in self.broken or arguments.get("device") in self.broken:
            return answer | {"result": [9]}
        return answer | {"result": [0, self._found(name, method, arguments)]}

    def _log_in(self, arguments: dict[str, Any]) -> list[Any]:
        self.logins += 1
        if (arguments["username"], arguments["password"]) != (USER, PASSWORD):
            return [6]
        session = f"{next(self._numbers):032x}"
        self._sessions.add(session)
        return [
            0,
            {
                "ubus_rpc_session": session,
                "timeout": 300,
                "expires": 299,
                "data": {"username": USER},
            },
        ]

    def _found(self, name: str, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if (name, method) == ("iwinfo", "devices"):
            return {"devices": self.wifi}
        if (name, method) == ("iwinfo", "assoclist"):
            stations = self._stations(arguments["device"])
            return {
                "results": [
                    {"mac": mac, "signal": -60, **station} for mac, station in stations.items()
                ]
            }
        if method == "get_clients":
            return {"freq": 5180, "clients": self._stations(name.removeprefix("hostapd."))}
        leases = [
            {
                "expires": 40000,
                "macaddr": phone.mac.upper(),
                "ipaddr": phone.ip,
                **({"hostname": phone.hostname} if phone.hostname else {}),
            }
            for phone in self.phones
        ]
        return {"dhcp_leases": [*leases, *self.leases_of_the_gone]}

    def _stations(self, wifi: str) -> dict[str, dict[str, Any]]:
        here = [
            phone
            for number, phone in enumerate(self.phones)
            if phone.active and self.wifi[number % len(self.wifi)] == wifi
        ]
        known = {phone.mac: {"authorized": True, "connected_time": 60} for phone in here}
        return known | {mac: {"authorized": False} for mac in self.strangers}
