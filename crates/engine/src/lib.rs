//! Use cases and loops: the only room that joins domain, store and Proxmox.
//!
//! A use case takes the [`Actor`](innkeeper_domain::access::Actor) first, asks `domain::access` before anything
//! else, and writes wish and operation in one transaction; it never waits for Proxmox. The loops read wish and
//! observation and take one step at a time.

mod access;
mod accounts;
mod adoptions;
mod announcements;
mod audit;
mod backups;
mod billing;
mod callers;
mod clusters;
mod commands;
mod connections;
mod consoles;
mod discord;
mod drains;
mod drift;
mod error;
mod events;
mod factors;
mod finance;
mod first_boots;
mod hosts;
mod idempotency;
mod impersonations;
mod instances;
mod invoices;
mod isos;
mod kept;
mod keys;
mod leases;
mod ledger;
mod limits;
mod mails;
mod management;
mod members;
mod metrics;
mod networks;
mod node_access;
mod notifications;
mod oidc;
mod operations;
pub mod papers;
mod passkeys;
mod passwords;
mod payments;
mod placements;
mod plans;
mod poller;
mod prices;
mod projects;
mod quotas;
mod reconciler;
mod recovery;
mod registration;
mod restrictions;
mod secrets;
mod services;
mod sessions;
mod shares;
mod snapshots;
mod standing;
mod sweeper;
mod templates;
mod tickets;
mod turns;
mod usage;
mod users;
mod visitors;
mod voices;
mod vouchers;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use innkeeper_domain::time::Clock;
use innkeeper_store::Db;
use innkeeper_store::seal::KeyRing;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use access::Access;
pub use adoptions::{AdoptionPrice, GuestSeen, NewAdoptions, PlannedAdoption};
pub use announcements::{AnnouncementChange, NewAnnouncement};
pub use audit::{Filter as AuditFilter, Verification as AuditVerification};
pub use backups::{
    BackupChange, BackupOptions, Filter as BackupFilter, NewBackup, NewFromBackup, NewSchedule,
    ScheduleChange,
};
pub use billing::Billed;
pub use callers::{Identified, Proven};
pub use clusters::{Check, ClusterChange, ClusterTest, NewCluster};
pub use commands::{CommandOptions, NewCommand, NewPassword, Ran, Reach, SetPassword};
pub use consoles::{Entry as ConsoleEntry, Heard, Offered as OfferedConsole, Said};
pub use discord::{
    BegunLink, Delivery as NoticeDelivery, DueNotice, Happenings, HostDeed, HostOutcome, LinkedAs,
};
pub use drift::{Accepted, Restored};
pub use error::Error;
pub use events::Watched;
pub use factors::{Second, TotpOffer};
pub use finance::{Finance, Spending};
pub use hosts::{HostChange, HostReport, Link, LinkName, NewHost, SecretsSet};
pub use idempotency::Idempotency;
pub use impersonations::Impersonated;
pub use innkeeper_connectors::webhooks::Settings as WebhookOptions;
pub use innkeeper_connectors::x402;
pub use innkeeper_store::discord::{Matter as NoticeMatter, Recipient as NoticeRecipient};
pub use innkeeper_store::payments::Tally as PaymentTally;
pub use innkeeper_store::services::Watched as WatchedService;
pub use instances::{
    Bulk, DiskChange, DiskWanted, Duplicate, Filter as InstanceFilter, Fittings, NewInstance, NicChange,
    NicWanted, Rebuild, Setup, Update as InstanceUpdate, WantedSize,
};
pub use isos::NewIso;
pub use keys::NewKey;
pub use leases::{
    Bought, Buying, Called, Catalogue, Challenge, Demand, Desk, Egress, Holding, LeaseFilter, LeaseOptions,
    LeasePlan, LeaseQuote, NewLease, Ordered, Paying,
};
pub use ledger::{Adjustment, Balance, Credit};
pub use limits::Guess;
pub use members::{NewInvitation, Received};
pub use metrics::Taken;
pub use networks::{NetworkChange, NewNetwork};
pub use node_access::NewNodeAccess;
pub use notifications::Notifications;
pub use oidc::{Away, Back, Provider};
pub use operations::Filter as OperationFilter;
pub use passkeys::Ceremony;
pub use payments::{Filter as PaymentFilter, NewPayment, NewRefund, Offer, PaymentOptions};
pub use placements::{Explained, Placed, PlacementQuestion};
pub use plans::NewPlan;
pub use prices::{NewPriceList, Sized};
pub use quotas::{Quota, Quotas};
pub use registration::{Invited, Registrant};
pub use secrets::{Census, Resealed};
pub use services::{NewService, RconAccess, ServiceChange};
pub use sessions::{Entered, Halfway, SignedIn};
pub use snapshots::NewSnapshot;
pub use templates::{NewSource, NewTemplate};
pub use users::{Filter as UserFilter, NewUser, UserChange};
pub use visitors::Visitor;
pub use vouchers::{Minted, NewVouchers, Redeemed};
pub use webhooks::{NewWebhook, WebhookChange};

