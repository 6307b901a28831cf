"""`agents import --from-url` against real servers on loopback: well-known places, limits, and where it never goes."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from shell import DATA, invoke

from delegate_cli.errors import RosterError
from delegate_cli.roster import fetch
from delegate_cli.roster.importers.a2a import EXTENSION

CARD = (DATA / "catalogues/a2a/agent-card.json").read_bytes()
Answer = tuple[int, dict[str, str], bytes]


class Site:
    """A server that answers what its paths say, and remembers what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                status, headers, body = site.answers.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_both_well_known_places_are_tried_and_the_card_is_imported(site: Site) -> None:
    site.answers["/team/.well-known/agent.json"] = (200, {}, CARD)
    done = invoke("agents", "import", "--from-url", f"{site.url}/team/")
    assert done.code == 0
    assert site.asked == ["/team/.well-known/agent-card.json", "/team/.well-known/agent.json"]
    assert "name: Currency Desk" in done.out
    assert f"path: {site.url}/team/.well-known/agent.json" in done.out
    site.answers["/card.json?key=s3cret"] = (200, {}, CARD)
    done = invoke("agents", "import", "--from-url", f"{site.url}/card.json?key=s3cret")
    assert done.code == 0
    assert "s3cret" not in done.out + done.err


def test_a_redirect_within_the_site_is_followed_and_not_for_ever(site: Site) -> None:
    site.answers["/old.json"] = (302, {"Location": "/new.json"}, b"")
    site.answers["/new.json"] = (200, {}, CARD)
    assert fetch.fetch_card(f"{site.url}/old.json").data == CARD
    site.answers["/new.json"] = (301, {"Location": "/old.json"}, b"")
    with pytest.raises(RosterError, match="redirected more than 3 times"):
        fetch.fetch_card(f"{site.url}/old.json")


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:9/x.json", "http://localhost:9/x.json", "http://[::1]:9/x", "http://169.254.169.254/"]
)
def test_a_redirect_never_leads_to_a_private_address(site: Site, target: str) -> None:
    site.answers["/card.json"] = (302, {"Location": target}, b"")
    with pytest.raises(RosterError, match="not a public address"):
        fetch.fetch_card(f"{site.url}/card.json")


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://example.org/x", "http://u:p@example.org/", "//", "http://"])
def test_a_redirect_leads_only_to_http(site: Site, target: str) -> None:
    site.answers["/card.json"] = (302, {"Location": target}, b"")
    with pytest.raises(RosterError):
        fetch.fetch_card(f"{site.url}/card.json")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/hostname",
        "ftp://example.org",
        "example.org",
        "http://",
        "http://a b/",
        "https://u:p@example.org",
        "http://x:99999/",
    ],
)
def test_only_http_without_a_password_is_fetched(url: str) -> None:
    with pytest.raises(RosterError):
        fetch.fetch_card(url)
    assert invoke("agents", "import", "--from-url", url).code == 2


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "::1", "::ffff:127.0.0.1", "2002:7f00:1::1", "fec0::1", "fd00::1", "64:ff9b::a00:1"]
)
def test_a_name_that_leads_to_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    real: Callable[..., list[object]] = socket.getaddrinfo  # type: ignore[assignment]
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: real(address, *rest, **more))
    with pytest.raises(RosterError, match=f"cards.example.org leads to {address}, which is not a public address"):
        fetch.fetch_card("http://cards.example.org/")


def test_too_much_too_slow_and_too_odd_are_errors(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.answers["/large.json"] = (200, {}, b" " * (fetch.MAX_BYTES + 1))
    with pytest.raises(RosterError, match="larger than 2 MiB"):
        fetch.fetch_card(f"{site.url}/large.json")
    site.answers["/odd.json"] = (200, {}, b"<html>")
    assert invoke("agents", "import", "--from-url", f"{site.url}/odd.json").code == 2
    site.answers["/broken.json"] = (500, {}, b"")
    with pytest.raises(RosterError, match="answered 500"):
        fetch.fetch_card(f"{site.url}/broken.json")
    with pytest.raises(RosterError, match="there is no agent card"):
        fetch.fetch_card(site.url)
    monkeypatch.setattr(fetch, "TIMEOUT", 0.3)
    monkeypatch.setattr(fetch, "DEADLINE", 0.6)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(RosterError):
        fetch.fetch_card(f"http://127.0.0.1:{silent.getsockname()[1]}/card.json")


@pytest.mark.parametrize(
    ("scheme", "begun"),
    [("http", b"H"), ("http", b"HTTP/1.0 200 OK\r\n\r\n" + CARD), ("https", b"\x16\x03\x03\x40\x00")],
    ids=["head", "body", "handshake"],
)
def test_a_server_that_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch, scheme: str, begun: bytes) -> None:
    monkeypatch.setattr(fetch, "DEADLINE", 0.8)
    stop = threading.Event()

    def drip(server: socket.socket) -> None:
        client, _ = server.accept()
        with client:
            client.sendall(begun)
            while not stop.wait(0.05):
                try:
                    client.sendall(b" ")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,), daemon=True)
        thread.start()
        with pytest.raises(RosterError, match=r"longer than 0\.8 seconds"):
            fetch.fetch_card(f"{scheme}://127.0.0.1:{server.getsockname()[1]}/card.json")
        stop.set()
        thread.join(5)


def test_what_acts_is_not_taken_from_the_network(site: Site) -> None:
    acting = {"auto": "always", "run": {"kind": "command", "argv": ["rm"]}}
    card = json.loads(CARD)
    card["capabilities"]["extensions"] = [{"uri": EXTENSION, "params": acting}]
    site.answers["/card.json"] = (200, {}, json.dumps(card).encode())
    done = invoke("agents", "import", "--from-url", f"{site.url}/card.json")
    assert done.code == 0
    assert "rm" not in done.out.split()
    assert "always" not in done.out
    assert "`run` and `auto: always` are left out of 1 agents" in done.err
    roster = {"agents": [{"name": "Remover", "description": "Removes.", **acting}]}
    site.answers["/agents.json"] = (200, {}, json.dumps(roster).encode())
    done = invoke("agents", "import", "--from-url", f"{site.url}/agents.json")
    assert done.code == 2
    assert "no agent card" in done.err


def test_the_network_is_not_used_for_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    monkeypatch.setattr(socket.socket, "connect", never)
    assert len(json.loads(invoke("agents", "list", "-a", str(DATA / "catalogues"), "--format", "json").out)) == 32
