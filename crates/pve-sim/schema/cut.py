#!/usr/bin/env python3
"""Cut Proxmox's published API schema down to what the simulator serves.

Usage: cut.py API-SCHEMA.json > served.json

Keeps facts only (names, types, formats, limits, permissions), no descriptions. The operations served are read from
`src/routes.rs` beside this script; of all others only method and path are kept, so that the simulator can tell
"Proxmox has this, the simulator does not" from "Proxmox does not have this".
"""
import json
import pathlib
import re
import sys

KEEP = ("type", "format", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "items",
        "default_key")


def cut(prop):
    out = {k: prop[k] for k in KEEP if k in prop}
    for key in ("minimum", "maximum", "minLength", "maxLength"):
        if key in out:
            out[key] = float(out[key]) if "." in str(out[key]) else int(out[key])
    out = {k: v for k, v in out.items() if v is not None}
    if "enum" in out:
        out["enum"] = [str(value) for value in out["enum"]]
    if prop.get("optional"):
        out["optional"] = True
    if isinstance(out.get("format"), dict):
        out["format"] = {k: cut(v) for k, v in out["format"].items()}
    if isinstance(out.get("items"), dict):
        out["items"] = cut(out["items"])
    return out


def main():
    here = pathlib.Path(__file__).parent
    routes = (here.parent / "src" / "routes.rs").read_text()
    served = set(re.findall(r'"(GET|POST|PUT|DELETE)",\s*"(/[^"]*)"', routes))
    operations, known = [], []
    for op in json.load(open(sys.argv[1])):
        key = (op["method"], op["path"])
        if key not in served:
            known.append(f"{key[0]} {key[1]}")
            continue
        properties = (op.get("parameters") or {}).get("properties") or {}
        operations.append({
            "method": op["method"], "path": op["path"],
            "protected": bool(op.get("protected")), "proxyto": bool(op.get("proxyto")),
            "allowtoken": op.get("allowtoken", 1) not in (0, "0", False),
            "permissions": {k: v for k, v in (op.get("permissions") or {}).items() if k in ("check", "user")} or None,
            "properties": {name: cut(p) for name, p in sorted(properties.items())},
        })
        served.discard(key)
    for key in sorted(served):
        print(f"not in the schema: {key[0]} {key[1]}", file=sys.stderr)
    operations.sort(key=lambda o: (o["path"], o["method"]))
    print(json.dumps({"operations": operations, "known": sorted(known)}, separators=(",", ":"), sort_keys=True))


main()
