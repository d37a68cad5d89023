//! How a host is woken and switched off, and when it may sleep; checked before it is kept.

use std::fmt;
use std::net::IpAddr;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Mac;
use crate::abilities::Ability;
use crate::schedules::Weekday;
use crate::time::Timestamp;

/// Something of a profile cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct BadProfile {
    /// Which field.
    pub field: &'static str,
    /// What is wrong with it, and what to write.
    pub message: String,
}

impl BadProfile {
    fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into() }
    }
}

/// How a host is woken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Wake {
    /// Not by us.
    None,
    /// By magic packets.
    Packet {
        /// Its hardware address.
        mac: Mac,
        /// The interface that they leave by; without one, the way that routing finds.
        interface: Option<String>,
        /// Where they go: the broadcast address of its network, or an address of its own; `255.255.255.255` without.
        address: Option<IpAddr>,
        /// The UDP ports, usually 9 and 7.
        ports: Vec<u16>,
    },
    /// By another node of its cluster (`POST /nodes/{node}/wakeonlan`).
    Cluster,
    /// By a request to something that switches it on: a management controller, a smart plug.
    Webhook,
}

/// What is secret about waking; kept sealed.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Secrets {
    /// The SecureOn password of magic packets, written like a hardware address.
    pub secure_on: Option<String>,
    /// The request of a webhook.
    pub webhook: Option<Webhook>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// The request that switches a host on.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Where.
    pub url: String,
    /// `GET`, `POST` or `PUT`.
    pub method: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Option<String>,
}

/// How a host is told by SSH to switch itself off, when its API does not do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fallback {
    /// The account there.
    pub user: String,
    /// The port.
    pub port: u16,
    /// The host's key, `ssh-ed25519 AAAA…`.
    pub host_key: String,
}

/// Hours at which a host is to be awake, every week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The days on which it begins.
    pub days: Vec<Weekday>,
    /// From when, `18:00`.
    pub from: String,
    /// Until when; earlier than the beginning means the next day.
    pub to: String,
    /// The name of the time zone, for example `Europe/Paris`.
    pub time_zone: String,
}

/// How a host is woken and switched off, and when it may sleep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Its address, which is pinged and knocked at.
    pub address: Option<String>,
    /// A TCP port of it that answers when it runs.
    pub port: Option<u16>,
    /// How it is woken.
    pub wake: Wake,
    /// How it is switched off when its API does not do it.
    pub fallback: Option<Fallback>,
    /// It goes to sleep by itself when nothing needs it.
    pub automatic: bool,
    /// How long nothing must have needed it.
    pub idle_seconds: u32,
    /// How long it then waits for somebody to call it off.
    pub countdown_seconds: u32,
    /// How long it may take to start up.
    pub startup_seconds: u32,
    /// How long it may take to switch itself off.
    pub shutdown_seconds: u32,
    /// How long each guest has to stop by itself.
    pub guest_seconds: u32,
    /// Guests that are not ours and that may be stopped for its sleep, in this order.
    pub may_stop: Vec<u32>,
    /// Voice channels on Discord in which people need it.
    pub voice_channels: Vec<String>,
    /// When it is to be awake.
    pub windows: Vec<Window>,
    /// What every user of the house may do with it.
    pub users_may: Vec<Ability>,
    /// What it draws when awake, for the report.
    pub watts: Option<u32>,
    /// It sleeps even where its cluster loses its quorum by that: the others have it by other means, or need none.
    #[serde(default)]
    pub ignores_quorum: bool,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            address: None,
            port: None,
            wake: Wake::None,
            fallback: None,
            automatic: false,
            idle_seconds: 600,
            countdown_seconds: 120,
            startup_seconds: 600,
            shutdown_seconds: 300,
            guest_seconds: 60,
            may_stop: Vec::new(),
            voice_channels: Vec::new(),
            windows: Vec::new(),
            users_may: Vec::new(),
            watts: None,
            ignores_quorum: false,
        }
    }
}

