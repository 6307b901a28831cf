"""An agent card from the network: the one place where reading a roster may leave this machine, and only when asked to.

A name is resolved once, checked and then connected to, so that it cannot come to mean another machine in between. A name must
lead to a public address; a private one or loopback must be written as an address (or `localhost`) by whoever asks. A redirect
counts as written by the server, so it never leads to a private address or from https to http.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from delegate_cli.errors import RosterError
from delegate_cli.roster.importers.files import Fetched

WELL_KNOWN = ("/.well-known/agent-card.json", "/.well-known/agent.json")
TIMEOUT = 10.0  # seconds for each step
DEADLINE = 30.0  # seconds for all of it
MAX_BYTES = 2 * 1024 * 1024
MAX_REDIRECTS = 3
_LATE = "took longer than {:g} seconds"
_MOVED = (301, 302, 303, 307, 308)


class _Missing(Exception):
    """There is nothing at this address."""


def fetch_card(url: str) -> Fetched:
    """The card at an address that ends in `.json`, else at the well-known places below it.

    Raises:
        RosterError: the address is not allowed, cannot be reached, or has no card.
    """
    parts = _checked(url)
    end = time.monotonic() + DEADLINE
    below = parts.path.rstrip("/")
    paths = [parts.path] if below.endswith(".json") else [below + path for path in WELL_KNOWN]
    for path in paths:
        here = urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
        try:
            return _follow(here, end)
        except _Missing:
            continue
    raise RosterError(f"{url}: there is no agent card", f"looked for {' and '.join(paths)}")


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fine = False
    if not fine or not url.isprintable() or " " in url:
        raise RosterError(f"{url!r} is no http or https address", "write https://host or https://host/path/agent-card.json")
    if parts.username is not None or parts.password is not None:
        raise RosterError("an address with a user or password is not fetched", "leave them out")
    return parts


def _follow(url: str, end: float) -> Fetched:
    first = urlsplit(url)
    for hop in range(MAX_REDIRECTS + 1):
        parts = _checked(url)
        own = hop == 0 or parts.netloc == first.netloc
        if first.scheme == "https" and parts.scheme != "https":
            raise RosterError(f"{url}: redirected from https to http", "fetch it by hand if you trust it")
        status, location, data = _get(parts, own, end)
        if status == 200:
            return Fetched(urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")), data)
        if status not in _MOVED or not location:
            if status in (404, 410):
                raise _Missing
            raise RosterError(f"{url}: the server answered {status}", "check the address")
        url = urljoin(url, location)
    raise RosterError(f"{url}: redirected more than {MAX_REDIRECTS} times", "name the last address itself")


def _get(parts: SplitResult, own: bool, end: float) -> tuple[int, str, bytes]:
    """Status, where it leads, and the body of one request."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = _address(host, port, own)
    where = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    stop: threading.Timer | None = None
    try:
        connection.sock = sock = _socket(socket.create_connection((address, port), timeout=_left(end)), parts)
        stop = threading.Timer(max(0.0, end - time.monotonic()), _shut, [sock])  # a server may send a byte now and then
        stop.daemon = True
        stop.start()
        if isinstance(sock, ssl.SSLSocket):
            sock.do_handshake()
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Accept": "application/json", "User-Agent": "delegate-cli", "Host": parts.netloc}
        connection.request("GET", path, headers=headers)
        sock.settimeout(_left(end))
        response = connection.getresponse()
        return response.status, response.headers.get("Location") or "", _body(response, where, end)
    except (OSError, http.client.HTTPException, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        reason = said if time.monotonic() < end else _LATE.format(DEADLINE)  # cut off, it looks like any other fault
        raise RosterError(f"{where}: {reason}", "check the address, and whether the server is up") from None
    finally:
        if stop is not None:
            stop.cancel()
        connection.close()


def _socket(plain: socket.socket, parts: SplitResult) -> socket.socket:
    """What is spoken through; the handshake of https is still to be made, so that it can be cut off, too."""
    if parts.scheme != "https":
        return plain
    try:
        context = ssl.create_default_context()
        return context.wrap_socket(plain, server_hostname=parts.hostname, do_handshake_on_connect=False)
    except BaseException:
        plain.close()
        raise


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # of TLS, too: what reads in the other thread must not lose its state


def _body(response: http.client.HTTPResponse, where: str, end: float) -> bytes:
    if response.status != 200:
        return b""
    found = bytearray()
    while chunk := response.read1(65536):
        found += chunk
        if len(found) > MAX_BYTES:
            raise RosterError(f"{where}: larger than {MAX_BYTES // 2**20} MiB", "an agent card is a few kilobytes")
        _left(end)
    _left(end)  # what was cut off ends like what is whole
    return bytes(found)


def _left(end: float) -> float:
    """Seconds for the next step."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError(_LATE.format(DEADLINE))
    return min(left, TIMEOUT)


def _address(host: str, port: int, own: bool) -> str:
    """The address to connect to. `own`: the host is what the user wrote, not what a server said."""
    try:
        found = [each[4][0] for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise RosterError(f"{host}: {getattr(error, 'strerror', None) or error}", "check the name") from None
    written = own and (_literal(host) or host.lower() == "localhost")
    for each in map(str, found):
        address = ipaddress.ip_address(each.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
        odd = mapped.is_multicast or mapped.is_unspecified or mapped.is_reserved
        public = mapped.is_global and not getattr(mapped, "is_site_local", False)
        if odd or not (public or written):
            fix = "write the address itself if this is meant" if own else "fetch it by hand if you trust it"
            raise RosterError(f"{host} leads to {each}, which is not a public address", fix)
    if not found:
        raise RosterError(f"{host}: has no address", "check the name")
    return str(found[0])


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
