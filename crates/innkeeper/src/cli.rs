//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::out::say;
use crate::{
    admin, announcements, api_keys, audit, backups, client, clusters, credits, demo, discord, drains,
    finance, hosts, instances, invoices, isos, lease, mcp, networks, notifications, payments, placements,
    plans, prices, projects, secrets, serve, services, sessions, shares, simulate, snapshots, telemetry,
    templates, users, vouchers, webhooks,
};

/// The front desk of a Proxmox VE house.
#[derive(Debug, Parser)]
#[command(name = "innkeeper", version, about, propagate_version = true)]
pub(crate) struct Cli {
    /// The configuration file (TOML). Without it, defaults and environment variables apply.
    #[arg(long, short, global = true, env = "INNKEEPER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything on this machine with no Proxmox at all: SQLite, the simulator, sample data.
    Demo(demo::Demo),
    /// Run the server.
    Serve(serve::Serve),
    /// Serve simulated Proxmox VE clusters alone.
    Simulate(simulate::Simulate),
    /// Bring the database up to date.
    Migrate,
    /// Look after administrators, on the machine of the database.
    #[command(subcommand)]
    Admin(admin::Admin),
    /// Look after the keys that seal secrets in the database; on the machine of the key file.
    #[command(subcommand)]
    Secrets(secrets::Secrets),
    /// Serve leases as tools (Model Context Protocol) to a program on this machine.
    Mcp(mcp::Mcp),
    /// Print the configuration in force.
    Config,
    /// Print the OpenAPI document.
    Openapi,
    /// Sign in to a server; the commands below then act as you.
    Login(client::Login),
    /// Sign out: the session of the last `innkeeper login` ends.
    Logout(client::Logout),
    /// Look after your sessions.
    #[command(subcommand)]
    Session(sessions::Session),
    /// Look after clusters.
    #[command(subcommand)]
    Cluster(clusters::Cluster),
    /// Ask where instances go, and why.
    #[command(subcommand)]
    Placement(placements::Placement),
    /// Look after templates: what instances are made from.
    #[command(subcommand)]
    Template(templates::Template),
    /// Look after networks: where the cards of instances are plugged in.
    #[command(subcommand)]
    Network(networks::Network),
    /// Look after plans: named sizes.
    #[command(subcommand)]
    Plan(plans::Plan),
    /// Look after prices: what instances cost.
    #[command(subcommand)]
    Prices(prices::Prices),
    /// Look after credits: what projects have, and why.
    #[command(subcommand)]
    Credits(credits::Credits),
    /// Buy credits with real money, and look after what was paid.
    #[command(subcommand)]
    Payment(payments::Payment),
    /// Look after vouchers: codes that are worth credits.
    #[command(subcommand)]
    Voucher(vouchers::Voucher),
    /// Look after announcements: what everybody who is signed in is told.
    #[command(subcommand)]
    Announcement(announcements::Announcement),
    /// Look after webhooks: addresses that are told what happens to a project.
    #[command(subcommand)]
    Webhook(webhooks::Webhook),
    /// Look after invoices.
    #[command(subcommand)]
    Invoice(invoices::Invoice),
    /// Show how the house stands.
    Finance(finance::Finance),
    /// Rent instances for a while, with or without an account.
    #[command(subcommand)]
    Lease(lease::Lease),
    /// Look after wallets: keys that pay for leases.
    #[command(subcommand)]
    Wallet(lease::wallet::Wallets),
    /// Look after instances.
    #[command(subcommand)]
    Instance(instances::Instance),
    /// Look after backups of instances, and schedules of them.
    #[command(subcommand)]
    Backup(backups::Backup),
    /// Look after images of discs that virtual machines can be given.
    #[command(subcommand)]
    Iso(isos::Iso),
    /// Keep states of instances, and go back to them.
    #[command(subcommand)]
    Snapshot(snapshots::Snapshot),
    /// Share instances with other projects.
    #[command(subcommand)]
    Share(shares::Share),
    /// Empty nodes, by moving their instances elsewhere; for staff.
    #[command(subcommand)]
    Drain(drains::Drain),
    /// Look after hosts: nodes that sleep when nobody needs them.
    #[command(subcommand)]
    Host(hosts::Host),
    /// Choose what you are told, and how.
    #[command(subcommand)]
    Notification(notifications::Notification),
    /// Link your account with Discord, and look after the bot there.
    #[command(subcommand)]
    Discord(discord::Discord),
    /// Look after services: what players or users connect to.
    #[command(subcommand)]
    Service(services::Service),
    /// Look after projects and who belongs to them.
    #[command(subcommand)]
    Project(projects::Project),
    /// Look after your keys: what programs use in place of a session.
    #[command(subcommand)]
    Key(api_keys::Key),
    /// Look after users.
    #[command(subcommand)]
    User(users::User),
    /// Look at who did what.
    #[command(subcommand)]
    Audit(audit::Audit),
}

