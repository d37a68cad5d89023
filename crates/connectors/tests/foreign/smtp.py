"""A mail server. Prints its port, then one JSON line per letter that it took.

    smtp.py plain|starttls|tls [CERT KEY]

Refuses to=gone@… for ever (550), full@… for now (451), and any login but desk / s3cret.
"""
import asyncio, json, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

mode = sys.argv[1]
context = None
if mode != "plain":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])


class Box:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone@"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("full@"):
            return "451 4.2.2 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        print(json.dumps({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None or mode == "tls",
            "login": session.auth_data,
            "content": envelope.content.decode("ascii"),
        }), flush=True)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"desk", b"s3cret")
    return AuthResult(success=good, handled=False, auth_data=data.login.decode() if good else None)


def protocol():
    return SMTP(
        Box(),
        authenticator=authenticate if mode != "plain" else None,
        auth_required=mode != "plain",
        auth_require_tls=mode == "starttls",
        require_starttls=mode == "starttls",
        tls_context=context if mode == "starttls" else None,
    )


async def main():
    server = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", 0, ssl=context if mode == "tls" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
