//! `innkeeper serve` and `innkeeper migrate`.

use std::time::Duration;

use anyhow::Context;
use innkeeper_engine::Engine;
use innkeeper_store::Db;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::{Config, Found, try_desks};
use crate::{bot, house, http};

/// Run the server.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {}

/// How long connections may linger after we were asked to stop.
const FAREWELL: Duration = Duration::from_secs(5);

impl Serve {
    pub(crate) async fn run(&self, config: &Config) -> anyhow::Result<()> {
        let engine = house::open(config).await?;
        check_leases(config).await?;
        let listener = TcpListener::bind(config.server.listen)
            .await
            .with_context(|| format!("cannot listen on {}", config.server.listen))
            .map_err(advised)?;
        let address = listener.local_addr()?;
        if engine.is_new_house().await? {
            info!(
                "this house has no administrator yet: open http://{address}/api/v1/docs, or run `innkeeper admin create`"
            );
        }
        info!("listening on http://{address}");
        // For whoever started us on a port of the system's choice.
        println!("listening on http://{address}");
        let bot = config.discord.bot(&engine)?;
        let mut options = api_options(config);
        options.discord = bot.as_ref().map(|config| bot::door(&engine, config)).transpose()?.flatten();
        until_signal(engine, listener, options, bot).await
    }
}

/// Refuses to take payments that would be void. What does not answer may come later.
async fn check_leases(config: &Config) -> anyhow::Result<()> {
    let Some(leases) = config.leases()? else { return Ok(()) };
    if leases.desks.is_empty() {
        info!("leases are sold for credits only: there is no [[leases.pay]]");
    }
    for found in try_desks(&leases.desks).await {
        match found {
            Found::Good(text) => info!("{text}"),
            Found::Silent(text) => warn!("{text}; payments wait until it answers"),
            Found::Wrong(text) => anyhow::bail!("{text}"),
        }
    }
    Ok(())
}

/// How we are reached.
pub(crate) fn api_options(config: &Config) -> innkeeper_api::Options {
    innkeeper_api::Options {
        secure_cookies: config.secure_cookies(),
        public_url: config.server.public_url.clone(),
        trusted_proxies: config.server.trusted_proxies.clone(),
        pages: innkeeper_webui::BUILT.then_some(page as innkeeper_api::Pages),
        discord: None,
    }
}

/// A file of the portal that this binary carries.
fn page(path: &str) -> Option<innkeeper_api::Page> {
    let file = innkeeper_webui::find(path)?;
    Some(innkeeper_api::Page { mime: file.mime, etag: file.etag, brotli: file.brotli, bytes: file.bytes })
}

/// Says what to do when the address is taken: most often another server of ours runs already.
fn advised(error: anyhow::Error) -> anyhow::Error {
    let taken = error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::AddrInUse);
    if taken {
        anyhow::anyhow!("{error:#}\n  stop what listens there, or set another address: `server.listen`")
    } else {
        error
    }
}

/// Serves and runs the loops until a signal asks us to stop.
pub(crate) async fn until_signal(
    engine: Engine,
    listener: TcpListener,
    options: innkeeper_api::Options,
    bot: Option<innkeeper_discord::Config>,
) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let loops = tokio::spawn({
        let (engine, stop) = (engine.clone(), stop.clone());
        async move { engine.run(stop).await }
    });
    let bot = bot.map(|config| tokio::spawn(bot::keep(engine.clone(), config, stop.clone())));
    let public_url = options.public_url.clone();
    let router = innkeeper_api::router_until(engine, options, stop.clone());
    let router = innkeeper_mcp::mount(router, public_url.as_deref(), &stop);
    let server = http::serve(listener, router, stop.clone());
    let asked = async {
        tokio::select! {
            () = stopped() => {}
            // A loop has died, and the others end with it.
            () = stop.cancelled() => {}
        }
        stop.cancel();
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        () = server => {}
        () = asked => {}
    }
    if let Some(bot) = bot {
        // It says its farewells within its own time.
        let _ = tokio::time::timeout(2 * FAREWELL, bot).await;
    }
    match tokio::time::timeout(FAREWELL, loops).await {
        Ok(Ok(ended)) => ended.context("what happens by itself has ended"),
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

/// Waits until somebody asks us to stop.
pub(crate) async fn stopped() {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}

/// Brings the database up to date.
pub(crate) async fn migrate(config: &Config) -> anyhow::Result<()> {
    std::fs::create_dir_all(&config.data_dir)?;
    let db = Db::open(&config.database_url()).await.context("the database cannot be opened")?;
    match db.migrate().await.context("a migration failed; nothing after it was applied")? {
        0 => println!("the database is up to date"),
        count => println!("applied {count} migrations"),
    }
    Ok(())
}
