"""The official Python clients: buy.py httpx|requests METHOD URL [BODY]"""

import asyncio
import base64
import json
import os
import sys

from eth_account import Account
from x402 import x402Client, x402ClientSync
from x402.mechanisms.evm import EthAccountSigner
from x402.mechanisms.evm.exact.register import register_exact_evm_client

client, method, url = sys.argv[1:4]
body = sys.argv[4] if len(sys.argv) > 4 else ""
headers = {**({"content-type": "application/json"} if body else {}), **json.loads(os.environ.get("HEADERS") or "{}")}
limit = os.environ.get("MAX_USD")


def furnished(wallet):
    register_exact_evm_client(wallet, EthAccountSigner(Account.from_key(os.environ["KEY"])))
    if limit:
        wallet.set_spend_controls({"max_amount_per_payment": "$" + limit})
    return wallet


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def say(status, got, text):
    got = {name.lower(): value for name, value in got.items()}
    receipt = got.get("payment-response")
    receipt = json.loads(base64.b64decode(receipt)) if receipt else None
    print(json.dumps({"client": client, "status": status, "headers": got, "body": parsed(text), "payment_response": receipt}))


async def by_httpx():
    from x402.http.clients.httpx import x402HttpxClient

    async with x402HttpxClient(furnished(x402Client()), timeout=60, trust_env=False) as session:
        response = await session.request(method, url, content=body or None, headers=headers)
        say(response.status_code, response.headers, (await response.aread()).decode())


def by_requests():
    from x402.http.clients.requests import x402_requests

    session = x402_requests(furnished(x402ClientSync()))
    session.trust_env = False
    response = session.request(method, url, data=body or None, headers=headers, timeout=60)
    say(response.status_code, response.headers, response.text)


try:
    if client == "httpx":
        asyncio.run(by_httpx())
    else:
        by_requests()
except Exception as error:
    print(json.dumps({"client": client, "error": str(error)}))
    sys.exit(1)
