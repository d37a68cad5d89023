"""Rents a container for an hour and runs a command in it.

    pip install "x402[evm,httpx]"
    KEY=0x… python rent.py https://inn.example

KEY is the key of a wallet that holds USDC on the chain that the house takes; it needs no ether. The client pays at most
$1 at once: for more, see `set_spend_controls` below.
"""

import asyncio
import json
import os
import sys

from eth_account import Account
from x402 import x402Client
from x402.http.clients.httpx import x402HttpxClient
from x402.mechanisms.evm import EthAccountSigner
from x402.mechanisms.evm.exact.register import register_exact_evm_client

house = sys.argv[1]
wallet = x402Client()
register_exact_evm_client(wallet, EthAccountSigner(Account.from_key(os.environ["KEY"])))
# wallet.set_spend_controls({"max_amount_per_payment": "$5"})


def read(response):
    body = response.json()
    if response.is_error:
        sys.exit(f"{response.status_code}: {body.get('detail') or body.get('error') or body}")
    return body


async def main():
    async with x402HttpxClient(wallet, base_url=house, timeout=60) as http:
        # Ordered and paid. The token opens the lease from now on: keep it.
        wanted = {"minutes": 60, "size": {"cores": 1, "memory_mib": 512, "disk_gib": 4}}
        bought = read(await http.post("/api/v1/leases", json=wanted))
        order, token = bought["order"], bought["token"]

        # Mostly it is there at once. If not, its order says when.
        while order["state"] not in ("delivered", "credited", "lapsed"):
            order = read(await http.get(order["url"], params={"wait": "30s"}))["order"]
        if order["state"] != "delivered":
            sys.exit(f"no container: {order['problem']}")

        lease = f"/api/v1/leases/{order['lease_id']}"
        headers = {"authorization": f"Bearer {token}"}
        ran = read(await http.post(f"{lease}/exec", json={"command": ["uname", "-a"]}, headers=headers))
        print(ran["stdout"].strip())
        seen = read(await http.get(lease, headers=headers))
        print(json.dumps({"id": seen["id"], "token": token, "address": seen["address"], "expires_at": seen["expires_at"]}))


asyncio.run(main())
