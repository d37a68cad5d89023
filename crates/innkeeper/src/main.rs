//! The `innkeeper` binary: configuration, command line and wiring.

mod admin;
mod adoptions;
mod announcements;
mod api_keys;
mod audit;
mod backups;
mod bot;
mod cli;
mod client;
mod clusters;
mod commands;
mod config;
mod consoles;
mod credits;
mod demo;
mod discord;
mod drains;
mod drift;
mod finance;
mod hosts;
mod house;
mod http;
mod instances;
mod invoices;
mod isos;
mod keys;
mod lease;
mod mcp;
mod metrics;
mod networks;
mod notifications;
mod out;
mod payments;
mod placements;
mod plans;
mod prices;
mod projects;
mod secrets;
mod serve;
mod services;
mod sessions;
mod shares;
mod simulate;
mod snapshots;
mod telemetry;
mod templates;
mod users;
mod vouchers;
mod webhooks;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    // Every TLS connection here uses ring.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("innkeeper: the cryptography provider was set twice");
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("innkeeper: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(cli.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("innkeeper: {error:#}");
            ExitCode::FAILURE
        }
    }
}
