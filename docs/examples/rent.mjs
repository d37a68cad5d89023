// Rents a container for an hour and runs a command in it.
//
//     npm install @x402/fetch @x402/evm viem
//     KEY=0x… node rent.mjs https://inn.example
//
// KEY is the key of a wallet that holds USDC on the chain that the house takes; it needs no ether. @x402/fetch pays at most
// $1 at once: for more, see `setSpendControls` below.
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { wrapFetchWithPayment, x402Client } from '@x402/fetch';
import { privateKeyToAccount } from 'viem/accounts';

const [house] = process.argv.slice(2);
const wallet = new x402Client().register('eip155:*', new ExactEvmScheme(privateKeyToAccount(process.env.KEY)));
// wallet.setSpendControls({ maxAmountPerPayment: '$5' });
const fetchAndPay = wrapFetchWithPayment(fetch, wallet);

async function json(response) {
  const body = await response.json();
  if (!response.ok) throw new Error(`${response.status}: ${body.detail ?? body.error ?? body.order?.problem}`);
  return body;
}

// Ordered and paid. The token opens the lease from now on: keep it.
const wanted = { minutes: 60, size: { cores: 1, memory_mib: 512, disk_gib: 4 } };
let { order, token } = await json(await fetchAndPay(`${house}/api/v1/leases`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(wanted),
}));

// Mostly it is there at once. If not, its order says when.
while (!['delivered', 'credited', 'lapsed'].includes(order.state)) {
  ({ order } = await json(await fetch(`${house}${order.url}?wait=30s`)));
}
if (order.state !== 'delivered') throw new Error(`no container: ${order.problem}`);

const lease = `${house}/api/v1/leases/${order.lease_id}`;
const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
const ran = await json(await fetch(`${lease}/exec`, {
  method: 'POST',
  headers,
  body: JSON.stringify({ command: ['uname', '-a'] }),
}));
console.log(ran.stdout.trim());
const { id, address, expires_at } = await json(await fetch(lease, { headers }));
console.log(JSON.stringify({ id, token, address, expires_at }));
