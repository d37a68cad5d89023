//! How a host is looked after, as one says it on the command line.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};

/// How a host is looked after.
#[derive(Debug, Args)]
pub(super) struct Settings {
    /// Its address, which is pinged and knocked at.
    #[arg(long)]
    address: Option<String>,
    /// A TCP port of it that answers when it runs.
    #[arg(long)]
    port: Option<u16>,
    /// How it is woken: `none`, `packet` (Wake-on-LAN), `cluster` (by another node) or `webhook`.
    #[arg(long, value_parser = ["none", "packet", "cluster", "webhook"])]
    wake: Option<String>,
    /// Its hardware address, for magic packets.
    #[arg(long)]
    mac: Option<String>,
    /// The interface of the server that magic packets leave by.
    #[arg(long)]
    interface: Option<String>,
    /// Where magic packets go: usually the broadcast address of its network.
    #[arg(long, value_name = "ADDRESS")]
    wake_address: Option<String>,
    /// A UDP port for magic packets; may be repeated. By default 9 and 7.
    #[arg(long = "wake-port", value_name = "PORT")]
    wake_ports: Vec<u16>,
    /// The SecureOn password of magic packets. Takes the place of all secrets before.
    #[arg(long, env = "INNKEEPER_SECURE_ON", hide_env_values = true)]
    secure_on: Option<String>,
    /// A file with the request that switches it on: `{"url": …, "method": …, "headers": {…}, "body": …}`. Takes the place
    /// of all secrets before.
    #[arg(long, value_name = "FILE")]
    webhook: Option<PathBuf>,
    /// The account that is told by SSH to switch it off, when its API does not do it.
    #[arg(long)]
    ssh_user: Option<String>,
    /// The port of SSH there.
    #[arg(long)]
    ssh_port: Option<u16>,
    /// Its SSH host key: `ssh-ed25519 AAAA…`.
    #[arg(long)]
    ssh_host_key: Option<String>,
    /// Whether it goes to sleep by itself when nothing needs it.
    #[arg(long)]
    automatic: Option<bool>,
    /// How many seconds nothing must have needed it.
    #[arg(long, value_name = "SECONDS")]
    idle: Option<u32>,
    /// How many seconds it then waits for somebody to call it off.
    #[arg(long, value_name = "SECONDS")]
    countdown: Option<u32>,
    /// How many seconds it may take to start up.
    #[arg(long, value_name = "SECONDS")]
    startup: Option<u32>,
    /// How many seconds it may take to switch itself off.
    #[arg(long, value_name = "SECONDS")]
    shutdown: Option<u32>,
    /// How many seconds each guest has to stop by itself.
    #[arg(long, value_name = "SECONDS")]
    guest: Option<u32>,
    /// A guest that may be stopped for its sleep, by number; may be repeated, in order.
    #[arg(long = "may-stop", value_name = "VMID")]
    may_stop: Vec<u32>,
    /// A voice channel on Discord in which people need it, by number; may be repeated.
    #[arg(long = "voice-channel", value_name = "NUMBER")]
    voice_channels: Vec<String>,
    /// Hours at which it is to be awake: `friday,saturday 18:00-02:00 Europe/Paris`; may be repeated.
    #[arg(long = "hours", value_name = "WHEN")]
    windows: Vec<String>,
    /// What every user may do with it: `see`, `wake`, `sleep`, `restart`, `maintain`, `report`; none with ''.
    #[arg(long, value_delimiter = ',', value_name = "WHAT,…")]
    users_may: Option<Vec<String>>,
    /// What it draws when awake, in watts, for the report.
    #[arg(long)]
    watts: Option<u32>,
    /// Whether it sleeps even where its cluster loses its quorum by that.
    #[arg(long)]
    ignores_quorum: Option<bool>,
}

impl Settings {
    /// Whether anything of a profile is given.
    pub(super) fn are_given(&self) -> bool {
        self.over(json!({})).is_ok_and(|profile| profile != json!({})) || self.says_how_to_wake()
    }

    fn says_how_to_wake(&self) -> bool {
        self.mac.is_some()
            || self.interface.is_some()
            || self.wake_address.is_some()
            || !self.wake_ports.is_empty()
    }