/// How the loops behave. The defaults are right for production; tests shorten them.
#[derive(Clone, Debug)]
pub struct Options {
    /// How often each cluster is observed.
    pub poll_every: Duration,
    /// How fresh an observation of our own must be to win over a poll: Proxmox refreshes the figures that a poll
    /// reads every 10 s.
    pub poll_lag: Duration,
    /// How long somebody else's lock on a guest is nothing to talk about.
    pub lock_patience: Duration,
    /// How long we look for a trace of a call whose answer was lost before we believe that it never happened.
    pub settle: Duration,
    /// The longest pause of the reconciler between two looks for work when nobody wakes it.
    pub sweep_every: Duration,
    /// How long a claim lasts without being renewed.
    pub claim: Duration,
    /// Instances worked on at once in this process.
    pub workers: usize,
    /// Limits on what we ask of one cluster.
    pub limits: Limits,
    /// How long one call to Proxmox may take.
    pub call_timeout: Duration,
    /// How long the audit log is kept.
    pub audit_kept: Duration,
    /// Who gets in, and how.
    pub access: Access,
    /// How commands find their way into instances.
    pub commands: CommandOptions,
    /// What projects may have unless it is set for one of them.
    pub quotas: Quotas,
    /// How many consoles there may be, and how long.
    pub consoles: innkeeper_domain::consoles::Limits,
    /// How instances are charged.
    pub billing: BillingOptions,
    /// How backups are kept.
    pub backups: BackupOptions,
    /// How long an instance that is deleted can be taken back; zero: not at all.
    pub trash: Duration,
    /// How credits are sold; none where they are not.
    pub payments: Option<Arc<PaymentOptions>>,
    /// How leases are sold; none where they are not.
    pub leases: Option<Arc<LeaseOptions>>,
    /// Who issues invoices; none where none are issued.
    pub seller: Option<innkeeper_domain::invoices::Party>,
    /// What webhooks may be told where.
    pub webhooks: WebhookOptions,
}

/// How instances are charged.
#[derive(Clone, Copy, Debug)]
pub struct BillingOptions {
    /// The billing period. Periods are counted from 1970, so that all instances share them.
    pub cycle: Duration,
    /// How often we look whose credits run out.
    pub look_every: Duration,
    /// How long a project whose credits are used up keeps its instances, stopped.
    pub grace: Duration,
}

impl Default for BillingOptions {
    fn default() -> Self {
        Self {
            cycle: Duration::from_mins(60),
            look_every: Duration::from_mins(5),
            grace: Duration::from_hours(7 * 24),
        }
    }
}

/// Limits on what we ask of one cluster: Proxmox serves with three single-threaded workers, and clones of one
/// storage wait for each other's lock.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Calls in flight per cluster, from this process.
    pub calls: usize,
    /// Changing tasks per node, over all processes.
    pub per_node: i64,
    /// Creating tasks per storage, over all processes.
    pub creates_per_storage: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            poll_every: Duration::from_secs(10),
            poll_lag: Duration::from_secs(20),
            lock_patience: innkeeper_domain::drift::LOCK_PATIENCE,
            settle: Duration::from_secs(5),
            sweep_every: Duration::from_secs(5),
            claim: Duration::from_secs(30),
            workers: 64,
            limits: Limits { calls: 4, per_node: 2, creates_per_storage: 2 },
            call_timeout: Duration::from_secs(45),
            audit_kept: Duration::from_hours(24 * 365),
            access: Access::default(),
            commands: CommandOptions::default(),
            quotas: Quotas::default(),
            consoles: innkeeper_domain::consoles::Limits::default(),
            billing: BillingOptions::default(),
            backups: BackupOptions::default(),
            trash: Duration::ZERO,
            payments: None,
            leases: None,
            seller: None,
            webhooks: WebhookOptions::default(),
        }
    }
}

