"""Asks a FRITZ!Box by TR-064, through fritzconnection.

The box needs "Allow access for applications" (Home Network → Network → Network Settings), and a
user (System → FRITZ!Box Users) who may see and change its settings. fritzconnection's own session
trusts every certificate, so it is given another session. Only the parts that the list of hosts
needs are used: `FritzConnection` itself asks for the whole description of the box, in about 40
calls.
"""

import logging
import re
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

from requests.auth import HTTPDigestAuth

from app.errors import RouterError, RouterRefused
from app.presence.base import Device, Router, RouterSettings
from app.presence.routers import http_client
from app.presence.routers.parsing import each_once, read_device

_PACKAGE = "fritzconnection==1.15.1"
_PORTS = {"http": 49000, "https": 49443}
#: The characters that XML may not contain; a device may have one in its name.
_NO_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_GET_LIST, _LIST_PATH = "X_AVM-DE_GetHostListPath", "NewX_AVM-DE_HostListPath"


class FritzboxRouter(Router):
    """Asks for the list of hosts; the active ones count."""

    def __init__(self, settings: RouterSettings) -> None:
        parts = urlsplit(settings.url or "")
        self.name = f"the FRITZ!Box at {http_client.place(settings)}"
        host = parts.netloc.rsplit(":", 1)[0] if parts.port else parts.netloc
        self._host = f"{parts.scheme}://{host}"
        self._port = parts.port or _PORTS[parts.scheme]
        self._username = settings.username or ""
        self._password = settings.password.get_secret_value() if settings.password else ""
        self._session = http_client.open_session(settings, self.name)
        self._session.auth = HTTPDigestAuth(self._username, self._password)
        self._hosts: Any = None

    def devices(self) -> list[Device]:
        try:
            from fritzconnection.core.exceptions import (
                FritzAuthorizationError,
                FritzConnectionException,
                FritzResourceError,
                FritzSecurityError,
            )
        except ImportError:
            raise RouterRefused(
                f"fritzconnection is not installed: .venv/bin/pip install {_PACKAGE}"
            ) from None
        # fritzconnection also logs each failure that it raises.
        logging.getLogger("fritzconnection").setLevel(logging.CRITICAL)
        try:
            return self._listed()
        except (FritzAuthorizationError, FritzSecurityError):
            raise RouterRefused(
                f"{self.name} refuses {self._username}: look at username and password of "
                "presence.router, and at the user's rights"
            ) from None
        except FritzResourceError:
            raise RouterRefused(
                f"{self.name} offers no TR-064: allow access for applications in its network "
                "settings"
            ) from None
        # When an answer is no TR-064, fritzconnection fails with one of the last four.
        except (
            FritzConnectionException,
            ParseError,
            AttributeError,
            KeyError,
            TypeError,
            ValueError,
        ):
            raise RouterError(f"{self.name} does not answer as a FRITZ!Box does") from None

    def close(self) -> None:
        self._session.close()

    def _listed(self) -> list[Device]:
        from fritzconnection.core.soaper import Soaper
        from fritzconnection.core.utils import get_xml_root

        self._hosts = self._hosts or self._described()
        soaper = Soaper(
            self._host, self._port, self._username, self._password, session=self._session
        )
        path = soaper.execute(self._hosts, _GET_LIST, {})[_LIST_PATH]
        if not (isinstance(path, str) and path.startswith("/")):
            raise RouterError(f"{self.name} names no address of its list of hosts")
        answer = self._session.get(f"{self._host}:{self._port}{path}")
        text = _NO_XML.sub("", answer.content.decode("utf-8-sig", errors="replace")).strip()
        if not text.startswith("<") or "<!DOCTYPE" in text:
            raise RouterError(f"{self.name} answers without a list of hosts")
        root = get_xml_root(text)
        if root.tag != "List":
            raise RouterError(f"{self.name} answers without a list of hosts")
        fields = ("MACAddress", "HostName", "IPAddress")
        active = [item for item in root.iter("Item") if item.findtext("Active") == "1"]
        devices = [read_device(*map(item.findtext, fields)) for item in active]
        return each_once(devices, self.name)

    def _described(self) -> Any:
        """Return the box's service for hosts, by its own description."""
        from fritzconnection.core.devices import DeviceManager

        manager = DeviceManager(session=self._session)
        manager.add_description(f"{self._host}:{self._port}/tr64desc.xml")
        manager.scan()
        hosts = manager.services.get("Hosts1")
        if hosts is not None:
            hosts.load_scpd(self._host, self._port, session=self._session)
        if hosts is None or _GET_LIST not in hosts.actions:
            raise RouterRefused(
                f"{self.name} has no list of hosts: its FRITZ!OS is too old; update it"
            )
        return hosts
