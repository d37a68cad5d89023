//! Services: what players or users connect to on an instance, on another guest of a host, or on a host itself, and what
//! was last seen of it. A service is up when it answers by its own protocol, not when a port is open.

mod doorman;
mod sightings;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::abilities::Ability;
use crate::ids::{HostId, InstanceId, ServiceId};
use crate::mails::Language;
use crate::names::Hostname;
use crate::time::Timestamp;

pub use doorman::{Doorman, Scene, Way};
pub use sightings::{Answer, FRESH, Heard, LOOK_EVERY, Players, QUICK_LOOK, ServiceState, Sighting, signal};

words! {
    /// By what a service is spoken to.
    pub enum ServiceKind {
        /// Minecraft, Java edition.
        MinecraftJava = "minecraft_java",
        /// Minecraft, Bedrock edition.
        MinecraftBedrock = "minecraft_bedrock",
        /// Anything that accepts a connection.
        Tcp = "tcp",
        /// Anything that answers a request over HTTP.
        Http = "http",
    }
}

impl ServiceKind {
    /// Whether it says how many are there.
    pub fn counts_players(self) -> bool {
        matches!(self, Self::MinecraftJava | Self::MinecraftBedrock)
    }
}

/// Where a service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// On an instance.
    Instance(InstanceId),
    /// On a guest that is not ours.
    Guest {
        /// The host that it runs on.
        host: HostId,
        /// Its number in Proxmox.
        vmid: u32,
    },
    /// On the host itself.
    Host(HostId),
}

impl Place {
    /// The host, where it is named; an instance may be on any.
    pub fn host(self) -> Option<HostId> {
        match self {
            Self::Guest { host, .. } | Self::Host(host) => Some(host),
            Self::Instance(_) => None,
        }
    }

    /// The instance, if it is on one.
    pub fn instance(self) -> Option<InstanceId> {
        match self {
            Self::Instance(id) => Some(id),
            Self::Guest { .. } | Self::Host(_) => None,
        }
    }
}

/// Something that players or users connect to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Identity.
    pub id: ServiceId,
    /// How people call it; no other service is called so.
    pub name: Hostname,
    /// Where it runs.
    pub at: Place,
    /// By what it is spoken to.
    pub kind: ServiceKind,
    /// The language of what players read.
    pub language: Language,
    /// Its address; none for that which its instance reports.
    pub address: Option<String>,
    /// What people enter to reach it, when it is not that address: a name, or a name and a port.
    pub join_address: Option<String>,
    /// Its port.
    pub port: u16,
    /// What is asked for over HTTP.
    pub path: Option<String>,
    /// Its guest goes to sleep and wakes with the host: that it runs keeps the host awake no longer than players do.
    pub rests: bool,
    /// How long it may take to be ready after its guest has started, in seconds.
    pub ready_seconds: u32,
    /// How long before a restart players are told, in seconds.
    pub warn_seconds: u32,
    /// Where its remote console listens; none where it has none, or we may not use it.
    pub rcon_port: Option<u16>,
    /// Who answers for it while it sleeps.
    pub doorman: Option<Doorman>,
    /// What every user may do with it, beside what its host or its project allows.
    pub users_may: Vec<Ability>,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A setting of a service that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct BadService {
    /// The field, as in requests.
    pub field: &'static str,
    /// What a good one looks like.
    pub message: &'static str,
}

/// The longest that a service may take to be ready, in seconds.
pub const MOST_READY_SECONDS: u32 = 300;

/// The longest that players are told ahead, in seconds.
pub const MOST_WARN_SECONDS: u32 = 600;

impl Service {
    /// Whether its settings go together.
    pub fn check(&self) -> Result<(), BadService> {
        let bad = |field, message| Err(BadService { field, message });
        match (&self.address, self.at) {
            (Some(address), _) if !is_host(address) => {
                return bad("address", "use an IP address or a host name, without a port");
            }
            (None, Place::Guest { .. } | Place::Host(_)) => {
                return bad("address", "say where it is reached: only instances report their address");
            }
            _ => {}
        }
        if let Place::Guest { vmid, .. } = self.at
            && !(100..=999_999_999).contains(&vmid)
        {
            return bad("at", "the number of a guest in Proxmox is between 100 and 999999999");
        }
        if self.join_address.as_deref().is_some_and(|join| !is_join_address(join)) {
            return bad(
                "join_address",
                "use an IP address or a host name, and a port after it where one is needed",
            );
        }
        if self.port == 0 {
            return bad("port", "use a port between 1 and 65535");
        }
        match (&self.path, self.kind) {
            (Some(path), ServiceKind::Http) if !is_path(path) => {
                return bad(
                    "path",
                    "use a path that begins with `/`, without spaces, of at most 500 characters",
                );
            }
            (Some(_), kind) if kind != ServiceKind::Http => {
                return bad("path", "only a service of the kind `http` has a path");
            }
            _ => {}
        }
        if !(1..=MOST_READY_SECONDS).contains(&self.ready_seconds) {
            return bad("ready_seconds", "use 1 to 300 seconds");
        }
        if self.warn_seconds > MOST_WARN_SECONDS {
            return bad("warn_seconds", "use at most 600 seconds");
        }
        if self.rcon_port.is_some() && self.kind != ServiceKind::MinecraftJava {
            return bad("rcon", "only a service of the kind `minecraft_java` has a remote console");
        }
        if self.rcon_port == Some(0) {
            return bad("rcon", "use a port between 1 and 65535");
        }
        let Some(doorman) = &self.doorman else { return Ok(()) };
        if self.kind != ServiceKind::MinecraftJava {
            return bad("doorman", "the doorman speaks for services of the kind `minecraft_java` only");
        }
        doorman.check()
    }
}

