// The official MCP client and the official x402 buyer lease a container by our tools: story.mjs URL
//
// In the environment: KEY, the wallet's private key; FOREIGN_X402, the folder into which tests/foreign/x402/install.sh
// installed. Prints one line of JSON: what each step was answered.
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const folder = part => createRequire(resolve(join(process.env.FOREIGN_X402, part), 'package.json'));
const mcp = folder('mcp');
const x402 = folder('node');
const { Client } = mcp('@modelcontextprotocol/sdk/client/index.js');
const { StreamableHTTPClientTransport } = mcp('@modelcontextprotocol/sdk/client/streamableHttp.js');
const { x402Client } = x402('@x402/fetch');
const { ExactEvmScheme } = x402('@x402/evm/exact/client');
const { privateKeyToAccount } = x402('viem/accounts');

const [url] = process.argv.slice(2);
const wallet = new x402Client().register('eip155:*', new ExactEvmScheme(privateKeyToAccount(process.env.KEY)));
const client = new Client({ name: 'story', version: '1' });
const told = {};

async function call(step, name, args, _meta) {
  const result = await client.callTool({ name, arguments: args, ...(_meta && { _meta }) });
  told[step] = result;
  return result;
}

await client.connect(new StreamableHTTPClientTransport(new URL(url)));
told.server = client.getServerVersion();
told.tools = (await client.listTools()).tools;
await call('catalogue', 'catalogue', {});
const order = { minutes: 60, size: { cores: 1, memory_mib: 256, disk_gib: 4 }, name: 'story' };
await call('quote', 'quote', { minutes: order.minutes, size: order.size });
await call('bad', 'quote', { minutes: 60, price_micros: 0 });

// As x402 says it for MCP: the offer is the structured content, the payment goes beside the arguments.
const asked = await call('asked', 'lease', order);
const payment = await wallet.createPaymentPayload(asked.structuredContent);
const leased = await call('leased', 'lease', order, { 'x402/payment': payment });
const { token, order: { id: order_id, lease_id } } = leased.structuredContent;
await call('ordered', 'order', { order_id, wait_seconds: 30, token });
// The same payment once more buys nothing more, and tells nothing to whoever read it off the chain.
await call('again', 'lease', order, { 'x402/payment': payment });
await call('status', 'status', { lease_id, token });
await call('stranger', 'status', { lease_id });
await call('exec', 'exec', { lease_id, token, command: ['echo', 'here we are'] });

// As an argument, for clients that cannot send `_meta`.
const time = await call('time', 'renew', { lease_id, minutes: 30 });
const more = await wallet.createPaymentPayload(time.structuredContent);
const header = Buffer.from(JSON.stringify(more)).toString('base64');
await call('renewed', 'renew', { lease_id, minutes: 30, payment: header });
await call('list', 'list', { token });
await call('logs', 'logs', { lease_id, token });
await call('destroyed', 'destroy', { lease_id, token });
await client.close();
console.log(JSON.stringify(told));
