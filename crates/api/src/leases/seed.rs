//! The routes of the lease server that came before this one, for the programs that know them: the same leases under other
//! names. A `ctid` is the id of a lease here, since a number of Proxmox is nobody's to know or to guess.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use innkeeper_domain::commands::Command;
use innkeeper_domain::consoles::Kind;
use innkeeper_domain::ids::LeaseId;
use innkeeper_domain::leases::LeaseState;
use innkeeper_domain::names::{Hostname, SshKey};
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{NewCommand, NewLease, WantedSize};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::gate::Purchase;
use super::holder::Holder;
use super::{Lease, buying};
use crate::App;
use crate::commands::Answer;
use crate::consoles::ConsoleOffered;
use crate::extract::At;
use crate::problem::{MEDIA_TYPE, Problem};
use crate::secret::Secret;

/// The word for a size that is said by its parts.
const BY_PARTS: &str = "standard-lxc";

/// A container that is wanted.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(example = json!({ "sku": "standard-lxc", "runtimeMinutes": 60, "hostname": "demo-server", "cores": 1, "memoryMB": 512, "diskGB": 8 }))]
pub(crate) struct SeedLeaseAsked {
    /// A plan by its name or id, or `standard-lxc`: the size is what the other fields say.
    #[serde(default)]
    sku: Option<String>,
    /// For how long, in minutes.
    #[schema(minimum = 1)]
    runtime_minutes: u32,
    /// The host name; one is made up when it is left out.
    #[serde(default)]
    hostname: Option<Hostname>,
    /// Cores.
    #[serde(default)]
    cores: Option<u32>,
    /// Memory, in MiB.
    #[serde(default, rename = "memoryMB")]
    memory_mb: Option<u32>,
    /// Disk, in GiB.
    #[serde(default, rename = "diskGB")]
    disk_gb: Option<u32>,
    /// The password of root: 8 to 128 printable ASCII characters. A key is safer.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    password: Option<Secret>,
    /// A public key in OpenSSH form that may sign in.
    #[serde(default)]
    ssh_public_key: Option<SshKey>,
}

impl SeedLeaseAsked {
    async fn new_lease(self, app: &App) -> Result<NewLease, Problem> {
        let least = Size { cores: 1, memory_mib: 512, disk_gib: 8 };
        let parts = [self.cores, self.memory_mb, self.disk_gb];
        let by_parts = WantedSize::Custom(Size {
            cores: self.cores.unwrap_or(least.cores),
            memory_mib: self.memory_mb.unwrap_or(least.memory_mib),
            disk_gib: self.disk_gb.unwrap_or(least.disk_gib),
        });
        let size = match self.sku.as_deref() {
            None | Some(BY_PARTS) => by_parts,
            Some(_) if parts.iter().any(Option::is_some) => {
                let message = "give a plan as `sku`, or `cores`, `memoryMB` and `diskGB`, not both";
                return Err(Problem::invalid_field("sku", message));
            }
            Some(plan) => WantedSize::Plan(app.engine.leased_plan(plan).await.map_err(|_| {
                Problem::invalid_field("sku", "no such plan is on offer; see `GET /api/v1/leases/catalogue`")
            })?),
        };
        let user_data = self.password.as_ref().map(script).transpose()?;
        Ok(NewLease {
            name: self.hostname,
            template_id: None,
            size,
            minutes: self.runtime_minutes,
            ssh_keys: self.ssh_public_key.into_iter().collect(),
            user_data,
        })
    }
}

/// Sets the password of root at the first start. It travels in a form that no shell reads anything into.
fn script(password: &Secret) -> Result<String, Problem> {
    use secrecy::ExposeSecret as _;
    let password = password.0.expose_secret();
    let good = (8..=128).contains(&password.len()) && password.bytes().all(|b| (b' '..=b'~').contains(&b));
    if !good {
        return Err(Problem::invalid_field("password", "use 8 to 128 printable ASCII characters"));
    }
    let coded = STANDARD.encode(format!("root:{password}\n"));
    Ok(format!("#!/bin/sh\nprintf %s {coded} | base64 -d | chpasswd\n"))
}

