//! Proxmox's named formats, each with the text it refuses with. Formats not listed accept everything.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{LazyLock, Mutex, PoisonError};

use regex::Regex;

use crate::property::{parse_size, split_list};

/// Whether `value` as a whole matches a pattern of the schema. A pattern this engine cannot express accepts.
pub(crate) fn matches(pattern: &str, value: &str) -> bool {
    static COMPILED: LazyLock<Mutex<HashMap<String, Option<Regex>>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let regex = compiled
        .entry(pattern.to_owned())
        .or_insert_with(|| Regex::new(&format!("^(?:{})$", pattern.replace("(?^", "(?"))).ok());
    regex.as_ref().is_none_or(|r| r.is_match(value))
}

/// Checks `value` against the format called `name`.
pub(crate) fn check(name: &str, value: &str) -> Result<(), String> {
    match name {
        "pve-configid-list" => {
            return split_list(value).iter().try_for_each(|v| {
                if matches(r"[a-zA-Z][a-zA-Z0-9_-]*", v) { Ok(()) } else { check("pve-configid", v) }
            });
        }
        "string-list" | "ldap-simple-attr-list" => return Ok(()),
        _ => {}
    }
    if let Some(item) = name.strip_suffix("-list") {
        return split_list(value).iter().try_for_each(|v| check(item, v));
    }
    let (fine, text) = match name {
        "pve-vmid" => (is_vmid(value), "value does not look like a valid VM ID".to_owned()),
        "pve-node" => (
            matches(r"[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?", value),
            "value does not look like a valid node name".to_owned(),
        ),
        "dns-name" => (is_dns_name(value), "value does not look like a valid DNS name".to_owned()),
        "pve-configid" => {
            (matches(r"(?i)[a-z][a-z0-9_-]+", value), format!("invalid configuration ID '{value}'"))
        }
        "pve-storage-id" => (
            matches(r"(?i)[a-z][a-z0-9\-_.]*[a-z0-9]", value),
            format!("storage ID '{value}' contains illegal characters"),
        ),
        "pve-poolid" => (
            matches(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}", value),
            format!("value '{value}' does not look like a valid pool name"),
        ),
        "pve-groupid" => {
            (matches(r"[A-Za-z0-9._-]+", value), format!("group name '{value}' contains invalid characters"))
        }
        "pve-roleid" => {
            (matches(r"[A-Za-z0-9._-]+", value), format!("role name '{value}' contains invalid characters"))
        }
        "pve-realm" => {
            (matches(r"[A-Za-z][A-Za-z0-9.\-_]+", value), "value does not look like a valid realm".to_owned())
        }
        "pve-tag" => (matches(r"(?i)[a-z0-9_][a-z0-9_\-+.]*", value), "invalid characters in tag".to_owned()),
        "urlencoded" => {
            (matches(r"[-%a-zA-Z0-9_.!~*'()]*", value), format!("invalid urlencoded string: {value}"))
        }
        "mac-addr" => (
            matches(r"(?i)[a-f0-9][02468ace](?::[a-f0-9]{2}){5}", value),
            "value does not look like a valid unicast MAC address".to_owned(),
        ),
        "ip" => (value.parse::<IpAddr>().is_ok(), "value does not look like a valid IP address".to_owned()),
        "lxc-ip-with-ll-iface" => (
            value.parse::<IpAddr>().is_ok() || value == "host" || value.contains('%'),
            "value does not look like a valid IP address".to_owned(),
        ),
        "ipv4" => {
            (value.parse::<Ipv4Addr>().is_ok(), "value does not look like a valid IPv4 address".to_owned())
        }
        "ipv6" => {
            (value.parse::<Ipv6Addr>().is_ok(), "value does not look like a valid IPv6 address".to_owned())
        }
        "address" => (
            value.parse::<IpAddr>().is_ok() || is_dns_name(value),
            format!("value '{value}' is not a valid hostname or IP address").to_owned(),
        ),
        "CIDR" => (is_cidr(value, None), "value does not look like a valid CIDR network".to_owned()),
        "CIDRv4" => {
            (is_cidr(value, Some(true)), "value does not look like a valid IPv4 CIDR network".to_owned())
        }
        "CIDRv6" => {
            (is_cidr(value, Some(false)), "value does not look like a valid IPv6 CIDR network".to_owned())
        }
        "pve-ipv4-config" => (
            matches!(value, "dhcp" | "manual") || is_cidr(value, Some(true)),
            "value does not look like a valid ipv4 network configuration".to_owned(),
        ),
        "pve-ipv6-config" => (
            matches!(value, "auto" | "dhcp" | "manual") || is_cidr(value, Some(false)),
            "value does not look like a valid ipv6 network configuration".to_owned(),
        ),
        "disk-size" => {
            (parse_size(value).is_some(), format!("value does not look like a valid disk size: {value}"))
        }
        "pve-volume-id" => (value.contains(':'), format!("unable to parse volume ID '{value}'")),
        "pve-calendar-event" => (
            value.split_whitespace().count() <= 2 && value.contains(|c: char| c.is_ascii_digit() || c == '*')
                || ["hourly", "daily", "weekly", "monthly", "yearly", "minutely"].contains(&value),
            calendar_text(value),
        ),
        "pve-storage-content" => (
            ["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "none", "import"].contains(&value),
            format!("invalid content type '{value}'"),
        ),
        "email" | "email-opt" => (
            value.is_empty() || value.contains('@'),
            "value does not look like a valid email address".to_owned(),
        ),
        _ => (true, String::new()),
    };
    if fine { Ok(()) } else { Err(text) }
}

fn calendar_text(value: &str) -> String {
    let first = value.split_whitespace().next().unwrap_or(value);
    format!(
        "invalid calendar event '{value}' - unable to parse calendar event at '{first}' - Context(\"weekday\")\n"
    )
}

fn is_vmid(value: &str) -> bool {
    matches(r"[1-9][0-9]{2,8}", value)
}

fn is_dns_name(value: &str) -> bool {
    matches(r"(?i)([a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?)(\.([a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?))*", value)
}

fn is_cidr(value: &str, v4: Option<bool>) -> bool {
    let Some((address, prefix)) = value.split_once('/') else { return false };
    let (Ok(address), Ok(prefix)) = (address.parse::<IpAddr>(), prefix.parse::<u8>()) else { return false };
    let max = if address.is_ipv4() { 32 } else { 128 };
    prefix > 0 && prefix <= max && v4.is_none_or(|v4| v4 == address.is_ipv4())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_the_server() {
        assert_eq!(check("pve-configid", "1 x").unwrap_err(), "invalid configuration ID '1 x'");
        assert!(check("pve-configid", "x").is_err());
        assert!(check("pve-configid-list", "protection,net0").is_ok());
        assert!(check("pve-tag-list", "b, a C;d").is_ok());
        assert_eq!(check("pve-tag-list", "a b!c").unwrap_err(), "invalid characters in tag");
    }
}
