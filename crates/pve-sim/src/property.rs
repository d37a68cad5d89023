//! Property strings (`name=eth0,bridge=vmbr0`): parsed by their keys and printed in Proxmox's order.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::params::check_value;
use crate::schema::Property;

/// A parsed property string: key to value.
pub(crate) type Parts = BTreeMap<String, String>;

/// Parses `text` by `keys`. Errors as Proxmox words them.
pub(crate) fn parse(name: &str, text: &str, keys: &BTreeMap<String, Property>) -> Result<Parts, String> {
    let default_key = keys.iter().find(|(_, p)| p.default_key.is_some()).map(|(k, _)| k.as_str());
    let mut parts = Parts::new();
    for piece in text.split(',').filter(|p| !p.is_empty()) {
        let (key, value) = match piece.split_once('=') {
            Some((key, value)) => (key, value),
            None => match default_key {
                Some(key) if !parts.contains_key(key) => (key, piece),
                Some(_) => {
                    return Err("duplicate key in comma-separated list property: ".to_owned()
                        + default_key.unwrap_or_default());
                }
                None => {
                    return Err(format!(
                        "value without key, but schema does not define a default key: {piece}"
                    ));
                }
            },
        };
        insert(&mut parts, key, value, keys)?;
    }
    let mut faults = String::new();
    for (key, value) in &parts {
        let Some(schema) = keys.get(key) else { continue };
        if schema.is("boolean") && matches!(value.as_str(), "0" | "1") {
            continue;
        }
        if let Err(text) = check_value(key, value, schema) {
            let _ = writeln!(faults, "{name}.{key}: {}", text.trim_end_matches('\n').to_owned() + "\n");
        }
    }
    for (key, schema) in keys {
        if !schema.optional && schema.kind.is_some() && !parts.contains_key(key) {
            let _ = writeln!(faults, "{name}.{key}: property is missing and it is not optional");
        }
    }
    if faults.is_empty() {
        Ok(parts)
    } else {
        Err(format!("format error\n{}", faults.trim_end_matches('\n').to_owned() + "\n"))
    }
}

fn insert(
    parts: &mut Parts,
    key: &str,
    value: &str,
    keys: &BTreeMap<String, Property>,
) -> Result<(), String> {
    let Some(schema) = keys.get(key) else {
        return Err(format!("invalid key in comma-separated list property: {key}"));
    };
    // `virtio=MAC` in a VM's net0 means `model=virtio,macaddr=MAC`.
    if is_model(key, keys) {
        parts.insert("model".into(), key.to_owned());
        parts.insert("macaddr".into(), value.to_owned());
        return Ok(());
    }
    let value = if schema.is("boolean") { boolean(value) } else { value.to_owned() };
    if parts.insert(key.to_owned(), value).is_some() {
        return Err(format!("duplicate key in comma-separated list property: {key}"));
    }
    Ok(())
}

/// Whether `key` is one of the network models that may stand in for `model=`.
fn is_model(key: &str, keys: &BTreeMap<String, Property>) -> bool {
    keys.get("model").and_then(|m| m.choices.as_ref()).is_some_and(|c| c.iter().any(|m| m == key))
}

fn boolean(value: &str) -> String {
    match value.to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" => "1".into(),
        "0" | "off" | "no" | "false" => "0".into(),
        _ => value.to_owned(),
    }
}

/// Prints parts: default key first and bare, required keys, the rest by name.
pub(crate) fn print(parts: &Parts, keys: &BTreeMap<String, Property>) -> String {
    let is_default = |k: &str| keys.get(k).is_some_and(|p| p.default_key.is_some());
    let mut pieces = Vec::new();
    let net_model = parts.get("model").filter(|m| is_model(m, keys));
    for (key, value) in parts.iter().filter(|(k, _)| is_default(k)) {
        match (net_model, parts.get("macaddr")) {
            (Some(model), Some(mac)) if key == "model" => pieces.push(format!("{model}={mac}")),
            _ => pieces.push(value.clone()),
        }
    }
    let printed = |k: &str| is_default(k) || (net_model.is_some() && k == "macaddr");
    let required = |k: &str| keys.get(k).is_some_and(|p| !p.optional && p.kind.is_some());
    for (key, value) in parts.iter().filter(|(k, _)| !printed(k) && required(k)) {
        pieces.push(format!("{key}={value}"));
    }
    for (key, value) in parts.iter().filter(|(k, _)| !printed(k) && !required(k)) {
        pieces.push(format!("{key}={value}"));
    }
    pieces.join(",")
}

/// The pairs of a property string whose keys are not checked; a bare first piece is under `""`.
pub(crate) fn loose(text: &str) -> Parts {
    text.split(',')
        .filter(|p| !p.is_empty())
        .map(|p| p.split_once('=').unwrap_or(("", p)))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect()
}

/// Splits a list-valued string at `,`, `;`, white space and NUL.
pub(crate) fn split_list(text: &str) -> Vec<String> {
    text.split(|c: char| c == ',' || c == ';' || c == '\0' || c.is_whitespace())
        .filter(|s| !s.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Bytes of a disk size such as `8G`, `512M` or a plain number of bytes.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = match text.find(|c: char| !(c.is_ascii_digit() || c == '.')) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let factor = match unit {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1_u64 << 40,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|n| (n * factor as f64) as u64)
}

/// A size in its largest exact unit.
pub(crate) fn print_size(bytes: u64) -> String {
    for (shift, unit) in [(40, "T"), (30, "G"), (20, "M"), (10, "K")] {
        if bytes >= 1 << shift && bytes.is_multiple_of(1 << shift) {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    fn keys(template: &str, name: &str) -> &'static BTreeMap<String, Property> {
        schema::operation("PUT", template).unwrap().property(name).unwrap().keys().unwrap()
    }

    #[test]
    fn net_is_printed_with_its_name_first() {
        let keys = keys("/nodes/{node}/lxc/{vmid}/config", "net0");
        let mut parts = parse("net0", "bridge=vmbr0,ip=10.0.0.2/24,name=eth0,gw=10.0.0.1", keys).unwrap();
        parts.insert("type".into(), "veth".into());
        assert_eq!(print(&parts, keys), "name=eth0,bridge=vmbr0,gw=10.0.0.1,ip=10.0.0.2/24,type=veth");
    }

    #[test]
    fn vm_net_keeps_its_model_as_key() {
        let keys = keys("/nodes/{node}/qemu/{vmid}/config", "net0");
        let parts = parse("net0", "virtio=BC:24:11:B3:58:C6,bridge=vmbr0", keys).unwrap();
        assert_eq!(print(&parts, keys), "virtio=BC:24:11:B3:58:C6,bridge=vmbr0");
        assert!(parse("net0", "virtio,bridge=vmbr0,foo=1", keys).is_err());
    }

    #[test]
    fn sizes_round_trip() {
        for size in ["8G", "512M", "1T", "1536M", "4K"] {
            assert_eq!(print_size(parse_size(size).unwrap()), size);
        }
        assert_eq!(parse_size("8X"), None);
    }
}