/// More time.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(example = json!({ "runtimeMinutes": 30 }))]
pub(crate) struct SeedTimeAsked {
    /// How much, in minutes.
    #[schema(minimum = 1)]
    runtime_minutes: u32,
}

/// A command.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(example = json!({ "command": "uptime", "extraArgs": ["-p"] }))]
pub(crate) struct SeedCommandAsked {
    /// The program, or, without `extraArgs`, a line for `/bin/sh`.
    command: String,
    /// Its arguments. No shell reads them.
    #[serde(default)]
    extra_args: Vec<String>,
}

/// A console.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(example = json!({ "consoleType": "vnc" }))]
pub(crate) struct SeedConsoleAsked {
    /// `vnc` or `text`: containers have a terminal, which is what is given for both.
    #[serde(default)]
    #[expect(dead_code, reason = "there is one kind, whatever is asked for")]
    console_type: Option<SeedConsole>,
}

/// Kinds of consoles.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SeedConsole {
    /// A terminal.
    Vnc,
    /// A terminal.
    Text,
}

/// A console that may be opened.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeedConsoleOffered {
    /// The lease.
    ctid: LeaseId,
    /// Where to open a WebSocket.
    console_url: String,
    /// The subprotocols to offer: ours, and the ticket, which is good once and for 30 seconds.
    protocols: [String; 2],
}

/// A container of yours.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeedContainer {
    /// The lease.
    ctid: LeaseId,
    /// Its host name.
    hostname: Hostname,
    /// How the lease stands.
    status: LeaseState,
    /// Cores.
    cores: u32,
    /// Memory, in MiB.
    #[serde(rename = "memoryMB")]
    memory_mb: u32,
    /// Disk, in GiB.
    #[serde(rename = "diskGB")]
    disk_gb: u32,
    /// When its time is over.
    expires_at: Option<Timestamp>,
    /// The lease, as `GET /api/v1/leases/{id}` shows it.
    lease: Lease,
}

/// Your containers.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeedContainers {
    /// At most 200, newest first.
    containers: Vec<SeedContainer>,
}

