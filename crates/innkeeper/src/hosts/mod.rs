//! `innkeeper host`: nodes that are woken when somebody needs them and laid to rest when nobody does, as a client of the
//! server.

mod chain;
mod settings;
mod shown;
mod waking;

use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand};
use innkeeper_domain::time::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use self::settings::Settings;
use crate::client::{Remote, Server, all, cell, cells, find};
use crate::out::say;

/// Look after hosts: nodes that sleep when nobody needs them.
#[derive(Debug, Subcommand)]
pub(crate) enum Host {
    /// List the hosts that you may see.
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Have a node looked after.
    Add(Box<Add>),
    /// Show everything about a host.
    Show(One),
    /// Change how a host is looked after; what is not given stays.
    Change(Box<Change>),
    /// Look after a host no longer; it stays as it is.
    Remove(One),
    /// Wake a host, or call back one that is on its way to sleep.
    Wake(Wake),
    /// Have a host go to sleep as soon as nothing needs it.
    Sleep(One),
    /// Call off that a host goes to sleep.
    Cancel(One),
    /// Keep a host awake for a while, and wake it.
    KeepAwake(KeepAwake),
    /// Take a host out of the guardian's hands, or give it back.
    Maintenance(Maintenance),
    /// Leave an error: the host is looked at anew.
    Clear(One),
    /// Say how hosts stand, and what keeps them awake.
    Status(Status),
    /// Try every link of the chain that wakes, watches and switches a host off; ends with 1 where one is broken.
    Check(One),
    /// Show where a host stood, and since when.
    History(History),
    /// Show how long hosts slept, and what that saved.
    Report(Report),
    /// Print the line for `authorized_keys` of a host that is switched off by SSH.
    Key(One),
}

/// One host.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// The host, by name or id.
    host: String,
    #[command(flatten)]
    remote: Remote,
}

/// Have a node looked after.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// How to call it.
    name: String,
    /// Its cluster, by name or id.
    #[arg(long)]
    cluster: String,
    /// Its node.
    #[arg(long)]
    node: String,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    remote: Remote,
}

/// Change how a host is looked after.
#[derive(Debug, Args)]
pub(crate) struct Change {
    /// The host, by name or id.
    host: String,
    /// Another name.
    #[arg(long)]
    name: Option<String>,
    /// Make a new key for telling it by SSH to switch itself off.
    #[arg(long)]
    new_key: bool,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    remote: Remote,
}

/// Wake a host.
#[derive(Debug, Args)]
pub(crate) struct Wake {
    /// The host, by name or id.
    host: String,
    /// Why, for whoever looks at it.
    #[arg(long)]
    reason: Option<String>,
    /// Wait until it is ready, telling how it goes; ends with 1 when it cannot be woken.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Keep a host awake.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("how_long").required(true))]
pub(crate) struct KeepAwake {
    /// The host, by name or id.
    host: String,
    /// For so long: `90m`, `2h` or `1d`.
    #[arg(long = "for", value_name = "TIME", group = "how_long", value_parser = span)]
    lasting: Option<Duration>,
    /// Until then: `2026-11-21T23:00:00Z`.
    #[arg(long, value_name = "WHEN", group = "how_long")]
    until: Option<String>,
    /// No longer.
    #[arg(long, group = "how_long")]
    end: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Take a host out of the guardian's hands.
#[derive(Debug, Args)]
pub(crate) struct Maintenance {
    /// The host, by name or id.
    host: String,
    /// Give it back.
    #[arg(long)]
    end: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Say how hosts stand.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// One host, by name or id; all where nothing is said.
    host: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Show where a host stood.
#[derive(Debug, Args)]
pub(crate) struct History {
    /// The host, by name or id.
    host: String,
    /// From when, as `2026-11-14T00:00:00Z`; by default the last seven days.
    #[arg(long)]
    from: Option<String>,
    /// Until when; by default now.
    #[arg(long)]
    to: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Show how long hosts slept.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// From when, as `2026-11-14T00:00:00Z`; by default the last seven days.
    #[arg(long)]
    from: Option<String>,
    /// Until when; by default now.
    #[arg(long)]
    to: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Host {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List { remote } => {
                remote.tell_all("hosts", &["id", "name", "state", "since", "node"]).await
            }
            Self::Add(add) => add.run().await,
            Self::Show(one) => {
                let (server, path) = one.find().await?;
                let host = server.get(&path).await?;
                one.remote.tell(&host, || format!("{host:#}"));
                Ok(())
            }
            Self::Change(change) => change.run().await,
            Self::Remove(one) => {
                let (server, path) = one.find().await?;
                let done = server.request(Method::DELETE, &path, None).await?;
                one.remote.tell(&done, || format!("{} is looked after no longer", one.host));
                Ok(())
            }
            Self::Wake(wake) => wake.run().await,
            Self::Sleep(one) => one.ask(Method::POST, "sleep", None).await,
            Self::Cancel(one) => one.ask(Method::POST, "cancel-sleep", None).await,
            Self::Clear(one) => one.ask(Method::POST, "clear", None).await,
            Self::KeepAwake(keep) => keep.run().await,
            Self::Maintenance(Maintenance { host, end, remote }) => {
                let method = if end { Method::DELETE } else { Method::PUT };
                One { host, remote }.ask(method, "maintenance", None).await
            }
            Self::Status(status) => status.run().await,
            Self::Check(one) => chain::check(&one).await,
            Self::History(history) => history.run().await,
            Self::Report(report) => report.run().await,
            Self::Key(one) => {
                let (server, path) = one.find().await?;
                let key = server.get(&format!("{path}/key")).await?;
                let Some(line) = key["line"].as_str() else {
                    bail!(
                        "{} is not switched off by SSH\n  innkeeper host change {} --ssh-user root --ssh-host-key 'ssh-ed25519 AAAA…'",
                        one.host,
                        one.host
                    );
                };
                one.remote.tell(&key, || line.to_owned());
                Ok(())
            }
        }
    }
}

impl One {
    /// The server, and the path of the host there.
    async fn find(&self) -> anyhow::Result<(Server, String)> {
        let server = Server::find(&self.remote)?;
        let path = path_of(&server, &self.host).await?;
        Ok((server, path))
    }

