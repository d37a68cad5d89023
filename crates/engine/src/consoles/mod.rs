//! Consoles: somebody's way to the terminal or the screen of an instance, through us.
//!
//! Who wants one asks for it ([`Engine::offer_console`]): what stands in the way is told then, and they get a ticket. With
//! that they come back on a connection of two directions ([`Engine::enter_console`]), and only then Proxmox is asked
//! ([`Entry::serve`]). Nothing that Proxmox gives us for it leaves this room: of what goes to the client, only the bytes
//! that the guest shows are not our own.

mod guest;
mod relay;
mod rights;
mod session;

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use innkeeper_domain::access::{Actor, Proof, Refusal};
use innkeeper_domain::audit::{Deed, Doer};
use innkeeper_domain::consoles::{Console, Ending, Kind, Pass, Way};
use innkeeper_domain::ids::{ConsoleId, InstanceId, UserId};
use innkeeper_domain::instances::{self, Instance, Owner, Power, Seen, State, bar};
use innkeeper_domain::tickets::Purpose;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{consoles, nodes};
use secrecy::SecretString;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::error;

pub use session::Entry;

use crate::shares::Need;
use crate::{Engine, Error};

/// How long somebody waits for an answer to their wish for a console.
const ASKING: Duration = Duration::from_secs(10);

/// How long the consoles of a process that stops may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(4);

/// A console that may be opened.
#[derive(Debug)]
pub struct Offered {
    /// Its identity.
    pub id: ConsoleId,
    /// What it will show.
    pub kind: Kind,
    /// Opens it, once.
    pub ticket: SecretString,
    /// Until when.
    pub expires_at: Timestamp,
}

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// What it types, or RFB.
    Bytes(Bytes),
    /// Something about the console, in JSON.
    Text(String),
    /// More than we take at once.
    TooMuch,
    /// Something that makes no sense.
    Nonsense,
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// What the guest shows.
    Bytes(Bytes),
    /// Whether it is still there.
    Ping,
    /// That this is the end.
    End(Ending),
}

const REFUSED: Error = Error::Denied {
    code: "ticket_refused",
    message: "this ticket does not open this console, or not any more; ask for another",
};

impl Engine {
    /// Gives a ticket for a console of an instance, unless it is clear already that it could not be opened.
    pub async fn offer_console(&self, actor: &Actor, id: InstanceId, kind: Kind) -> Result<Offered, Error> {
        let instance =
            innkeeper_store::instances::by_id(self.db(), id).await?.ok_or(Error::NotFound("instance"))?;
        self.allow_on(actor, &instance, Need::Use).await?;
        let way = match actor.proof {
            Proof::Session(id) => Way::Session(id),
            Proof::Key { id, .. } => Way::Key(id),
            Proof::Impersonation { session, .. } => Way::Impersonation(session),
            Proof::Lease(id) => Way::Lease(id),
            Proof::Wallet(_) => Way::Lease(self.lease_of(instance.project_id).await?.id),
            Proof::House => return Err(Error::Forbidden(Refusal::Scope)),
            Proof::Discord { .. } => return Err(Error::Forbidden(Refusal::Discord)),
        };
        let user_id = actor.user_id;
        self.check_unrestricted(instance.project_id).await?;
        self.check_state(&instance, kind).await?;
        let limits = self.options().consoles;
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let since = now.before(limits.believed_for());
        let open =
            consoles::open(&mut tx, user_id, instance.project_id, instance.cluster_id, &instance.node, since)
                .await?;
        drop(tx);
        limits
            .admit(open)
            .map_err(|full| Error::conflict(Ending::TooManyConsoles.as_str(), full.message()))?;
        match tokio::time::timeout(ASKING, self.check_guest(&instance, kind)).await {
            Ok(checked) => checked.map_err(Error::Console)?,
            Err(_) => return Err(Error::Console(Ending::NoAnswer)),
        };
        let pass = Pass { console_id: ConsoleId::new(), instance_id: id, kind, way };
        let mut tx = self.db().begin().await?;
        let (token, ticket) = self.issue_ticket(&mut tx, Purpose::Console, user_id, &pass).await?;
        tx.commit().await?;
        Ok(Offered { id: pass.console_id, kind, ticket: token, expires_at: ticket.expires_at })
    }

