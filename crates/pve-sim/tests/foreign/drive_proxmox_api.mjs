// Drives a Proxmox VE with the npm client `proxmox-api` and prints, as one JSON document, what it saw.
// The environment names the server, as in drive_proxmoxer.py; FOREIGN_MODULES is where npm installed.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const env = process.env;
const require = createRequire(join(env.FOREIGN_MODULES, "package.json"));
const { default: proxmoxApi } = require("proxmox-api");
const { Agent, fetch } = require("undici");

// The client has no setting for a certificate, but lets its caller bring the fetch it uses.
const dispatcher = new Agent({ connect: { ca: readFileSync(env.PVE_CA) } });
const trusting = (url, init) => fetch(url, { ...init, dispatcher });
const server = { host: env.PVE_HOST, port: Number(env.PVE_PORT), fetch: trusting };

// The client packs status, reason and body into the text of its error.
async function refusal(call) {
  try {
    return { status: 200, answer: await call() };
  } catch (error) {
    const found = /(?:return Error|failed with) (\d+) (.*?)(?: return)?: \{/.exec(error.message);
    return found ? { status: Number(found[1]), reason: found[2] } : { error: error.message };
  }
}

async function life(api, vmid) {
  const node = api.nodes.$(env.PVE_NODE);
  const container = node.lxc.$(vmid);
  const task = async (upid) => {
    for (;;) {
      const now = await node.tasks.$(upid).status.$get();
      if (now.status === "stopped") return now.exitstatus;
      await new Promise((done) => setTimeout(done, 100));
    }
  };
  const wish = {
    vmid,
    ostemplate: env.PVE_TEMPLATE,
    rootfs: `${env.PVE_STORAGE}:1`,
    hostname: `foreign${vmid}`,
    memory: 256,
    unprivileged: true,
    net0: "name=eth0,bridge=vmbr0,ip=dhcp",
  };
  const seen = { version: (await api.version.$get()).version };
  seen.create = await task(await node.lxc.$post(wish));
  seen.created = (await container.status.current.$get()).status;
  seen.memory = (await container.config.$get()).memory;
  seen["create again"] = await refusal(() => node.lxc.$post(wish));
  seen.start = await task(await container.status.start.$post());
  seen.started = (await container.status.current.$get()).status;
  seen["start again"] = await refusal(() => container.status.start.$post());
  seen.exec = await refusal(() => container.exec.$post({ command: "id" }));
  seen.missing = await refusal(() => node.lxc.$(4711).config.$get());
  seen["delete running"] = await refusal(() => container.$delete());
  seen.stop = await task(await container.status.stop.$post());
  seen.stopped = (await container.status.current.$get()).status;
  seen.delete = await task(await container.$delete({ purge: true }));
  seen.deleted = await refusal(() => container.status.current.$get());
  return seen;
}

const seen = {};
seen.ticket = await life(proxmoxApi({ ...server, username: env.PVE_USER, password: env.PVE_PASSWORD }), 911);
const tokenID = `${env.PVE_USER}!${env.PVE_TOKEN_NAME}`;
seen.token = await life(proxmoxApi({ ...server, tokenID, tokenSecret: env.PVE_TOKEN_VALUE }), 912);
const wrong = proxmoxApi({ ...server, username: env.PVE_USER, password: "wrong" });
seen["wrong password"] = await wrong.version.$get().then(() => "accepted", () => "refused");
console.log(JSON.stringify(seen));
await dispatcher.close();