/// Creates that choose a place at once in this process.
const PLACING: usize = 4;

/// The application: cheap to clone, shared by every face.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    db: Db,
    keys: KeyRing,
    clock: Clock,
    options: Options,
    connections: connections::Connections,
    /// Consoles that this process relays.
    consoles: tokio_util::task::TaskTracker,
    metrics: metrics::Metrics,
    drift: drift::Watch,
    /// There is an adoption to go on with.
    adopting: tokio::sync::Notify,
    passwords: passwords::Passwords,
    strangers: backups::Strangers,
    /// Commands under way.
    busy: commands::Busy,
    /// None where the address of the house allows no passkeys.
    webauthn: Option<webauthn_rs::Webauthn>,
    /// Placement looks at everything that is promised, one transaction at a time; those that wait for their turn wait
    /// here, so that they do not hold the connections that everybody reads by.
    placing: tokio::sync::Semaphore,
    /// Made when a webhook is first told something.
    postman: tokio::sync::OnceCell<innkeeper_connectors::webhooks::Postman>,
    /// Names this process in claims.
    worker: String,
}

impl Engine {
    /// Joins the parts. Nothing runs until [`Engine::run`].
    pub fn new(db: Db, keys: KeyRing, clock: Clock, options: Options) -> Self {
        let worker = format!("{:016x}", rand::random::<u64>());
        Self(Arc::new(Inner {
            webauthn: passkeys::ceremonies(&options.access),
            db,
            keys,
            clock,
            options,
            connections: connections::Connections::default(),
            consoles: tokio_util::task::TaskTracker::new(),
            metrics: metrics::Metrics::default(),
            drift: drift::Watch::default(),
            adopting: tokio::sync::Notify::new(),
            placing: tokio::sync::Semaphore::new(PLACING),
            passwords: passwords::Passwords::default(),
            strangers: backups::Strangers::default(),
            busy: commands::Busy::default(),
            postman: tokio::sync::OnceCell::new(),
            worker,
        }))
    }

    /// Runs the loops until `stop` is cancelled, then lets steps under way be written down. If one of them dies, all
    /// end, `stop` is cancelled, and this fails: a house that goes on without one would look well and do nothing.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), Error> {
        let mut loops = JoinSet::new();
        loops.spawn(reconciler::run(self.clone(), stop.clone()));
        loops.spawn(poller::run(self.clone(), stop.clone()));
        loops.spawn(backups::run(self.clone(), stop.clone()));
        loops.spawn(adoptions::run(self.clone(), stop.clone()));
        loops.spawn(billing::run(self.clone(), stop.clone()));
        loops.spawn(sweeper::run(self.clone(), stop.clone()));
        loops.spawn(restrictions::run(self.clone(), stop.clone()));
        loops.spawn(instances::keeping::run(self.clone(), stop.clone()));
        loops.spawn(drains::run(self.clone(), stop.clone()));
        loops.spawn(hosts::run(self.clone(), stop.clone()));
        loops.spawn(services::run(self.clone(), stop.clone()));
        loops.spawn(services::run_restarts(self.clone(), stop.clone()));
        loops.spawn(services::run_doormen(self.clone(), stop.clone()));
        loops.spawn(discord::run(self.clone(), stop.clone()));
        loops.spawn(audit::run(self.clone(), stop.clone()));
        loops.spawn(mails::run(self.clone(), stop.clone()));
        loops.spawn(payments::run(self.clone(), stop.clone()));
        loops.spawn(leases::run(self.clone(), stop.clone()));
        loops.spawn(invoices::run(self.clone(), stop.clone()));
        loops.spawn(consoles::run(self.clone(), stop.clone()));
        loops.spawn(webhooks::run_handing(self.clone(), stop.clone()));
        loops.spawn(webhooks::run(self.clone(), stop.clone()));
        loops.spawn(first_boots::run(self.clone(), stop.clone()));
        let mut died = false;
        while let Some(ended) = loops.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a loop died; stopping, so that somebody notices");
                died = true;
                stop.cancel();
            }
        }
        if died { Err(Error::Internal("a loop died; the log says why".into())) } else { Ok(()) }
    }

    /// The clock that everything here goes by.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        Ok(self.db().ping().await?)
    }

    fn db(&self) -> &Db {
        &self.0.db
    }

    fn options(&self) -> &Options {
        &self.0.options
    }
}