    /// What is given, over what was there before.
    pub(super) fn over(&self, mut profile: Value) -> anyhow::Result<Value> {
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                profile[name] = value;
            }
        };
        set("address", self.address.as_deref().map(Value::from));
        set("port", self.port.map(Value::from));
        set("automatic", self.automatic.map(Value::from));
        set("idle_seconds", self.idle.map(Value::from));
        set("countdown_seconds", self.countdown.map(Value::from));
        set("startup_seconds", self.startup.map(Value::from));
        set("shutdown_seconds", self.shutdown.map(Value::from));
        set("guest_seconds", self.guest.map(Value::from));
        set("ignores_quorum", self.ignores_quorum.map(Value::from));
        set("watts", self.watts.map(Value::from));
        set("may_stop", some(&self.may_stop));
        set("voice_channels", some(&self.voice_channels));
        if let Some(abilities) = &self.users_may {
            let named: Vec<&String> = abilities.iter().filter(|word| !word.is_empty()).collect();
            set("users_may", Some(json!(named)));
        }
        if !self.windows.is_empty() {
            let windows: Vec<Value> =
                self.windows.iter().map(|text| window(text)).collect::<Result<_, _>>()?;
            set("windows", Some(json!(windows)));
        }
        self.wake_over(&mut profile)?;
        self.fallback_over(&mut profile)?;
        Ok(profile)
    }

    fn wake_over(&self, profile: &mut Value) -> anyhow::Result<()> {
        let before = profile["wake"].clone();
        let way = match &self.wake {
            Some(way) => way.as_str(),
            None if self.mac.is_some() => "packet",
            None if self.says_how_to_wake() => before["by"].as_str().unwrap_or("none"),
            None => return Ok(()),
        };
        if way != "packet" {
            if self.says_how_to_wake() {
                bail!(
                    "--mac, --interface, --wake-address and --wake-port are about magic packets\n  add: --wake packet"
                );
            }
            profile["wake"] = json!({ "by": way });
            return Ok(());
        }
        let mut wake = if before["by"] == "packet" { before } else { json!({ "by": "packet" }) };
        if let Some(mac) = &self.mac {
            wake["mac"] = mac.as_str().into();
        }
        if let Some(interface) = &self.interface {
            wake["interface"] = interface.as_str().into();
        }
        if let Some(address) = &self.wake_address {
            wake["address"] = address.as_str().into();
        }
        if !self.wake_ports.is_empty() {
            wake["ports"] = json!(self.wake_ports);
        }
        if wake["mac"].is_null() {
            bail!("magic packets need the hardware address of the host\n  add: --mac 00:23:7d:fd:c0:5c");
        }
        profile["wake"] = wake;
        Ok(())
    }

    fn fallback_over(&self, profile: &mut Value) -> anyhow::Result<()> {
        if self.ssh_user.is_none() && self.ssh_port.is_none() && self.ssh_host_key.is_none() {
            return Ok(());
        }
        let mut fallback = profile["fallback"].clone();
        if fallback.is_null() {
            fallback = json!({ "user": "root" });
        }
        if let Some(user) = &self.ssh_user {
            fallback["user"] = user.as_str().into();
        }
        if let Some(port) = self.ssh_port {
            fallback["port"] = port.into();
        }
        if let Some(key) = &self.ssh_host_key {
            fallback["host_key"] = key.as_str().into();
        }
        if fallback["host_key"].is_null() {
            bail!(
                "SSH is spoken only with a host whose key is known\n  add: --ssh-host-key \"$(ssh-keyscan -t ed25519 HOST | cut -d' ' -f2-)\", after comparing it with the host's own"
            );
        }
        profile["fallback"] = fallback;
        Ok(())
    }

    /// The secrets that are given, if any.
    pub(super) fn secrets(&self) -> anyhow::Result<Option<Value>> {
        if self.secure_on.is_none() && self.webhook.is_none() {
            return Ok(None);
        }
        let mut secrets = json!({ "secure_on": self.secure_on });
        if let Some(file) = &self.webhook {
            let text = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
            let hook: Value = serde_json::from_slice(&text)
                .with_context(|| format!("{} does not hold JSON", file.display()))?;
            secrets["webhook"] = hook;
        }
        Ok(Some(secrets))
    }
}

