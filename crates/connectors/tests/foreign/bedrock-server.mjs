// What answers pings of the Bedrock edition. Prints its port.
//
//     bedrock-server.mjs MOTD       (FOREIGN_MODULES: where jsp-raknet is installed)
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.env.FOREIGN_MODULES, 'package.json'));
const { Server } = require('jsp-raknet');
const { default: ServerName } = require('jsp-raknet/js/utils/ServerName.js');

const name = new ServerName();
Object.assign(name, { motd: process.argv[2], name: 'Cave', protocol: 686, version: '1.21.2', players: { online: 3, max: 10 } });
const server = new Server('127.0.0.1', 0, name);
await server.listen();
console.log(server.socket.address().port);
