// A Minecraft client. Prints one JSON line for each thing that happens to it; ends with its connection, or once it plays.
//
//     minecraft-client.mjs status PORT
//     minecraft-client.mjs join PORT VERSION NAME
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.env.FOREIGN_MODULES, 'package.json'));
const { createClient, ping } = require('minecraft-protocol');

const [what, port, version, username] = process.argv.slice(2);
const say = (line) => console.log(JSON.stringify(line));
const place = { host: '127.0.0.1', port: Number(port) };

if (what === 'status') {
  const { version, players, description, latency } = await ping({ ...place, version: '1.21.4', noPongTimeout: 5000, closeTimeout: 20000 });
  say({ version, players, description, ponged: Number.isFinite(latency) });
  process.exit(0);
}

const client = createClient({ ...place, version, username, auth: 'offline', hideErrors: true });
client.on('disconnect', ({ reason }) => say({ disconnect: reason }));
client.on('transfer', ({ host, port }) => {
  say({ transfer: `${host}:${port}` });
  client.end();
});
client.on('login', () => {
  say({ playing: true });
  client.end();
});
client.on('error', (error) => say({ error: error.message }));
client.on('end', () => {
  say({ ended: true });
  process.exit(0);
});