fn some<T: serde::Serialize>(list: &[T]) -> Option<Value> {
    (!list.is_empty()).then(|| json!(list))
}

/// Hours as people write them: `friday,saturday 18:00-02:00 Europe/Paris`.
fn window(text: &str) -> anyhow::Result<Value> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (days, hours, zone) = match words.as_slice() {
        [days, hours, zone] => (*days, *hours, *zone),
        _ => bail!(
            "hours `{text}`: write days, hours and a time zone, like friday,saturday 18:00-02:00 Europe/Paris"
        ),
    };
    let (from, to) =
        hours.split_once('-').with_context(|| format!("hours `{hours}`: write them like 18:00-02:00"))?;
    let days: Vec<&str> = days.split(',').collect();
    Ok(json!({ "days": days, "from": from, "to": to, "time_zone": zone }))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        settings: Settings,
    }

    fn given(words: &[&str]) -> Settings {
        Command::parse_from(["x"].iter().chain(words)).settings
    }

    #[test]
    fn nothing_given_changes_nothing() {
        let before =
            json!({ "wake": { "by": "packet", "mac": "00:23:7d:fd:c0:5c", "ports": [9] }, "watts": 60 });
        assert!(!given(&[]).are_given());
        assert_eq!(given(&[]).over(before.clone()).unwrap(), before);
        assert_eq!(given(&[]).over(json!({})).unwrap(), json!({}));
    }

    #[test]
    fn what_is_given_is_set_over_what_was_there() {
        let before =
            json!({ "wake": { "by": "packet", "mac": "00:23:7d:fd:c0:5c", "ports": [9] }, "watts": 60 });
        let settings = given(&["--interface", "eth1", "--idle", "900", "--users-may", "see,wake"]);
        assert!(settings.are_given());
        let after = settings.over(before).unwrap();
        assert_eq!(
            after["wake"],
            json!({ "by": "packet", "mac": "00:23:7d:fd:c0:5c", "ports": [9], "interface": "eth1" })
        );
        assert_eq!((&after["idle_seconds"], &after["watts"]), (&json!(900), &json!(60)));
        assert_eq!(after["users_may"], json!(["see", "wake"]));
        assert_eq!(given(&["--users-may", ""]).over(json!({})).unwrap()["users_may"], json!([]));
    }

    #[test]
    fn ways_to_wake_that_do_not_fit_are_refused() {
        assert_eq!(
            given(&["--mac", "aa"]).over(json!({})).unwrap()["wake"],
            json!({ "by": "packet", "mac": "aa" })
        );
        assert_eq!(
            given(&["--wake", "cluster"]).over(json!({})).unwrap()["wake"],
            json!({ "by": "cluster" })
        );
        for bad in
            [&["--wake", "packet"][..], &["--wake", "cluster", "--mac", "aa"], &["--interface", "eth0"]]
        {
            assert!(given(bad).over(json!({})).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn hours_are_read_as_people_write_them() {
        let read = window("friday,saturday 18:00-02:00 Europe/Paris").unwrap();
        assert_eq!(read["days"], json!(["friday", "saturday"]));
        assert_eq!((&read["from"], &read["to"]), (&json!("18:00"), &json!("02:00")));
        assert!(window("friday 18:00").is_err() && window("friday 18 UTC").is_err());
    }

    #[test]
    fn ssh_without_the_hosts_key_is_refused() {
        assert!(given(&["--ssh-user", "root"]).over(json!({})).is_err());
        let set = given(&["--ssh-host-key", "ssh-ed25519 AAAA"]).over(json!({})).unwrap();
        assert_eq!(set["fallback"], json!({ "user": "root", "host_key": "ssh-ed25519 AAAA" }));
        assert_eq!(given(&["--ssh-port", "2222"]).over(set).unwrap()["fallback"]["port"], 2222);
    }
}