/// An address, or a name that may be looked up. What it leads to is for staff alone to choose.
fn is_host(text: &str) -> bool {
    if text.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// What people enter: an address or a name, with or without a port; IPv6 before a port stands in brackets.
fn is_join_address(text: &str) -> bool {
    // The zone of an address means something on one machine only.
    let is_whole = |at: SocketAddr| at.port() != 0 && !matches!(at, SocketAddr::V6(at) if at.scope_id() != 0);
    if is_host(text) || text.parse().is_ok_and(is_whole) {
        return true;
    }
    let port = |port: &str| port.parse::<u16>().is_ok_and(|number| number != 0 && !port.starts_with('+'));
    text.rsplit_once(':').is_some_and(|(name, number)| is_host(name) && !name.contains(':') && port(number))
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.len() <= 500 && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn service(kind: ServiceKind) -> Service {
        Service {
            id: ServiceId::new(),
            name: "survival".parse().unwrap(),
            at: Place::Instance(InstanceId::new()),
            kind,
            language: Language::En,
            address: None,
            port: 25565,
            join_address: None,
            path: None,
            rests: true,
            ready_seconds: 300,
            warn_seconds: 10,
            rcon_port: None,
            doorman: None,
            users_may: Vec::new(),
            created_at: Timestamp(0),
        }
    }

    fn refused(change: impl FnOnce(&mut Service)) -> Option<&'static str> {
        let mut service = service(ServiceKind::MinecraftJava);
        change(&mut service);
        service.check().err().map(|bad| bad.field)
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_field() {
        let doorman = |listen: &str| Some(Doorman::at(listen.parse().unwrap()));
        assert_eq!(refused(|_| {}), None);
        assert_eq!(refused(|s| s.doorman = doorman("0.0.0.0:25565")), None);
        for address in ["10.0.0.7", "fd00::7", "games.example.org", "localhost"] {
            assert_eq!(refused(|s| s.address = Some(address.into())), None, "{address}");
        }
        for address in ["", "10.0.0.7:25565", "a b", "-a", "a..b", "http://x", "x/y", "é", "x@y"] {
            assert_eq!(refused(|s| s.address = Some(address.into())), Some("address"), "{address}");
        }
        for join in [
            "play.example.org",
            "play.example.org:25566",
            "192.0.2.7:25566",
            "[2001:db8::7]:25566",
            "2001:db8::7",
        ] {
            assert_eq!(refused(|s| s.join_address = Some(join.into())), None, "{join}");
        }
        for join in [
            "",
            "play.example.org:",
            "play.example.org:0",
            "a b:1",
            "a:70000",
            "a:+1",
            ":25565",
            "http://a",
            "2001:db8::7:99999",
            "[fe80::1%3]:25565",
        ] {
            assert_eq!(refused(|s| s.join_address = Some(join.into())), Some("join_address"), "{join}");
        }
        assert_eq!(refused(|s| s.at = Place::Host(HostId::new())), Some("address"));
        let guest = |vmid| Place::Guest { host: HostId::new(), vmid };
        let there = |s: &mut Service, vmid| (s.at, s.address) = (guest(vmid), Some("10.0.0.7".into()));
        assert_eq!(refused(|s| there(s, 105)), None);
        assert_eq!(refused(|s| there(s, 99)), Some("at"));
        assert_eq!(refused(|s| s.port = 0), Some("port"));
        assert_eq!(refused(|s| s.path = Some("/".into())), Some("path"));
        for seconds in [0, 301] {
            assert_eq!(refused(|s| s.ready_seconds = seconds), Some("ready_seconds"));
        }
        assert_eq!(refused(|s| s.warn_seconds = 601), Some("warn_seconds"));
        assert_eq!(refused(|s| s.rcon_port = Some(0)), Some("rcon"));
        let tcp = |s: &mut Service| s.kind = ServiceKind::Tcp;
        assert_eq!(refused(|s| (tcp(s), s.rcon_port = Some(1)).1), Some("rcon"));
        assert_eq!(refused(|s| (tcp(s), s.doorman = doorman("0.0.0.0:25565")).1), Some("doorman"));
        assert_eq!(refused(|s| s.doorman = doorman("0.0.0.0:0")), Some("doorman"));
        let http = |s: &mut Service, path: &str| (s.kind, s.path) = (ServiceKind::Http, Some(path.into()));
        assert_eq!(refused(|s| http(s, "/health?x=1")), None);
        for path in ["", "health", "/a b", "/a\r\nX: y"] {
            assert_eq!(refused(|s| http(s, path)), Some("path"), "{path}");
        }
    }
}
