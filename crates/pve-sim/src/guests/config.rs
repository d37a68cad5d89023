//! A guest's configuration: how it is shown, and how values are brought into Proxmox's shape.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Config, Guest, Kind, disks};
use crate::property::{self, split_list};
use crate::schema::{self, Property};
use crate::world::World;

/// The schema of a guest's option.
pub(crate) fn schema_of(kind: Kind, option: &str) -> Option<&'static Property> {
    schema::operation("PUT", &kind.template("/config"))?.property(option)
}

/// A value as it stands in JSON: integers and flags of the schema are numbers, everything else is text.
pub(crate) fn shown(kind: Kind, option: &str, value: &str) -> Value {
    let numeric = match option {
        "template" | "snaptime" => true,
        _ => schema_of(kind, option).is_some_and(|s| s.is("integer") || s.is("boolean")),
    };
    match value.parse::<i64>() {
        Ok(number) if numeric => json!(number),
        _ if option == "cipassword" => json!("**********"),
        _ => json!(value),
    }
}

/// The configuration as `GET config` shows it. `current` leaves pending changes out.
pub(crate) fn object(guest: &Guest, current: bool) -> Value {
    let mut object = Map::new();
    for (option, value) in &guest.config {
        object.insert(option.clone(), shown(guest.kind, option, value));
    }
    if !current {
        for (option, value) in &guest.pending {
            match value {
                Some(value) => object.insert(option.clone(), shown(guest.kind, option, value)),
                None => object.remove(option),
            };
        }
    }
    object.insert("digest".into(), json!(guest.digest()));
    Value::Object(object)
}

/// `GET pending`.
pub(crate) fn pending(guest: &Guest) -> Value {
    let mut rows = Vec::new();
    for (option, value) in &guest.config {
        if option == "lock" {
            continue;
        }
        let mut row = json!({ "key": option, "value": shown(guest.kind, option, value) });
        match guest.pending.get(option) {
            Some(Some(new)) => row["pending"] = shown(guest.kind, option, new),
            Some(None) => row["delete"] = json!(1),
            None => {}
        }
        rows.push(row);
    }
    for (option, value) in guest.pending.iter().filter(|(option, _)| !guest.config.contains_key(*option)) {
        if let Some(value) = value {
            rows.push(json!({ "key": option, "pending": shown(guest.kind, option, value) }));
        }
    }
    rows.push(json!({ "key": "digest", "value": guest.digest() }));
    Value::Array(rows)
}

/// Tags lower-cased, without doubles, sorted.
pub(crate) fn tags(text: &str) -> String {
    let tags: BTreeSet<String> = split_list(text).into_iter().map(|t| t.to_lowercase()).collect();
    tags.into_iter().collect::<Vec<_>>().join(";")
}

impl World {
    /// Brings one option's value into the shape Proxmox stores: lists sorted, MAC addresses made, keys ordered.
    pub(crate) fn normalise(&mut self, kind: Kind, option: &str, value: &str) -> String {
        match option {
            "tags" => return tags(value),
            "description" => return format!("{}\n", value.trim_end_matches('\n')),
            _ => {}
        }
        let Some(schema) = schema_of(kind, option) else { return value.to_owned() };
        if schema.is("integer") {
            return value.parse::<i64>().map_or_else(|_| value.to_owned(), |n| n.to_string());
        }
        let Some(keys) = schema.keys() else { return value.to_owned() };
        let Ok(mut parts) = property::parse(option, value, keys) else { return value.to_owned() };
        if option.starts_with("net") {
            let mac = if kind == Kind::Lxc { "hwaddr" } else { "macaddr" };
            if !parts.contains_key(mac) {
                parts.insert(mac.into(), self.mac());
            }
            if kind == Kind::Lxc {
                parts.insert("type".into(), "veth".into());
            }
        }
        if option == "agent" {
            return value.to_owned();
        }
        property::print(&parts, keys)
    }

    /// Gives every network interface of a configuration a new MAC address.
    pub(crate) fn renew_macs(&mut self, kind: Kind, config: &mut Config) {
        let nets: Vec<String> = config.keys().filter(|k| is_net(k)).cloned().collect();
        for net in nets {
            let Some(keys) = schema_of(kind, &net).and_then(Property::keys) else { continue };
            let Ok(mut parts) = property::parse(&net, &config[&net], keys) else { continue };
            let mac = if kind == Kind::Lxc { "hwaddr" } else { "macaddr" };
            parts.insert(mac.into(), self.mac());
            config.insert(net, property::print(&parts, keys));
        }
    }
}

/// Whether an option is a network interface.
pub(crate) fn is_net(option: &str) -> bool {
    option.strip_prefix("net").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// The right one needs to set an option.
pub(crate) fn privilege_for(kind: Kind, option: &str) -> &'static str {
    if disks::is_disk(kind, option) || option.starts_with("unused") {
        return "VM.Config.Disk";
    }
    match (kind, option) {
        (_, "cores" | "cpulimit" | "cpuunits" | "sockets" | "vcpus" | "cpu" | "numa" | "affinity") => {
            "VM.Config.CPU"
        }
        (_, "memory" | "swap" | "balloon" | "shares") => "VM.Config.Memory",
        (_, "nameserver" | "searchdomain") | (Kind::Lxc, "hostname") => "VM.Config.Network",
        (Kind::Qemu, o) if o.starts_with("ipconfig") => "VM.Config.Network",
        (Kind::Qemu, "ciuser" | "cipassword" | "sshkeys" | "citype" | "ciupgrade" | "cicustom") => {
            "VM.Config.Cloudinit"
        }
        (
            Kind::Qemu,
            "machine" | "vga" | "scsihw" | "hotplug" | "kvm" | "bios" | "arch" | "args" | "rng0" | "watchdog"
            | "keyboard" | "smbios1",
        ) => "VM.Config.HWType",
        (Kind::Qemu, o) if o.starts_with("serial") || o.starts_with("usb") || o.starts_with("hostpci") => {
            "VM.Config.HWType"
        }
        (_, o) if is_net(o) => "VM.Config.Network",
        _ => "VM.Config.Options",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_stored_shape() {
        let mut world = World::for_test();
        assert_eq!(world.normalise(Kind::Lxc, "tags", "b, a C;d"), "a;b;c;d");
        assert_eq!(world.normalise(Kind::Lxc, "description", "x"), "x\n");
        let net = world.normalise(Kind::Lxc, "net0", "bridge=vmbr0,ip=10.0.0.2/24,name=eth0");
        assert!(net.starts_with("name=eth0,bridge=vmbr0,hwaddr=BC:24:11:"), "{net}");
        assert!(net.ends_with(",ip=10.0.0.2/24,type=veth"), "{net}");
        let net = world.normalise(Kind::Qemu, "net0", "virtio,bridge=vmbr0");
        assert!(net.starts_with("virtio=BC:24:11:") && net.ends_with(",bridge=vmbr0"), "{net}");
    }

    #[test]
    fn types_follow_the_schema() {
        assert_eq!(shown(Kind::Lxc, "memory", "256"), json!(256));
        assert_eq!(shown(Kind::Qemu, "memory", "256"), json!("256"));
        assert_eq!(shown(Kind::Lxc, "cpulimit", "0.5"), json!("0.5"));
        assert_eq!(shown(Kind::Qemu, "kvm", "0"), json!(0));
        assert_eq!(shown(Kind::Qemu, "cipassword", "x"), json!("**********"));
    }
}
