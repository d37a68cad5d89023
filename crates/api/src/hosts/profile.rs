//! How a host is woken and switched off, and when it may sleep; for staff. What is secret about it goes in and never comes
//! out.

use std::collections::BTreeMap;
use std::net::IpAddr;

use innkeeper_domain::abilities::Ability;
use innkeeper_domain::hosts as domain;
use innkeeper_domain::schedules::Weekday;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::secret::Secret;

/// How a host is woken.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum HostWake {
    /// Not by us.
    None,
    /// By magic packets (Wake-on-LAN).
    Packet {
        /// Its hardware address.
        #[schema(example = "00:23:7d:fd:c0:5c")]
        mac: String,
        /// The interface of ours that the packets leave by; without one, the way that routing finds.
        interface: Option<String>,
        /// Where they go: the broadcast address of its network, or an address of its own; `255.255.255.255` without.
        #[schema(value_type = Option<String>)]
        address: Option<IpAddr>,
        /// The UDP ports.
        #[serde(default = "usual_ports")]
        #[schema(min_items = 1, max_items = 4)]
        ports: Vec<u16>,
    },
    /// By another node of its cluster; its hardware address is set in Proxmox.
    Cluster,
    /// By a request to something that switches it on; see the secrets.
    Webhook,
}

fn usual_ports() -> Vec<u16> {
    vec![9, 7]
}

/// How a host is told by SSH to switch itself off, when its API does not do it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostFallback {
    /// The account there.
    user: String,
    /// The port.
    #[serde(default = "usual_port")]
    #[schema(minimum = 1)]
    port: u16,
    /// The host's key, `ssh-ed25519 AAAA…`, as `/etc/ssh/ssh_host_ed25519_key.pub` has it.
    host_key: String,
}

fn usual_port() -> u16 {
    22
}

/// Hours at which a host is to be awake, every week.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostWindow {
    /// The days on which it begins.
    #[schema(min_items = 1)]
    days: Vec<Weekday>,
    /// From when, `18:00`.
    from: String,
    /// Until when; earlier than the beginning means the next day.
    to: String,
    /// The name of the time zone, for example `Europe/Paris`.
    time_zone: String,
}

/// How a host is woken and switched off, and when it may sleep. What is left out has its usual value.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({
    "address": "192.0.2.10", "port": 22, "wake": { "by": "packet", "mac": "00:23:7d:fd:c0:5c" },
    "automatic": true, "idle_seconds": 600, "users_may": ["see", "wake"], "watts": 60,
}))]
pub(crate) struct HostProfile {
    /// Its address, which is pinged and knocked at.
    address: Option<String>,
    /// A TCP port of it that answers when it runs.
    #[schema(minimum = 1)]
    port: Option<u16>,
    /// How it is woken.
    wake: HostWake,
    /// How it is switched off when its API does not do it.
    fallback: Option<HostFallback>,
    /// Whether it goes to sleep by itself when nothing needs it; off when not said.
    automatic: bool,
    /// How long nothing must have needed it.
    #[schema(minimum = 30, maximum = 86_400, default = 600)]
    idle_seconds: u32,
    /// How long it then waits for somebody to call it off.
    #[schema(minimum = 10, maximum = 3_600, default = 120)]
    countdown_seconds: u32,
    /// How long it may take to start up.
    #[schema(minimum = 10, maximum = 3_600, default = 600)]
    startup_seconds: u32,
    /// How long it may take to switch itself off.
    #[schema(minimum = 30, maximum = 3_600, default = 300)]
    shutdown_seconds: u32,
    /// How long each guest has to stop by itself.
    #[schema(minimum = 5, maximum = 1_800, default = 60)]
    guest_seconds: u32,
    /// Guests that may be stopped for its sleep, by number, in this order. They are started again when it is awake.
    #[schema(max_items = 100)]
    may_stop: Vec<u32>,
    /// Voice channels on Discord in which people need it, by number.
    #[schema(max_items = 20)]
    voice_channels: Vec<String>,
    /// When it is to be awake.
    #[schema(max_items = 20)]
    windows: Vec<HostWindow>,
    /// What every user of the house may do with it. Who may do anything with it may see it.
    users_may: Vec<Ability>,
    /// What it draws when awake, in watts, for the report.
    watts: Option<u32>,
    /// Whether it sleeps even where its cluster loses its quorum by that.
    ignores_quorum: bool,
}

