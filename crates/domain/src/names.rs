//! Names that people give, parsed once at the edge: afterwards a value of these types is known to be good.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A word outside the list of those allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not one of: {}", allowed.join(", "))]
pub struct UnknownWord {
    /// What was given (cut to 40 characters).
    pub word: String,
    /// What would have been right.
    pub allowed: &'static [&'static str],
}

/// Why a name was refused, and what a good one looks like.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadName(pub &'static str);

macro_rules! names {
    ($($(#[$meta:meta])* $name:ident($check:ident)),+ $(,)?) => { $(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> { $check(text).map(Self) }
        }
        impl TryFrom<String> for $name {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> { text.parse() }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self { name.0 }
        }
        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String).into()
            }
        }
        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    )+ };
}

names! {
    /// The host name of an instance: one DNS label (RFC 1123), lower case.
    Hostname(hostname),
    /// A short name of a cluster, template, plan or project as shown to people: 1 to 64 printable characters.
    Title(title),
    /// An e-mail address, lower-cased.
    Email(email),
    /// The name of a Proxmox node.
    NodeName(node_name),
    /// The id of a Proxmox storage.
    StorageName(storage_name),
    /// A public key in the one-line form of OpenSSH.
    SshKey(ssh_key),
    /// A word by which an instance is found again: lower-case letters, digits, `_`, `-`, `+` and `.`.
    Tag(tag),
    /// The name of a snapshot: a letter, then letters, digits, `_` and `-`.
    SnapshotName(snapshot_name),
    /// The name of a bridge of the hosts, as Proxmox lists it: `vmbr0`, or a network of its SDN.
    BridgeName(bridge_name),
    /// Why somebody decided against somebody: 1 to 500 characters, shown to both.
    Reason(reason),
    /// What everybody is told: 1 to 1000 characters of plain text, in one line or several.
    Told(told),
}

fn bridge_name(text: &str) -> Result<String, BadName> {
    // Linux takes 15 characters for an interface.
    let good = (1..=15).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    good.then(|| text.to_owned()).ok_or(BadName(
        "use the bridge's name as Proxmox lists it, for example `vmbr0`: at most 15 characters",
    ))
}

fn tag(text: &str) -> Result<String, BadName> {
    let first = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let good = (1..=32).contains(&text.len())
        && text.bytes().next().is_some_and(first)
        && text.bytes().all(|b| first(b) || matches!(b, b'-' | b'+' | b'.'));
    if !good {
        return Err(BadName(
            "must be 1 to 32 lower-case letters, digits, `_`, `-`, `+` or `.`, the first a letter, digit or `_`",
        ));
    }
    if text == crate::mark::TAG {
        return Err(BadName("must not be `innkeeper`, which the house itself puts on every guest"));
    }
    Ok(text.to_owned())
}

fn snapshot_name(text: &str) -> Result<String, BadName> {
    let good = (2..=40).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if !good {
        return Err(BadName("must be 2 to 40 letters, digits, `_` or `-`, and begin with a letter"));
    }
    if ["current", "pending", "vzdump"].contains(&text.to_ascii_lowercase().as_str()) {
        return Err(BadName("must not be `current`, `pending` or `vzdump`, which Proxmox keeps for itself"));
    }
    Ok(text.to_owned())
}

