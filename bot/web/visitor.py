"""Who writes in the web chat: an anonymous contact in a signed cookie, and where from."""

import ipaddress
import secrets
from dataclasses import replace
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer
from litestar import Request
from litestar.datastructures import Cookie, State

from bot.settings import Settings

COOKIE = "helpline"
_YEAR = 365 * 24 * 3600

AnyRequest = Request[Any, Any, State]

AnyAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class _Partitioned(Cookie):
    """A cookie of its own for each site that frames us: browsers block all others there."""

    def to_header(self, **options: Any) -> str:
        """As the header says it; Python's own cookies learn this attribute in 3.14."""
        return f"{super().to_header(**options)}; Partitioned"


class Visitors:
    """Makes and reads the cookie. It holds a random number and nothing else."""

    def __init__(self, settings: Settings) -> None:
        self._signer = URLSafeSerializer(settings.signing_key(), salt="webchat")
        self._is_public = settings.is_public
        self._proxies = [ipaddress.ip_network(net) for net in settings.trusted_proxies]

    def address_of(self, request: AnyRequest) -> str | None:
        """The contact's address, None without a valid cookie."""
        try:
            value = self._signer.loads(request.cookies.get(COOKIE, ""))
        except BadSignature:
            return None
        return value if isinstance(value, str) else None

    def new_address(self) -> str:
        """An address nobody can guess."""
        return secrets.token_urlsafe(18)

    def cookie_for(self, address: str) -> Cookie:
        """The cookie of an address. Inside another site's frame only SameSite=None is sent."""
        sort = _Partitioned if self._is_public else Cookie
        return sort(
            key=COOKIE,
            value=self._signer.dumps(address),
            max_age=_YEAR,
            path="/",
            httponly=True,
            secure=self._is_public,
            samesite="none" if self._is_public else "lax",
        )

    def cookie_forgotten(self) -> Cookie:
        """The same cookie, empty and over: this device no longer knows the conversation."""
        return replace(self.cookie_for(""), value="", max_age=0)

    def network_of(self, request: AnyRequest) -> str:
        """The network the request comes from, for the limits; believed from trusted proxies."""
        peer = request.client.host if request.client else ""
        if not self._is_trusted(peer):
            return _network(peer)
        # A proxy may add a header of its own instead of a word to the one that is there.
        lines = ",".join(request.headers.getall("x-forwarded-for", []))
        forwarded = [part.strip() for part in lines.split(",")]
        # From the right: what stands further left was written by whoever called the proxy.
        outside = (part for part in reversed(forwarded) if part and not self._is_trusted(part))
        return _network(next(outside, peer))

    def _is_trusted(self, host: str) -> bool:
        address = _address(host)
        return address is not None and any(address in net for net in self._proxies)


def _address(host: str) -> AnyAddress | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _network(host: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 one: whoever has one address there has them all."""
    address = _address(host)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address or host)


def is_same_origin(request: AnyRequest, base_url: str) -> bool:
    """Whether a page of ours sent this: browsers always name the origin of a POST."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    host = request.headers.get("host", "")
    return origin == base_url or origin in (f"http://{host}", f"https://{host}")