impl Cli {
    /// Does what was asked.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let config = || Config::load(self.config.as_deref());
        match self.command {
            Command::Demo(demo) => {
                telemetry::init(&crate::config::Log { filter: "warn".into(), json: false, short: None })?;
                demo.run().await
            }
            Command::Serve(serve) => {
                let config = config()?;
                telemetry::init(&config.log)?;
                serve.run(&config).await
            }
            Command::Simulate(simulate) => {
                telemetry::init(&config()?.log)?;
                simulate.run().await
            }
            Command::Migrate => serve::migrate(&config()?).await,
            Command::Admin(admin) => admin.run(&config()?).await,
            Command::Secrets(secrets) => secrets.run(&config()?).await,
            Command::Config => {
                let config = config()?;
                let bot = config.discord.is_on();
                print!("{}", toml::to_string_pretty(&redacted(config))?);
                if !bot {
                    println!(
                        "\n# There is no bot at Discord: neither discord.token nor discord.token_file is set."
                    );
                }
                Ok(())
            }
            Command::Openapi => {
                say!("{}", innkeeper_api::openapi().to_pretty_json()?);
                Ok(())
            }
            Command::Mcp(mcp) => mcp.run().await,
            Command::Login(login) => login.run().await,
            Command::Logout(logout) => logout.run().await,
            Command::Session(session) => session.run().await,
            Command::Cluster(cluster) => cluster.run().await,
            Command::Placement(placement) => placement.run().await,
            Command::Template(template) => template.run().await,
            Command::Network(network) => network.run().await,
            Command::Plan(plan) => plan.run().await,
            Command::Prices(prices) => prices.run().await,
            Command::Credits(credits) => credits.run().await,
            Command::Payment(payment) => payment.run().await,
            Command::Voucher(voucher) => voucher.run().await,
            Command::Announcement(announcement) => announcement.run().await,
            Command::Webhook(webhook) => webhook.run().await,
            Command::Invoice(invoice) => invoice.run().await,
            Command::Finance(finance) => finance.run().await,
            Command::Lease(lease) => lease.run().await,
            Command::Wallet(wallet) => wallet.run(),
            Command::Instance(instance) => instance.run().await,
            Command::Backup(backup) => backup.run().await,
            Command::Iso(iso) => iso.run().await,
            Command::Snapshot(snapshot) => snapshot.run().await,
            Command::Share(share) => share.run().await,
            Command::Drain(drain) => drain.run().await,
            Command::Host(host) => host.run().await,
            Command::Notification(notification) => notification.run().await,
            Command::Discord(discord) => discord.run().await,
            Command::Service(service) => service.run().await,
            Command::Project(project) => project.run().await,
            Command::Key(key) => key.run().await,
            Command::User(user) => user.run().await,
            Command::Audit(audit) => audit.run(config).await,
        }
    }
}

/// A database address may carry a password; so does the way to a mail server.
fn redacted(mut config: Config) -> Config {
    if let Some((scheme, rest)) = config.database.url.as_deref().and_then(|url| url.split_once("://"))
        && let Some((login, place)) = rest.rsplit_once('@')
        && let Some((user, _)) = login.split_once(':')
    {
        config.database.url = Some(format!("{scheme}://{user}:…@{place}"));
    }
    for oidc in &mut config.access.oidc {
        oidc.client_secret = oidc.client_secret.as_ref().map(|_| "…".into());
    }
    if config.mail.password.is_some() {
        config.mail.password = Some("…".into());
    }
    config
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn no_command_takes_two_things_of_one_name() {
        Cli::command().debug_assert();
    }
}