impl Profile {
    /// Whether it can be kept as it is.
    pub fn check(&self) -> Result<(), BadProfile> {
        let bad = |field, message: &str| Err(BadProfile::new(field, message));
        if let Some(address) = &self.address {
            let name = address.parse::<IpAddr>().is_ok()
                || !address.is_empty()
                    && address.len() <= 253
                    && address.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
            if !name {
                return bad("address", "write an IP address or a host name, without a port");
            }
        }
        if self.port == Some(0) || self.fallback.as_ref().is_some_and(|ssh| ssh.port == 0) {
            return bad("port", "write a port between 1 and 65535");
        }
        if self.address.is_none() && (self.port.is_some() || self.fallback.is_some()) {
            return bad(
                "address",
                "a port is knocked at, and SSH is spoken, at the host's address: write it too",
            );
        }
        if let Some(ssh) = &self.fallback {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            if ssh.user.is_empty() || ssh.user.len() > 32 || !ssh.user.bytes().all(plain) {
                return bad("fallback.user", "write the name of an account on the host");
            }
        }
        if let Wake::Packet { interface, ports, .. } = &self.wake {
            if ports.is_empty() || ports.len() > 4 || ports.contains(&0) {
                return bad("wake.ports", "name one to four ports, usually 9 and 7");
            }
            let odd = |b: u8| b.is_ascii_whitespace() || b == b'/' || !b.is_ascii_graphic();
            if interface
                .as_ref()
                .is_some_and(|name| name.is_empty() || name.len() > 15 || name.bytes().any(odd))
            {
                return bad("wake.interface", "write the name of a network interface, like eth0");
            }
        }
        for (field, value, range) in [
            ("idle_seconds", self.idle_seconds, 30..=86_400),
            ("countdown_seconds", self.countdown_seconds, 10..=3_600),
            ("startup_seconds", self.startup_seconds, 10..=3_600),
            ("shutdown_seconds", self.shutdown_seconds, 30..=3_600),
            ("guest_seconds", self.guest_seconds, 5..=1_800),
        ] {
            if !range.contains(&value) {
                let (from, to) = (range.start(), range.end());
                return Err(BadProfile::new(field, format!("write a number of seconds from {from} to {to}")));
            }
        }
        if self.may_stop.len() > 100 || self.may_stop.iter().any(|vmid| !(100..=999_999_999).contains(vmid)) {
            return bad("may_stop", "name up to a hundred guests by their numbers, from 100 on");
        }
        let number =
            |text: &String| !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit());
        if self.voice_channels.len() > 20 || !self.voice_channels.iter().all(number) {
            return bad("voice_channels", "name up to twenty channels by their numbers on Discord");
        }
        if self.windows.len() > 20 {
            return bad("windows", "name up to twenty");
        }
        self.windows.iter().try_for_each(Window::check)
    }

    /// The window that is open now, if any.
    pub fn open_window(&self, now: Timestamp) -> Option<&Window> {
        self.windows.iter().find(|window| window.contains(now))
    }
}

impl Window {
    fn check(&self) -> Result<(), BadProfile> {
        if self.days.is_empty() {
            return Err(BadProfile::new("windows.days", "name at least one day"));
        }
        for (field, text) in [("windows.from", &self.from), ("windows.to", &self.to)] {
            clock(text).ok_or_else(|| BadProfile::new(field, "write a time of day like 18:00"))?;
        }
        if self.from == self.to {
            return Err(BadProfile::new(
                "windows.to",
                "it ends when it begins; for a whole day write 00:00 to 23:59",
            ));
        }
        if TimeZone::get(&self.time_zone).is_err() {
            return Err(BadProfile::new(
                "windows.time_zone",
                "write the name of a time zone, like Europe/Paris",
            ));
        }
        Ok(())
    }

    fn contains(&self, now: Timestamp) -> bool {
        let (Some(from), Some(to)) = (clock(&self.from), clock(&self.to)) else { return false };
        let (Ok(zone), Ok(now)) = (TimeZone::get(&self.time_zone), jiff::Timestamp::from_microsecond(now.0))
        else {
            return false;
        };
        let local = now.to_zoned(zone);
        let (time, today) = (local.time(), local.weekday());
        let on = |weekday: jiff::civil::Weekday| self.days.iter().any(|day| same_day(*day, weekday));
        if from < to {
            on(today) && time >= from && time < to
        } else {
            on(today) && time >= from || on(today.previous()) && time < to
        }
    }
}

fn same_day(day: Weekday, other: jiff::civil::Weekday) -> bool {
    let number = match day {
        Weekday::Monday => 1,
        Weekday::Tuesday => 2,
        Weekday::Wednesday => 3,
        Weekday::Thursday => 4,
        Weekday::Friday => 5,
        Weekday::Saturday => 6,
        Weekday::Sunday => 7,
    };
    other.to_monday_one_offset() == number
}

fn clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let two = |part: &str| (part.len() == 2).then(|| part.parse::<i8>().ok()).flatten();
    Time::new(two(hour)?, two(minute)?, 0, 0).ok()
}
