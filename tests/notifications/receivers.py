"""Real services that notifications arrive at: a mail server and an HTTP receiver."""

import email
import email.policy
import json
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from tempfile import NamedTemporaryFile
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Mailbox:
    """An SMTP server that keeps what it takes.

    Args:
        login: the user and the password without which it takes nothing; by TLS alone.
    """

    def __init__(self, login: tuple[str, str] | None = None) -> None:
        self.logins: list[tuple[str, str]] = []
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.recipients: list[str] = []
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        guard: dict[str, Any] = {}
        if login is not None:
            guard = {
                "authenticator": self._authenticated,
                "auth_required": True,
                "require_starttls": True,
                "tls_context": _own_tls(),
            }
        self._login = login
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **guard)

    def _authenticated(self, *given: Any) -> AuthResult:
        data = given[-1]
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=self.logins[-1] == self._login, handled=False)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        self.raw.append(content)
        self.recipients += envelope.rcpt_tos
        mail = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    @property
    def address(self) -> str:
        """An Apprise URL of a person's mailbox here."""
        return f"mailto://127.0.0.1:{self.port}?from=crondesk@example.org&to=ops@example.org"


def _own_tls() -> ssl.SSLContext:
    """A server's side of TLS, with a certificate that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with NamedTemporaryFile() as file:
        file.write(private + certificate.public_bytes(encoding))
        file.flush()
        context.load_cert_chain(file.name)
    return context


@dataclass
class Posted:
    """One request."""

    at: float
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        return f"{self.body['title']}\n{self.body['message']}"


class Receiver:
    """An HTTP server that keeps what is posted; it can refuse, hang, or be down."""

    def __init__(self) -> None:
        self.posts: list[Posted] = []
        self.status = 200
        self.hang_seconds = 0.0
        self.released = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posts.append(Posted(time.time(), dict(self.headers), json.loads(body)))
                receiver.released.wait(receiver.hang_seconds)
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A sender that gave up is none of our concern."""

        def make(port: int) -> Server:
            return Server(("127.0.0.1", port), Handler)

        self._make = make
        self.port = 0
        self.up()

    @property
    def address(self) -> str:
        return f"json://reporter:pass-0fa1b2c3@127.0.0.1:{self.port}/hooks/token-9d8e7f"

    def up(self) -> None:
        """The first time on a free port, then on the same one again."""
        self._server = self._make(self.port)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def down(self) -> None:
        self._server.shutdown()
        self._server.server_close()
