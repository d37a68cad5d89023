// Drives a Proxmox VE with the npm client `@corsinvest/cv4pve-api-javascript` and prints, as one JSON
// document, what it saw. The environment names the server, as in drive_proxmoxer.py.
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const https = require("node:https");

const env = process.env;

// The client hard-codes `rejectUnauthorized: false` and offers no setting for a certificate, so the
// request function below it is given the certificate to trust and told to verify.
const ca = readFileSync(env.PVE_CA);
const plain = https.request;
https.request = (options, ...rest) => plain({ ...options, ca, rejectUnauthorized: true }, ...rest);

const { PveClient } = require(join(env.FOREIGN_MODULES, "node_modules", "@corsinvest", "cv4pve-api-javascript"));

const refusal = async (call) => {
  const result = await call();
  return { status: result.statusCode, reason: result.reasonPhrase };
};

async function life(client, vmid) {
  const base = `/nodes/${env.PVE_NODE}/lxc`;
  const container = client.nodes.get(env.PVE_NODE).lxc.get(vmid);
  const task = async (result) => {
    const upid = result.response.data;
    if (!(await client.waitForTaskToFinish(upid, 100, 60000))) throw new Error(`${upid} does not end`);
    return client.getExitStatusTask(upid);
  };
  const data = async (call) => (await call()).response.data;
  // The generated create method takes 45 parameters by position: its own base method reads better.
  const wish = {
    vmid,
    ostemplate: env.PVE_TEMPLATE,
    rootfs: `${env.PVE_STORAGE}:1`,
    hostname: `foreign${vmid}`,
    memory: 256,
    unprivileged: true,
    net0: "name=eth0,bridge=vmbr0,ip=dhcp",
  };
  const seen = { version: (await data(() => client.version.version())).version };
  seen.create = await task(await client.create(base, wish));
  seen.created = (await data(() => container.status.current.vmStatus())).status;
  seen.memory = (await data(() => container.config.vmConfig())).memory;
  seen["create again"] = await refusal(() => client.create(base, wish));
  seen.start = await task(await container.status.start.vmStart());
  seen.started = (await data(() => container.status.current.vmStatus())).status;
  seen["start again"] = await refusal(() => container.status.start.vmStart());
  seen.exec = await refusal(() => client.create(`${base}/${vmid}/exec`, { command: "id" }));
  seen.missing = await refusal(() => client.get(`${base}/4711/config`));
  seen["delete running"] = await refusal(() => client.delete(`${base}/${vmid}`));
  seen.stop = await task(await container.status.stop.vmStop());
  seen.stopped = (await data(() => container.status.current.vmStatus())).status;
  seen.delete = await task(await client.delete(`${base}/${vmid}`, { purge: true }));
  seen.deleted = await refusal(() => container.status.current.vmStatus());
  return seen;
}

async function main() {
  const connect = () => {
    const client = new PveClient(env.PVE_HOST, Number(env.PVE_PORT));
    client.logEnabled = false;
    return client;
  };
  const [name, realm] = env.PVE_USER.split("@");
  const seen = {};
  const byTicket = connect();
  if (!(await byTicket.login(name, env.PVE_PASSWORD, realm))) throw new Error("login refused");
  seen.ticket = await life(byTicket, 921);
  const byToken = connect();
  byToken.apiToken = `${env.PVE_USER}!${env.PVE_TOKEN_NAME}=${env.PVE_TOKEN_VALUE}`;
  seen.token = await life(byToken, 922);
  seen["wrong password"] = (await connect().login(name, "wrong", realm)) ? "accepted" : "refused";
  console.log(JSON.stringify(seen));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