    /// Whether there can be a console, by what we know without asking Proxmox.
    async fn check_state(&self, instance: &Instance, kind: Kind) -> Result<(), Error> {
        let action = match kind {
            Kind::Text => instances::Action::TextConsole,
            Kind::Graphics => instances::Action::GraphicsConsole,
        };
        if let Some(bar) = bar(action, instance) {
            return Err(Error::conflict(bar.code, bar.reason));
        }
        if instance.state() == State::Deleting {
            return Err(Error::Console(Ending::Deleted));
        }
        let nodes = nodes::list(self.db(), Some(instance.cluster_id)).await?;
        if nodes.iter().any(|node| node.name == instance.node && !node.online) {
            return Err(Error::Console(Ending::NodeUnreachable));
        }
        match instance.course.seen {
            Seen::Present(guest) if guest.owner == Owner::Ours && guest.power != Power::Stopped => Ok(()),
            Seen::Present(guest) if guest.owner == Owner::Ours => Err(Error::Console(Ending::Stopped)),
            _ => Err(Error::conflict(
                "unknown",
                "how the instance is cannot be told at the moment; try again in a minute",
            )),
        }
    }

    /// Lets somebody in who shows a ticket; it is used up, whatever follows. `shown` is who they proved to be beside it,
    /// if they did.
    pub async fn enter_console(
        &self,
        id: ConsoleId,
        ticket: &str,
        shown: Option<UserId>,
        address: Option<IpAddr>,
    ) -> Result<Entry, Error> {
        let mut tx = self.db().begin().await?;
        let redeemed = self.redeem_ticket::<Pass>(&mut tx, Purpose::Console, ticket).await?;
        tx.commit().await?;
        let (ticket, pass) = redeemed.ok_or(REFUSED)?;
        let user_id = ticket.user_id;
        if pass.console_id != id || shown.is_some_and(|shown| user_id.is_some_and(|user| user != shown)) {
            return Err(REFUSED);
        }
        Ok(Entry { engine: self.clone(), pass, user_id, address })
    }

    /// Counts a console as open, unless there are too many.
    async fn begin_console(&self, actor: &Actor, new: &Console) -> Result<Result<(), Ending>, Error> {
        let limits = self.options().consoles;
        let mut tx = self.db().begin().await?;
        let since = self.clock().now().before(limits.believed_for());
        let open =
            consoles::open(&mut tx, new.user_id, new.project_id, new.cluster_id, &new.node, since).await?;
        if limits.admit(open).is_err() {
            return Ok(Err(Ending::TooManyConsoles));
        }
        consoles::insert(&mut tx, new).await?;
        let about = json!({ "instance": new.instance_id, "kind": new.kind });
        self.record(&mut tx, actor, Deed::done("console.open", new.id).of(new.project_id).after(about));
        tx.commit().await?;
        Ok(Ok(()))
    }

    /// Says that a console is still relayed; false when it was given up for lost meanwhile.
    async fn tell_console(&self, id: ConsoleId, bytes: (u64, u64)) -> Result<bool, Error> {
        let mut tx = self.db().begin().await?;
        let there = consoles::tell(&mut tx, id, bytes.0, bytes.1, self.clock().now()).await?;
        tx.commit().await?;
        Ok(there)
    }

    /// Counts a console as open no more, and writes down what it was.
    async fn end_console(
        &self,
        doer: &Doer,
        id: ConsoleId,
        bytes: (u64, u64),
        ending: Ending,
    ) -> Result<(), Error> {
        let mut tx = self.db().begin().await?;
        if let Some(console) = consoles::remove(&mut tx, id).await? {
            let now = self.clock().now();
            let ended = Console { seen_at: now, bytes_in: bytes.0, bytes_out: bytes.1, ..console };
            self.record_by(&mut tx, doer, closed(&ended, ending.as_str()));
        }
        Ok(tx.commit().await?)
    }

    /// Ends consoles of which nothing was heard for long: whoever relayed them is gone.
    async fn end_lost_consoles(&self) -> Result<(), Error> {
        let since = self.clock().now().before(self.options().consoles.believed_for());
        let mut tx = self.db().begin().await?;
        for lost in consoles::remove_silent(&mut tx, since).await? {
            self.record(&mut tx, &Actor::house(), closed(&lost, "lost"));
        }
        Ok(tx.commit().await?)
    }
}

fn closed(console: &Console, ending: &str) -> Deed {
    let lasted = console.seen_at.since(console.opened_at);
    Deed::done("console.close", console.id).of(console.project_id).after(json!({
        "instance": console.instance_id,
        "kind": console.kind,
        "user": console.user_id,
        "ending": ending,
        "seconds": lasted.as_secs(),
        "bytes_in": console.bytes_in,
        "bytes_out": console.bytes_out,
    }))
}

/// Ends what was lost, until `stop`; then waits a moment for the consoles of this process to say goodbye.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    loop {
        if let Err(error) = engine.end_lost_consoles().await {
            error!(%error, "ending lost consoles failed; will try again");
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(engine.options().consoles.ask_again) => {}
        }
    }
    engine.0.consoles.close();
    let _ = tokio::time::timeout(GOODBYE, engine.0.consoles.wait()).await;
}
