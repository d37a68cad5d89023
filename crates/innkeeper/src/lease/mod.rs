//! `innkeeper lease`: renting instances for a while, with or without an account, as a client of the server.

mod buying;
mod changing;
mod kept;
mod proof;
mod shown;
pub(crate) mod wallet;

use clap::{Args, Subcommand};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::client::{Remote, Server, cells};
use buying::{Paid, Paying};
use proof::Showing;

/// Rent instances for a while, and look after what you rent.
#[derive(Debug, Subcommand)]
pub(crate) enum Lease {
    /// Show what can be rented, and how it is paid.
    Catalogue {
        #[command(flatten)]
        remote: Remote,
    },
    /// Tell what a lease would cost, or more time of one.
    Quote {
        #[command(flatten)]
        wanted: Wanted,
        /// More time of this lease, instead of another one.
        #[arg(long, value_name = "ID", conflicts_with_all = ["plan", "cores", "template"])]
        lease: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Rent an instance: pay for it, and follow it until it runs.
    Rent(Rent),
    /// List what you rent: by a wallet, or signed in.
    List {
        #[command(flatten)]
        showing: Showing,
        #[command(flatten)]
        remote: Remote,
    },
    /// Show a lease.
    Show(Of),
    /// Buy more time. Whoever pays may do so.
    Renew {
        /// The lease's id.
        id: String,
        /// How many minutes more.
        #[arg(long)]
        minutes: u32,
        #[command(flatten)]
        paying: Paying,
        #[command(flatten)]
        remote: Remote,
    },
    Resize(changing::Resize),
    Exec(changing::Exec),
    Console(changing::Console),
    /// Show what happened to a lease.
    Log(Of),
    End(changing::End),
    Token(changing::Token),
    Claim(changing::Claim),
    /// Show how orders stand.
    Orders {
        /// Their ids.
        #[arg(required = true)]
        ids: Vec<String>,
        #[command(flatten)]
        remote: Remote,
    },
}

/// One lease, and by what it is yours.
#[derive(Debug, Args)]
pub(crate) struct Of {
    /// The lease's id.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) showing: Showing,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

impl Of {
    /// Asks something of the lease as its holder.
    pub(crate) async fn ask(
        &self,
        method: Method,
        below: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let server = Server::find(&self.remote)?;
        let proof = self.showing.find(&server, Some(&self.id))?;
        let path = format!("/api/v1/leases/{}{below}", self.id);
        let reply = proof.ask(&server, method, &path, body, HeaderMap::new()).await?;
        server.read(&path, &reply)
    }
}

/// What is wanted.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// For how many minutes.
    #[arg(long)]
    minutes: u32,
    /// A plan, by name or id; see `innkeeper lease catalogue`.
    #[arg(long, conflicts_with_all = ["cores", "memory_mib", "disk_gib"])]
    plan: Option<String>,
    /// Cores.
    #[arg(long, requires_all = ["memory_mib", "disk_gib"])]
    cores: Option<u32>,
    /// Memory in MiB.
    #[arg(long, requires_all = ["cores", "disk_gib"])]
    memory_mib: Option<u32>,
    /// Disk in GiB.
    #[arg(long, requires_all = ["cores", "memory_mib"])]
    disk_gib: Option<u32>,
    /// What it is made from, by name or id; by default the first that can be rented.
    #[arg(long)]
    template: Option<String>,
}

impl Wanted {
    fn body(&self) -> Value {
        let mut body = json!({ "minutes": self.minutes });
        if let Some(plan) = &self.plan {
            body["plan"] = plan.as_str().into();
        }
        if let (Some(cores), Some(memory_mib), Some(disk_gib)) = (self.cores, self.memory_mib, self.disk_gib)
        {
            body["size"] = json!({ "cores": cores, "memory_mib": memory_mib, "disk_gib": disk_gib });
        }
        if let Some(template) = &self.template {
            body["template"] = template.as_str().into();
        }
        body
    }
}

/// Rent an instance.
#[derive(Debug, Args)]
pub(crate) struct Rent {
    #[command(flatten)]
    wanted: Wanted,
    /// Its host name; one is made up when none is given.
    #[arg(long)]
    name: Option<String>,
    /// A public key that may sign in, in OpenSSH form; may be repeated.
    #[arg(long = "ssh-key", value_name = "KEY")]
    ssh_keys: Vec<String>,
    /// A file with a script that is run in it once, as root, after its first start.
    #[arg(long, value_name = "FILE")]
    user_data: Option<std::path::PathBuf>,
    /// Keep the lease's token for the commands that come after, in a file that only you can read.
    #[arg(long)]
    save: bool,
    #[command(flatten)]
    paying: Paying,
    #[command(flatten)]
    remote: Remote,
}

impl Rent {
    async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let mut body = self.wanted.body();
        if let Some(name) = &self.name {
            body["name"] = name.as_str().into();
        }
        if !self.ssh_keys.is_empty() {
            body["ssh_keys"] = json!(self.ssh_keys);
        }
        if let Some(file) = &self.user_data {
            body["user_data"] = changing::script(file)?.into();
        }
        let Paid { mut answer } = self.paying.buy(&server, "/api/v1/leases", body, None).await?;
        let token = answer["token"].as_str().map(str::to_owned);
        if let (Some(token), true) = (&token, self.save) {
            // Before anything else can go wrong: it is told once.
            kept::keep(server.url(), &shown::lease_id(&answer), token)?;
        }
        if let Err(error) = buying::follow(&server, &mut answer, self.remote.json).await {
            shown::token_in_trouble(&answer, self.save);
            return Err(error);
        }
        self.remote.tell(&answer, || shown::bought(&answer, self.save));
        shown::must_be_delivered(&answer)
    }
}

