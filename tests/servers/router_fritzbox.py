"""A FRITZ!Box's TR-064: descriptions, digest authentication, and the list of hosts."""

import hashlib
import re
from xml.sax.saxutils import escape

from tests.servers.certificate import Certificate
from tests.servers.router import Reply, Request, RouterServer

USER, PASSWORD, SID = "whos-there", "fritz-geheim", "0123456789abcdef"
_REALM, _NONCE = "F!Box SOAP-Auth", "4D8A1F2C3B"
_CONTROL = "/upnp/control/hosts"
_TYPE = "urn:dslforum-org:service:Hosts:1"
_REFUSED = (
    b"<HTML><HEAD><TITLE>401 Unauthorized (ERR_NONE)</TITLE></HEAD>"
    b"<BODY><H1>401 Unauthorized</H1></BODY></HTML>"
)

_DESCRIPTION = f"""<?xml version="1.0"?>
<root xmlns="urn:dslforum-org:device-1-0">
<specVersion><major>1</major><minor>0</minor></specVersion>
<systemVersion><HW>226</HW><Major>154</Major><Minor>7</Minor><Patch>57</Patch>
<Display>154.07.57</Display></systemVersion>
<device><deviceType>urn:dslforum-org:device:InternetGatewayDevice:1</deviceType>
<modelName>FRITZ!Box 7590</modelName>
<serviceList></serviceList>
<deviceList><device><deviceType>urn:dslforum-org:device:LANDevice:1</deviceType>
<modelName>FRITZ!Box 7590</modelName><serviceList>
<service><serviceType>{_TYPE}</serviceType>
<serviceId>urn:LanDeviceHosts-com:serviceId:Hosts1</serviceId>
<controlURL>/upnp/control/hosts</controlURL>
<eventSubURL>/upnp/control/hosts</eventSubURL>
<SCPDURL>/hostsSCPD.xml</SCPDURL></service>
</serviceList></device></deviceList></device></root>"""

_SERVICE = """<?xml version="1.0"?>
<scpd xmlns="urn:dslforum-org:service-1-0">
<specVersion><major>1</major><minor>0</minor></specVersion>
<actionList><action><name>{action}</name><argumentList>
<argument><name>NewX_AVM-DE_HostListPath</name><direction>out</direction>
<relatedStateVariable>X_AVM-DE_HostListPath</relatedStateVariable></argument></argumentList></action></actionList>
<serviceStateTable><stateVariable sendEvents="no">
<name>X_AVM-DE_HostListPath</name><dataType>string</dataType></stateVariable>
</serviceStateTable></scpd>"""

_ANSWER = f"""<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>
<u:X_AVM-DE_GetHostListPathResponse xmlns:u="{_TYPE}">
<NewX_AVM-DE_HostListPath>{{path}}</NewX_AVM-DE_HostListPath>
</u:X_AVM-DE_GetHostListPathResponse></s:Body></s:Envelope>"""

_FAULT = """<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">
<s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>
<UPnPError xmlns="urn:dslforum-org:control-1-0">
<errorCode>{code}</errorCode><errorDescription>{words}</errorDescription>
</UPnPError></detail></s:Fault></s:Body></s:Envelope>"""


class FritzboxServer(RouterServer):
    """With *old* it has no list of hosts, and without *applications* it offers no TR-064.

    With *soap_fault* it answers the call for the list's path with that code. *odd_list* replaces
    the list. *control* and *list_path* are the addresses that it names.
    """

    def __init__(self, certificate: Certificate | None = None) -> None:
        super().__init__(certificate)
        self.old = False
        self.applications = True
        self.soap_fault: int | None = None
        self.odd_list: Reply | None = None
        self.control = _CONTROL
        self.list_path = f"/devicehostlist.lua?sid={SID}"

    def reply(self, request: Request) -> Reply:
        if not self.applications:
            return Reply(b"<html>404 Not Found</html>", 404, "text/html")
        if request.path == "/tr64desc.xml":
            return _xml(_DESCRIPTION.replace(_CONTROL, self.control))
        if request.path == "/hostsSCPD.xml":
            return _xml(
                _SERVICE.format(
                    action="GetHostNumberOfEntries" if self.old else "X_AVM-DE_GetHostListPath"
                )
            )
        if request.path == "/upnp/control/hosts":
            return self._control(request)
        if request.path == "/devicehostlist.lua" and request.query == {"sid": SID}:
            return self.odd_list or _xml(self._list())
        return Reply(b"<html>404 Not Found</html>", 404, "text/html")

    def _control(self, request: Request) -> Reply:
        if not _authorized(request):
            challenge = f'Digest realm="{_REALM}",nonce="{_NONCE}",algorithm=MD5,qop="auth"'
            return Reply(_REFUSED, 401, "text/html", (("WWW-Authenticate", challenge),))
        if self.soap_fault:
            return _xml(_FAULT.format(code=self.soap_fault, words="Action Not Authorized"), 500)
        return _xml(_ANSWER.format(path=self.list_path))

    def _list(self) -> str:
        items = [
            f"<Item><Index>{number}</Index><IPAddress>{phone.ip}</IPAddress>"
            f"<MACAddress>{escape(phone.mac)}</MACAddress><Active>{int(phone.active)}</Active>"
            f"<HostName>{escape(phone.hostname)}</HostName>"
            "<InterfaceType>802.11</InterfaceType></Item>"
            for number, phone in enumerate(self.phones, 1)
        ]
        return f'<?xml version="1.0" encoding="utf-8"?><List>{"".join(items)}</List>'


def _xml(text: str, status: int = 200) -> Reply:
    return Reply(text.encode(errors="surrogateescape"), status, 'text/xml; charset="utf-8"')


def _authorized(request: Request) -> bool:
    fields = dict(re.findall(r'(\w+)="?([^",]+)"?', request.headers.get("Authorization", "")))
    if fields.get("nonce") != _NONCE:
        return False
    who = _md5(f"{USER}:{_REALM}:{PASSWORD}")
    what = _md5(f"{request.method}:{request.path}")
    return str(fields.get("response")) == _md5(
        f"{who}:{_NONCE}:{fields['nc']}:{fields['cnonce']}:auth:{what}"
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
