// A Minecraft server. Prints its port, then one JSON line for everybody who comes into play and who leaves.
//
//     minecraft-server.mjs VERSION MOTD       (FOREIGN_MODULES: where minecraft-protocol is installed)
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.env.FOREIGN_MODULES, 'package.json'));
const { createServer } = require('minecraft-protocol');

const [version, motd] = process.argv.slice(2);
const server = createServer({ 'online-mode': false, version, host: '127.0.0.1', port: 0, motd, maxPlayers: 12, hideErrors: true });
const { loginPacket } = require('minecraft-data')(server.version);
const say = (line) => console.log(JSON.stringify(line));

server.on('listening', () => console.log(server.socketServer.address().port));
server.on('playerJoin', (client) => {
  client.on('end', () => say({ left: client.username }));
  client.write('login', {
    ...loginPacket, entityId: client.id, isHardcore: false, gameMode: 0, previousGameMode: 1, hashedSeed: [0, 0],
    maxPlayers: server.maxPlayers, viewDistance: 10, reducedDebugInfo: false, enableRespawnScreen: true, isDebug: false,
    isFlat: false, enforceSecureChat: false, difficulty: 1, levelType: 'default', dimension: loginPacket?.dimension ?? 0,
  });
  say({ joined: client.username, uuid: client.uuid, asked: `${client.serverHost}:${client.serverPort}` });
});