/// Lease a container: as `POST /api/v1/leases`, with the names of the lease server that came before.
#[utoipa::path(post, path = "/lease/container", tag = "leases (earlier names)", request_body = SeedLeaseAsked,
    params(buying::PaymentHeaders),
    responses(
        (status = 201, description = "The container is there: `order.lease_id` is its `ctid`", body = super::Ordered),
        (status = 202, description = "It is ordered: look at `Location`", body = super::Ordered),
        (status = 402, description = "It must be paid first (`payment_required`)"),
        (status = 409, description = "As for `POST /api/v1/leases`", body = Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "The payment cannot be verified at the moment (`provider_unavailable`); nothing was charged", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn seed_rent(
    State(app): State<App>,
    mut purchase: Purchase<SeedLeaseAsked>,
) -> Result<Response, Problem> {
    let paying = purchase.paying(&app, None, None).await?;
    let new = purchase.body.clone().new_lease(&app).await?;
    let bought = app.engine.order_lease(&new, &purchase.buying, paying).await?;
    purchase.gate.bought(&app, bought, StatusCode::CREATED).await
}

/// Renew a lease: as `POST /api/v1/leases/{id}/renew`.
#[utoipa::path(post, path = "/lease/{ctid}/renew", tag = "leases (earlier names)", request_body = SeedTimeAsked,
    params(("ctid" = LeaseId, Path, description = "The lease"), buying::PaymentHeaders),
    responses(
        (status = 200, description = "The time is added", body = super::Ordered),
        (status = 202, description = "It is ordered: look at `Location`", body = super::Ordered),
        (status = 402, description = "It must be paid first (`payment_required`)"),
        (status = 409, description = "As for `POST /api/v1/leases/{id}/renew`", body = Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "The payment cannot be verified at the moment (`provider_unavailable`); nothing was charged", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn seed_renew(
    State(app): State<App>,
    At(id): At<LeaseId>,
    mut purchase: Purchase<SeedTimeAsked>,
) -> Result<Response, Problem> {
    let minutes = purchase.body.runtime_minutes;
    let paying = purchase.paying(&app, None, None).await?;
    let bought = app.engine.order_time(id, minutes, &purchase.buying, paying).await?;
    purchase.gate.bought(&app, bought, StatusCode::OK).await
}

/// Run a command: as `POST /api/v1/leases/{id}/exec`.
#[utoipa::path(post, path = "/management/exec/{ctid}", tag = "leases (earlier names)", request_body = SeedCommandAsked,
    params(("ctid" = LeaseId, Path, description = "The lease")),
    responses(
        (status = 200, description = "It has ended, or was killed", body = Answer),
        (status = 402, description = "It must be paid first (`payment_required`)"),
        (status = 409, description = "As for `POST /api/v1/leases/{id}/exec`", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn seed_exec(
    State(app): State<App>,
    At(id): At<LeaseId>,
    mut purchase: Purchase<SeedCommandAsked>,
) -> Result<Response, Problem> {
    let (by, paying) = (purchase.holding()?, purchase.paying(&app, None, None).await?);
    let SeedCommandAsked { command, extra_args } = purchase.body;
    let command = if extra_args.is_empty() {
        Command::Script(command)
    } else {
        Command::Words(std::iter::once(command).chain(extra_args).collect())
    };
    let new = NewCommand { command, input: Vec::new(), timeout_seconds: None, user: None, by: None };
    let called = app.engine.lease_command(id, &by, new, &purchase.buying, paying).await?;
    purchase.gate.called(&app, called, |ran| Ok(Json(Answer::from(ran)).into_response())).await
}

/// Ask for a console: as `POST /api/v1/leases/{id}/console`.
#[utoipa::path(post, path = "/management/console/{ctid}", tag = "leases (earlier names)", request_body = SeedConsoleAsked,
    params(("ctid" = LeaseId, Path, description = "The lease")),
    responses(
        (status = 201, description = "It may be opened, for 30 seconds", body = SeedConsoleOffered),
        (status = 402, description = "It must be paid first (`payment_required`)"),
        (status = 409, description = "As for `POST /api/v1/leases/{id}/console`", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn seed_console(
    State(app): State<App>,
    At(id): At<LeaseId>,
    mut purchase: Purchase<SeedConsoleAsked>,
) -> Result<Response, Problem> {
    let (by, paying) = (purchase.holding()?, purchase.paying(&app, None, None).await?);
    let called = app.engine.lease_console(id, &by, Kind::Text, &purchase.buying, paying).await?;
    let show = |offered| {
        let mut url = app.engine.lease_options()?.public_url.clone();
        // Both schemes are of the same kind, so that this cannot fail.
        let _ = url.set_scheme(if url.scheme() == "https" { "wss" } else { "ws" });
        let (path, protocols) = ConsoleOffered::from(offered).way();
        url.set_path(&path);
        let shown = SeedConsoleOffered { ctid: id, console_url: url.to_string(), protocols };
        Ok((StatusCode::CREATED, Json(shown)).into_response())
    };
    purchase.gate.called(&app, called, show).await
}

/// Your containers, as `GET /api/v1/leases` shows them. A bare address proves nothing and is not taken.
#[utoipa::path(get, path = "/management/list", tag = "leases (earlier names)",
    responses(
        (status = 200, description = "Your containers", body = SeedContainers),
        (status = 409, description = "This house does not lease (`leases_off`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn seed_list(
    State(app): State<App>,
    Holder(by): Holder,
) -> Result<Json<SeedContainers>, Problem> {
    let mut containers = Vec::new();
    for lease in app.engine.leases(&by, None, None, 200).await? {
        containers.push(SeedContainer {
            ctid: lease.id,
            hostname: lease.name.clone(),
            status: lease.state,
            cores: lease.size.cores,
            memory_mb: lease.size.memory_mib,
            disk_gb: lease.size.disk_gib,
            expires_at: lease.expires_at,
            lease: Lease::shown(&app.engine, lease).await?,
        });
    }
    Ok(Json(SeedContainers { containers }))
}