impl Lease {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Catalogue { remote } => {
                let answer = Server::find(&remote)?.get("/api/v1/leases/catalogue").await?;
                remote.tell(&answer, || shown::catalogue(&answer));
            }
            Self::Quote { wanted, lease, remote } => {
                let server = Server::find(&remote)?;
                let (path, body) = match lease {
                    Some(id) => (format!("/api/v1/leases/{id}/quote"), json!({ "minutes": wanted.minutes })),
                    None => ("/api/v1/leases/quote".to_owned(), wanted.body()),
                };
                let reply = server.ask(Method::POST, &path, Some(&body), HeaderMap::new()).await?;
                let answer = server.read(&path, &reply)?;
                remote.tell(&answer, || shown::quote(&answer));
            }
            Self::Rent(rent) => rent.run().await?,
            Self::List { showing, remote } => {
                let server = Server::find(&remote)?;
                let items = showing.find(&server, None)?.all(&server, "/api/v1/leases").await?;
                remote.tell_list(items, &shown::HEADINGS, shown::row);
            }
            Self::Show(of) => {
                let lease = of.ask(Method::GET, "", None).await?;
                of.remote.tell(&lease, || shown::lease(&lease));
            }
            Self::Renew { id, minutes, paying, remote } => {
                let server = Server::find(&remote)?;
                let path = format!("/api/v1/leases/{id}/renew");
                let Paid { mut answer } =
                    paying.buy(&server, &path, json!({ "minutes": minutes }), None).await?;
                buying::follow(&server, &mut answer, remote.json).await?;
                remote.tell(&answer, || shown::bought(&answer, false));
                shown::must_be_delivered(&answer)?;
            }
            Self::Resize(resize) => resize.run().await?,
            Self::Exec(exec) => exec.run().await?,
            Self::Console(console) => console.run().await?,
            Self::Log(of) => {
                let log = of.ask(Method::GET, "/log", None).await?;
                let items = log["items"].as_array().cloned().unwrap_or_default();
                let names = ["at", "what", "outcome"];
                of.remote.tell_list(items, &names, |item| cells(item, &names));
            }
            Self::End(end) => end.run().await?,
            Self::Token(token) => token.run().await?,
            Self::Claim(claim) => claim.run().await?,
            Self::Orders { ids, remote } => {
                let server = Server::find(&remote)?;
                let mut orders = Vec::new();
                for id in ids {
                    let path = format!("/api/v1/leases/orders/{id}");
                    let reply = server.ask(Method::GET, &path, None, HeaderMap::new()).await?;
                    orders.push(server.read(&path, &reply)?["order"].take());
                }
                remote.tell_list(orders, &shown::ORDER_HEADINGS, shown::order_row);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