    /// Asks something of the host, and says how it stands then.
    async fn ask(&self, method: Method, what: &str, body: Option<Value>) -> anyhow::Result<()> {
        let (server, path) = self.find().await?;
        let host = server.request(method, &format!("{path}/{what}"), body.as_ref()).await?;
        self.remote.tell(&host, || shown::line(&host));
        Ok(())
    }
}

async fn path_of(server: &Server, host: &str) -> anyhow::Result<String> {
    Ok(format!("/api/v1/hosts/{}", find(server, "hosts", host).await?))
}

impl Add {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let mut body = json!({
            "name": self.name,
            "cluster_id": find(&server, "clusters", &self.cluster).await?,
            "node": self.node,
            "profile": self.settings.over(json!({}))?,
        });
        if let Some(secrets) = self.settings.secrets()? {
            body["secrets"] = secrets;
        }
        let host = server.request(Method::POST, "/api/v1/hosts", Some(&body)).await?;
        self.remote.tell(&host, || {
            format!("{} is looked after; try it with: innkeeper host check {}", self.name, self.name)
        });
        Ok(())
    }
}

impl Change {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let path = path_of(&server, &self.host).await?;
        let before = server.get(&path).await?;
        let mut body = json!({ "new_key": self.new_key });
        if self.settings.are_given() {
            body["profile"] = self.settings.over(before["profile"].clone())?;
        }
        if let Some(secrets) = self.settings.secrets()? {
            body["secrets"] = secrets;
        }
        if let Some(name) = self.name {
            body["name"] = name.into();
        }
        let host = server.request(Method::PATCH, &path, Some(&body)).await?;
        self.remote.tell(&host, || format!("{} is changed", cell(&host["name"])));
        Ok(())
    }
}

impl Wake {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let path = path_of(&server, &self.host).await?;
        let body = json!({ "reason": self.reason });
        let mut host = server.request(Method::POST, &format!("{path}/wake"), Some(&body)).await?;
        if self.wait {
            host = waking::follow(&server, &path, host, self.remote.json).await?;
        }
        self.remote.tell(&host, || shown::line(&host));
        Ok(())
    }
}

impl KeepAwake {
    async fn run(self) -> anyhow::Result<()> {
        let until = match (self.lasting, self.until) {
            (Some(lasting), _) => Some(json!(Clock::system().now().after(lasting))),
            (None, until) => until.map(Value::from),
        };
        let one = One { host: self.host, remote: self.remote };
        match until {
            Some(until) => one.ask(Method::PUT, "keep-awake", Some(json!({ "until": until }))).await,
            None => one.ask(Method::DELETE, "keep-awake", None).await,
        }
    }
}

impl Status {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let Some(name) = &self.host else {
            let hosts = all(&server, "hosts").await?;
            let headings = ["name", "state", "since", "until", "needed by"];
            self.remote.tell_list(hosts, &headings, shown::row);
            return Ok(());
        };
        let host = server.get(&path_of(&server, name).await?).await?;
        self.remote.tell(&host, || shown::in_full(&host));
        Ok(())
    }
}

impl History {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let path = path_of(&server, &self.host).await?;
        let query = between(self.from.as_deref(), self.to.as_deref());
        let turns = server.get(&format!("{path}/history?{query}")).await?;
        let columns = ["at", "state", "reason"];
        let turns = turns.as_array().cloned().unwrap_or_default();
        self.remote.tell_list(turns, &columns, |row| cells(row, &columns));
        Ok(())
    }
}

impl Report {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let query = between(self.from.as_deref(), self.to.as_deref());
        let reports = server.get(&format!("/api/v1/host-reports?{query}")).await?;
        let reports = reports.as_array().cloned().unwrap_or_default();
        self.remote.tell_list(reports, &shown::REPORT, shown::report);
        if !self.remote.json {
            say!("hours are h:mm; what was saved counts only where a host's draw is known (--watts)");
        }
        Ok(())
    }
}

fn between(from: Option<&str>, to: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("from", from), ("to", to)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

/// A stretch of time as people write it: `90m`, `2h`, `1d`.
fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number of minutes, hours or days, like 90m, 2h or 1d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let minutes: u64 = match unit {
        'm' => 1,
        'h' => 60,
        'd' => 60 * 24,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(minutes * 60).filter(|seconds| *seconds > 0).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_time_are_read_as_people_write_them() {
        assert_eq!(span("90m").unwrap(), Duration::from_mins(90));
        assert_eq!(span("2h").unwrap(), Duration::from_hours(2));
        assert_eq!(span("1d").unwrap(), Duration::from_hours(24));
        for bad in
            ["", "h", "2", "2w", "-1h", "0m", "1.5h", "2é", "99999999999999999999d", "18446744073709551615d"]
        {
            assert!(span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_asked_for_in_a_query_that_holds() {
        assert_eq!(between(None, None), "");
        assert_eq!(
            between(Some("2026-11-14T00:00:00+01:00"), None),
            "from=2026-11-14T00%3A00%3A00%2B01%3A00"
        );
    }
}