impl Default for HostProfile {
    fn default() -> Self {
        domain::Profile::default().into()
    }
}

impl From<domain::Profile> for HostProfile {
    fn from(profile: domain::Profile) -> Self {
        let window = |domain::Window { days, from, to, time_zone }| HostWindow { days, from, to, time_zone };
        Self {
            address: profile.address,
            port: profile.port,
            wake: match profile.wake {
                domain::Wake::None => HostWake::None,
                domain::Wake::Packet { mac, interface, address, ports } => {
                    HostWake::Packet { mac: mac.to_string(), interface, address, ports }
                }
                domain::Wake::Cluster => HostWake::Cluster,
                domain::Wake::Webhook => HostWake::Webhook,
            },
            fallback: profile.fallback.map(|domain::Fallback { user, port, host_key }| HostFallback {
                user,
                port,
                host_key,
            }),
            automatic: profile.automatic,
            idle_seconds: profile.idle_seconds,
            countdown_seconds: profile.countdown_seconds,
            startup_seconds: profile.startup_seconds,
            shutdown_seconds: profile.shutdown_seconds,
            guest_seconds: profile.guest_seconds,
            may_stop: profile.may_stop,
            voice_channels: profile.voice_channels,
            windows: profile.windows.into_iter().map(window).collect(),
            users_may: profile.users_may,
            watts: profile.watts,
            ignores_quorum: profile.ignores_quorum,
        }
    }
}

impl HostProfile {
    pub(super) fn read(self) -> Result<domain::Profile, Problem> {
        let window = |HostWindow { days, from, to, time_zone }| domain::Window { days, from, to, time_zone };
        let wake = match self.wake {
            HostWake::None => domain::Wake::None,
            HostWake::Packet { mac, interface, address, ports } => domain::Wake::Packet {
                mac: mac.parse().map_err(|bad: domain::BadMac| {
                    Problem::invalid_field("profile.wake.mac", bad.to_string())
                })?,
                interface,
                address,
                ports,
            },
            HostWake::Cluster => domain::Wake::Cluster,
            HostWake::Webhook => domain::Wake::Webhook,
        };
        Ok(domain::Profile {
            address: self.address,
            port: self.port,
            wake,
            fallback: self.fallback.map(|HostFallback { user, port, host_key }| domain::Fallback {
                user,
                port,
                host_key,
            }),
            automatic: self.automatic,
            idle_seconds: self.idle_seconds,
            countdown_seconds: self.countdown_seconds,
            startup_seconds: self.startup_seconds,
            shutdown_seconds: self.shutdown_seconds,
            guest_seconds: self.guest_seconds,
            may_stop: self.may_stop,
            voice_channels: self.voice_channels,
            windows: self.windows.into_iter().map(window).collect(),
            users_may: self.users_may,
            watts: self.watts,
            ignores_quorum: self.ignores_quorum,
        })
    }
}

/// What is secret about waking a host. It is sealed before it is kept, and never shown; what is left out is not set.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostSecrets {
    /// The SecureOn password of magic packets, written like a hardware address.
    secure_on: Option<Secret>,
    /// The request that switches it on, for hosts that are woken by a webhook.
    webhook: Option<HostWebhook>,
}

/// The request that switches a host on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostWebhook {
    /// Where, `https://…`.
    url: Secret,
    /// `GET`, `POST` or `PUT`.
    #[serde(default = "usual_method")]
    method: String,
    /// Headers by name.
    #[serde(default)]
    headers: BTreeMap<String, Secret>,
    /// What is sent.
    body: Option<Secret>,
}

fn usual_method() -> String {
    "POST".to_owned()
}

impl From<HostSecrets> for domain::Secrets {
    fn from(secrets: HostSecrets) -> Self {
        let plain = |secret: Secret| secret.0.expose_secret().to_owned();
        Self {
            secure_on: secrets.secure_on.map(plain),
            webhook: secrets.webhook.map(|hook| domain::Webhook {
                url: plain(hook.url),
                method: hook.method,
                headers: hook.headers.into_iter().map(|(name, value)| (name, plain(value))).collect(),
                body: hook.body.map(plain),
            }),
        }
    }
}

/// Which secrets are set.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HostSecretsSet {
    /// A SecureOn password.
    pub(super) secure_on: bool,
    /// The request of a webhook.
    pub(super) webhook: bool,
}
