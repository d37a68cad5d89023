//! Cloud-init of machines: what is set, what the drive would hold.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Guest, Kind, config};
use crate::call::Call;
use crate::error::{ApiError, Outcome, null};
use crate::property;

/// Whether an option goes onto the cloud-init drive.
fn is_option(option: &str) -> bool {
    matches!(
        option,
        "ciuser"
            | "cipassword"
            | "citype"
            | "ciupgrade"
            | "cicustom"
            | "sshkeys"
            | "nameserver"
            | "searchdomain"
            | "name"
    ) || option.starts_with("ipconfig")
}

/// `GET .../cloudinit`: options and what waits for the drive to be written anew. Without a drive: nothing.
pub(crate) fn pending(call: &mut Call<'_>) -> Outcome {
    let guest = call.guest(Kind::Qemu)?;
    if !has_drive(guest) {
        return Ok(json!([]).into());
    }
    let rows = guest.config.iter().filter(|(k, _)| is_option(k)).map(|(option, value)| {
        let mut row = json!({ "key": option, "value": config::shown(Kind::Qemu, option, value) });
        if let Some(Some(new)) = guest.pending.get(option) {
            row["pending"] = config::shown(Kind::Qemu, option, new);
        }
        row
    });
    Ok(rows.collect::<Value>().into())
}

fn has_drive(guest: &Guest) -> bool {
    guest.config.values().any(|v| v.contains("cloudinit") && v.contains("media=cdrom"))
}

/// `PUT .../cloudinit`: writes the drive anew.
pub(crate) fn regenerate(call: &mut Call<'_>) -> Outcome {
    let vmid = call.params.vmid();
    call.world.unlocked(&call.node, Kind::Qemu, vmid)?;
    if let Some(guest) = call.world.guests.get_mut(&vmid) {
        let waiting: Vec<String> = guest.pending.keys().filter(|k| is_option(k)).cloned().collect();
        for option in waiting {
            match guest.pending.remove(&option).flatten() {
                Some(value) => guest.config.insert(option, value),
                None => guest.config.remove(&option),
            };
        }
    }
    null()
}

/// `GET .../cloudinit/dump`.
pub(crate) fn dump(call: &mut Call<'_>) -> Outcome {
    let guest = call.guest(Kind::Qemu)?;
    let text = match call.params.required("type") {
        "user" => user_data(guest),
        "network" => network_data(guest),
        "meta" => format!("instance-id: {}\n", guest.digest()),
        other => return Err(ApiError::parameter("type", format!("unknown type '{other}'"))),
    };
    Ok(json!(text).into())
}

fn user_data(guest: &Guest) -> String {
    let name = guest.name();
    let mut text = format!("#cloud-config\nhostname: {name}\nmanage_etc_hosts: true\nfqdn: {name}\n");
    let _ = writeln!(text, "user: {}", guest.get("ciuser").unwrap_or("root"));
    if guest.get("cipassword").is_some() {
        text.push_str("disable_root: False\npassword: **********\nchpasswd:\n  expire: False\n");
    }
    if let Some(keys) = guest.get("sshkeys") {
        text.push_str("ssh_authorized_keys:\n");
        let keys = percent_encoding::percent_decode_str(keys).decode_utf8_lossy();
        for key in keys.lines().filter(|k| !k.is_empty()) {
            let _ = writeln!(text, "  - {key}");
        }
    }
    text.push_str("users:\n  - default\n");
    let upgrade = guest.get("ciupgrade") != Some("0");
    let _ = writeln!(text, "package_upgrade: {upgrade}");
    text
}

fn network_data(guest: &Guest) -> String {
    let mut text = "version: 1\nconfig:\n".to_owned();
    for (at, (option, value)) in guest.config.iter().filter(|(k, _)| config::is_net(k)).enumerate() {
        let mac =
            property::loose(value).into_values().find(|v| v.matches(':').count() == 5).unwrap_or_default();
        let _ = writeln!(
            text,
            "    - type: physical\n      name: eth{at}\n      mac_address: '{}'\n      subnets:",
            mac.to_lowercase()
        );
        let number = option.trim_start_matches("net");
        let wanted = property::loose(guest.get(&format!("ipconfig{number}")).unwrap_or("ip=dhcp"));
        match wanted.get("ip").map(String::as_str) {
            Some("dhcp") | None => text.push_str("      - type: dhcp4\n"),
            Some(address) => {
                let _ = writeln!(text, "      - type: static\n        address: '{address}'");
                if let Some(gateway) = wanted.get("gw") {
                    let _ = writeln!(text, "        gateway: '{gateway}'");
                }
            }
        }
    }
    text
}
