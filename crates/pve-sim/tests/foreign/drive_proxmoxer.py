"""Drives a Proxmox VE with proxmoxer and prints, as one JSON document, what it saw.

The server is named by the environment: PVE_HOST, PVE_PORT, PVE_CA (a file with the certificate to
trust), PVE_USER, PVE_PASSWORD, PVE_TOKEN_NAME, PVE_TOKEN_VALUE, PVE_NODE, PVE_TEMPLATE, PVE_STORAGE.
"""

import json
import os

from proxmoxer import AuthenticationError, ProxmoxAPI, ResourceException
from proxmoxer.tools import Tasks

ENV = os.environ
WHERE = {"port": int(ENV["PVE_PORT"]), "verify_ssl": ENV["PVE_CA"], "timeout": 30}


def refusal(call):
    """The status and text of a call that must be refused."""
    try:
        answer = call()
    except ResourceException as error:
        return {"status": error.status_code, "reason": error.content}
    return {"status": 200, "answer": repr(answer)}


def life(api, vmid):
    """One container from its creation to its deletion."""
    node = api.nodes(ENV["PVE_NODE"])
    container = node.lxc(vmid)

    def task(upid):
        return Tasks.blocking_status(api, upid, timeout=60, polling_interval=0.1)["exitstatus"]

    wish = {
        "vmid": vmid,
        "ostemplate": ENV["PVE_TEMPLATE"],
        "rootfs": f"{ENV['PVE_STORAGE']}:1",
        "hostname": f"foreign{vmid}",
        "memory": 256,
        "unprivileged": 1,
        "net0": "name=eth0,bridge=vmbr0,ip=dhcp",
    }
    seen = {"version": api.version.get()["version"]}
    seen["create"] = task(node.lxc.post(**wish))
    seen["created"] = container.status.current.get()["status"]
    seen["memory"] = container.config.get()["memory"]
    seen["create again"] = refusal(lambda: node.lxc.post(**wish))
    seen["start"] = task(container.status.start.post())
    seen["started"] = container.status.current.get()["status"]
    seen["start again"] = refusal(container.status.start.post)
    seen["exec"] = refusal(lambda: api(f"nodes/{ENV['PVE_NODE']}/lxc/{vmid}/exec").post(command="id"))
    seen["missing"] = refusal(node.lxc(4711).config.get)
    seen["delete running"] = refusal(container.delete)
    seen["stop"] = task(container.status.stop.post())
    seen["stopped"] = container.status.current.get()["status"]
    seen["delete"] = task(container.delete(purge=1))
    seen["deleted"] = refusal(container.status.current.get)
    return seen


def main():
    seen = {}
    by_ticket = ProxmoxAPI(ENV["PVE_HOST"], user=ENV["PVE_USER"], password=ENV["PVE_PASSWORD"], **WHERE)
    seen["ticket"] = life(by_ticket, 901)
    by_token = ProxmoxAPI(
        ENV["PVE_HOST"],
        user=ENV["PVE_USER"],
        token_name=ENV["PVE_TOKEN_NAME"],
        token_value=ENV["PVE_TOKEN_VALUE"],
        **WHERE,
    )
    seen["token"] = life(by_token, 902)
    try:
        ProxmoxAPI(ENV["PVE_HOST"], user=ENV["PVE_USER"], password="wrong", **WHERE)
        seen["wrong password"] = "accepted"
    except AuthenticationError:
        seen["wrong password"] = "refused"
    print(json.dumps(seen))


main()