fn hostname(text: &str) -> Result<String, BadName> {
    let good = (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    if good {
        Ok(text.to_owned())
    } else {
        Err(BadName(
            "use 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end, for example `web-1`",
        ))
    }
}

/// Marks that nobody sees, and that make what stands around them look otherwise: they turn its direction, hide it or break
/// its line. Those that join letters stay, since some scripts and pictures need them.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Marks that nobody sees are left out, as the spaces around it are.
fn title(text: &str) -> Result<String, BadName> {
    let text: String = text.chars().filter(|c| !is_unseen(*c)).collect();
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 64 || text.chars().any(char::is_control) {
        return Err(BadName("use 1 to 64 printable characters"));
    }
    Ok(text.to_owned())
}

fn reason(text: &str) -> Result<String, BadName> {
    let text = text.trim();
    let odd = |c: char| c.is_control() && c != '\n';
    if text.is_empty() || text.chars().count() > 500 || text.chars().any(odd) {
        return Err(BadName("say why, in 1 to 500 characters"));
    }
    Ok(text.to_owned())
}

fn email(text: &str) -> Result<String, BadName> {
    let bad = BadName("use an address like `ada@example.org`");
    let text = text.trim().to_lowercase();
    let (local, host) = text.split_once('@').ok_or_else(|| bad.clone())?;
    let odd = |c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"@".contains(c);
    let bad_host = host.is_empty() || host.starts_with('.') || host.ends_with('.') || host.contains("..");
    if local.is_empty() || bad_host || text.len() > 254 || local.contains(odd) || host.contains(odd) {
        return Err(bad);
    }
    Ok(text)
}

fn node_name(text: &str) -> Result<String, BadName> {
    let good = (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    good.then(|| text.to_owned())
        .ok_or(BadName("use the node's name as Proxmox lists it, for example `pve1`"))
}

fn storage_name(text: &str) -> Result<String, BadName> {
    let good = (2..=100).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    good.then(|| text.to_owned())
        .ok_or(BadName("use the storage's id as Proxmox lists it, for example `local-lvm`"))
}

fn ssh_key(text: &str) -> Result<String, BadName> {
    let text = text.trim();
    let bad = BadName("use one public key in OpenSSH form, for example `ssh-ed25519 AAAA… name`");
    let mut parts = text.split(' ');
    let kind = parts.next().unwrap_or_default();
    let body = parts.next().unwrap_or_default();
    let known = [
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    ];
    let base64 = body.len() >= 40 && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
    if !known.contains(&kind) || !base64 || text.len() > 4096 || text.chars().any(char::is_control) {
        return Err(bad);
    }
    Ok(text.to_owned())
}

fn told(text: &str) -> Result<String, BadName> {
    let text = text.trim().replace("\r\n", "\n");
    let odd = |c: char| c.is_control() && c != '\n' || is_unseen(c);
    if text.is_empty() || text.chars().count() > 1000 || text.chars().any(odd) {
        return Err(BadName("write 1 to 1000 characters of plain text"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_strictly() {
        for good in ["web-1", "a", "0x", &"a".repeat(63)] {
            assert!(good.parse::<Hostname>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "a_b", "A", "a.b", "a b", "..", "é", &"a".repeat(64)] {
            assert!(bad.parse::<Hostname>().is_err(), "{bad}");
        }
        assert_eq!("Ada@Example.ORG".parse::<Email>().unwrap().as_str(), "ada@example.org");
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@.c", "a@c..d", "a\n@c"] {
            assert!(bad.parse::<Email>().is_err(), "{bad}");
        }
        assert_eq!(" spam\nagain ".parse::<Reason>().unwrap().as_str(), "spam\nagain");
        for bad in ["", " ", "a\0b", &"x".repeat(501)] {
            assert!(bad.parse::<Reason>().is_err(), "{bad}");
        }
        assert_eq!(" Tonight:\r\nno power ".parse::<Told>().unwrap().as_str(), "Tonight:\nno power");
        for bad in ["", "\n", "a\tb", "a\u{202e}b", "a\u{2028}b", "a\u{feff}", &"é".repeat(1001)] {
            assert!(bad.parse::<Told>().is_err(), "{bad}");
        }
        assert_eq!(" a\u{202e}b\u{2028}\u{200b} ".parse::<Title>().unwrap().as_str(), "ab");
        assert_eq!("👩\u{200d}🍳 café".parse::<Title>().unwrap().as_str(), "👩\u{200d}🍳 café");
        assert!("\u{200e}\u{feff}".parse::<Title>().is_err());
        assert!("..".parse::<StorageName>().is_err());
        assert!("../x".parse::<NodeName>().is_err());
        assert!("ssh-ed25519 AAAA\nssh-rsa BBBB".parse::<SshKey>().is_err());
    }
}
