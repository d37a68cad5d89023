//! Who may do what: every operation of the document, asked by everybody there is. And what the audit log says of it.
//!
//! A new operation needs one line in [`CASES`]: what it asks of its caller, and the entry that it leaves. Where its path
//! names a new kind of thing, one is put there by [`World::things`]; where the example of its body would not do, another
//! is given by [`World::body`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use innkeeper_domain::access::Scope;
use innkeeper_domain::backups::{Backup, BackupMaker, BackupState};
use innkeeper_domain::drains::{Drain, DrainState};
use innkeeper_domain::hosts::{self, Course, Host, Profile, State as HostState};
use innkeeper_domain::ids::{
    BackupId, DrainId, HostId, InstanceId, InvoiceId, KeyId, LeaseId, PaymentId, ProjectId, ServiceId,
    UserId, WebhookId,
};
use innkeeper_domain::instances::Kind;
use innkeeper_domain::invitations::Registration;
use innkeeper_domain::invoices::{Invoice, Party};
use innkeeper_domain::keys::Key;
use innkeeper_domain::leases::{Lease, LeaseState};
use innkeeper_domain::mails::Language;
use innkeeper_domain::money::Micros;
use innkeeper_domain::payments::{Amount, Currency, Payment, PaymentState, Provider};
use innkeeper_domain::projects::Membership;
use innkeeper_domain::restarts::{Restart, RestartState};
use innkeeper_domain::restraint::Person;
use innkeeper_domain::services::{Place, Service, ServiceKind};
use innkeeper_domain::shares::{Right, Share};
use innkeeper_domain::sizes::Size;
use innkeeper_domain::snapshots::Snapshot;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::wallets::Address;
use innkeeper_domain::webhooks::{Delivery, Webhook};
use innkeeper_store::secrets::COLUMNS;
use innkeeper_store::{
    Sealed, backups, deliveries, drains, invoices, keys, leases, payments, projects, restarts, schedules,
    services, shares, snapshots, webhooks,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use crate::access::{Documented, document, operations};
use crate::house::{Client, Furniture, House, PASSWORD};

/// What an operation asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// That they are signed in.
    Nothing,
    /// What everybody may look at.
    Look,
    /// Their own account, to see it.
    SeeAccount,
    /// Their own account, to change it.
    ChangeAccount,
    /// The same, by somebody whom nothing stands against.
    NewKey,
    /// A way out.
    Leave,
    /// A way out of a project.
    LeaveProject,
    /// To make or join a project.
    CreateProject,
    /// To see the project.
    See,
    /// To use the project.
    Use,
    /// To pay for the project.
    Pay,
    /// To decide about the project.
    Manage,
    /// To see what only those see, or to take it away.
    SeeManaged,
    /// To see the house.
    SeeHouse,
    /// To look after the house.
    RunHouse,
    /// To look after people.
    RunPeople,
    /// The same, where the thing is a project's: who may not see that is not told of it.
    RunPeopleIn,
    /// To see the house, where the thing is a project's.
    SeeHouseIn,
    /// To look after the house, where the thing is a project's.
    RunHouseIn,
    /// To see a host that is not open to users.
    SeeHost,
    /// To wake it or lay it to rest.
    UseHost,
    /// To take it out of the guardian's hands.
    MaintainHost,
    /// That a wallet signs in with the request, whoever sends it.
    Wallet,
    /// The same, by somebody who is signed in.
    WalletOfUser,
}

/// What stands in the audit log afterwards.
#[derive(Clone, Copy, Debug)]
enum Logged {
    /// Nothing: it only reads.
    Read,
    /// An entry of this action, which [`every_change_leaves_an_entry`] sees.
    As(&'static str),
    /// An entry of this action; that it is left is shown elsewhere, for this reason.
    Elsewhere(&'static str, &'static str),
    /// Nothing, although it is no GET, for this reason.
    Not(&'static str),
}

use Logged::{As, Elsewhere, Not, Read};
use Needs::{
    ChangeAccount, CreateProject, Leave, LeaveProject, Look, MaintainHost, Manage, NewKey, Nothing, Pay,
    RunHouse, RunHouseIn, RunPeople, RunPeopleIn, See, SeeAccount, SeeHost, SeeHouse, SeeHouseIn, SeeManaged,
    Use, UseHost, Wallet, WalletOfUser,
};

/// Needs a Proxmox that answers.
const CLUSTER: &str = "needs a cluster; see the engine's tests";
/// Needs a payment provider.
const PROVIDER: &str = "needs a payment provider; see the engine's tests of payments";

/// Needs a wallet that signs.
const WALLET: &str = "needs a wallet that signs; see the tests of leases";

/// Needs somebody at Discord.
const BOT: &str = "needs the bot; see its stories";

/// Needs a second factor, a browser or an account elsewhere.
const ACCOUNT: &str = "needs what the tests of accounts, factors and identities have";

/// Operations on things that are not put there, with the reason: whoever may is told that there is nothing.
const NOTHING_THERE: &[(&str, &str)] = &[
    ("DELETE /api/v1/networks/{id}/addresses/{address}", "no address is kept"),
    ("POST /api/v1/me/identities/{provider}", "no provider is configured"),
    ("POST /api/v1/me/identities/{provider}/remove", "no account elsewhere is linked"),
    ("GET /api/v1/clusters/{id}/node-access", "nobody has set it up"),
    ("GET /api/v1/instances/{id}/first-boot", "the instance was made without a script"),
    ("PATCH /api/v1/me/passkeys/{id}", "a passkey needs a browser"),
    ("POST /api/v1/me/passkeys/{id}/remove", "a passkey needs a browser"),
];

/// The codes of refusals by what one is or holds; others are about what was given.
const REFUSALS: &[&str] = &[
    "unauthenticated",
    "forbidden",
    "missing_scope",
    "email_unverified",
    "suspended",
    "banned",
    "impersonated",
    "address_not_allowed",
    "only_shared",
];

/// Every operation that is not public: one line each.
const CASES: &[(&str, Needs, Logged)] = &[
    ("GET /api/v1/announcements", SeeHouse, Read),
    ("POST /api/v1/announcements", RunHouse, As("announcement.create")),
    ("GET /api/v1/announcements/shown", Look, Read),
    ("PATCH /api/v1/announcements/{id}", RunHouse, As("announcement.change")),
    ("DELETE /api/v1/announcements/{id}", RunHouse, As("announcement.delete")),
    ("POST /api/v1/announcements/{id}/end", RunHouse, As("announcement.end")),
    ("GET /api/v1/audit", RunPeople, Read),
    ("GET /api/v1/audit/verification", RunPeople, Read),
    ("PATCH /api/v1/backup-schedules/{id}", Use, As("schedule.change")),
    ("DELETE /api/v1/backup-schedules/{id}", Use, As("schedule.delete")),
    ("GET /api/v1/backups", Look, Read),
    ("GET /api/v1/backups/{id}", See, Read),
    ("PATCH /api/v1/backups/{id}", Use, As("backup.change")),
    ("DELETE /api/v1/backups/{id}", Use, As("backup.delete")),
    ("GET /api/v1/clusters", SeeHouse, Read),
    ("POST /api/v1/clusters", RunHouse, Elsewhere("cluster.add", CLUSTER)),
    ("POST /api/v1/clusters/probe", RunHouse, Not("looks at a certificate")),
    ("POST /api/v1/clusters/test", RunHouse, Not("only asks")),
    ("GET /api/v1/clusters/{id}", SeeHouse, Read),
    ("PATCH /api/v1/clusters/{id}", RunHouse, As("cluster.change")),
    ("GET /api/v1/clusters/{id}/node-access", RunPeople, Read),
    ("PUT /api/v1/clusters/{id}/node-access", RunPeople, As("cluster.node_access")),
    ("DELETE /api/v1/clusters/{id}/node-access", RunPeople, As("cluster.remove_node_access")),
    ("GET /api/v1/clusters/{id}/adoptions", SeeHouse, Read),
    ("POST /api/v1/clusters/{id}/adoptions", RunHouse, Elsewhere("instance.ask_adoption", CLUSTER)),
    ("GET /api/v1/clusters/{id}/guests", SeeHouse, Read),
    ("GET /api/v1/clusters/{id}/nodes", SeeHouse, Read),
    ("PATCH /api/v1/clusters/{id}/nodes/{name}", RunHouse, As("node.maintain")),
    ("GET /api/v1/clusters/{id}/nodes/{name}/metrics", SeeHouse, Read),
    ("GET /api/v1/clusters/{id}/nodes/{name}/metrics/history", SeeHouse, Read),
    ("POST /api/v1/clusters/{id}/test", RunHouse, Not("only asks")),
    ("GET /api/v1/events", Look, Read),
    ("GET /api/v1/finance", RunPeople, Read),
    ("GET /api/v1/host-reports", Look, Read),
    ("GET /api/v1/hosts", Look, Read),
    ("POST /api/v1/hosts", RunHouse, As("host.create")),
    ("GET /api/v1/hosts/{id}", SeeHost, Read),
    ("PATCH /api/v1/hosts/{id}", RunHouse, As("host.update")),
    ("DELETE /api/v1/hosts/{id}", RunHouse, As("host.delete")),
    ("POST /api/v1/hosts/{id}/cancel-sleep", UseHost, As("host.cancel_sleep")),
    ("GET /api/v1/hosts/{id}/check", RunHouse, Read),
    ("POST /api/v1/hosts/{id}/clear", UseHost, As("host.clear")),
    ("GET /api/v1/hosts/{id}/history", SeeHost, Read),
    ("PUT /api/v1/hosts/{id}/keep-awake", UseHost, As("host.keep_awake")),
    ("DELETE /api/v1/hosts/{id}/keep-awake", UseHost, As("host.keep_awake")),
    ("GET /api/v1/hosts/{id}/key", RunHouse, Read),
    ("PUT /api/v1/hosts/{id}/maintenance", MaintainHost, As("host.maintain")),
    ("DELETE /api/v1/hosts/{id}/maintenance", MaintainHost, As("host.maintain")),
    ("POST /api/v1/hosts/{id}/sleep", UseHost, As("host.sleep")),
    ("POST /api/v1/hosts/{id}/wake", UseHost, As("host.wake")),
    ("GET /api/v1/services", Look, Read),
    ("POST /api/v1/services", RunHouse, As("service.create")),
    ("GET /api/v1/services/{id}", SeeHost, Read),
    ("PATCH /api/v1/services/{id}", RunHouse, As("service.update")),
    ("DELETE /api/v1/services/{id}", RunHouse, As("service.delete")),
    ("GET /api/v1/services/{id}/players", SeeHost, Read),
    ("POST /api/v1/services/{id}/restart", UseHost, As("service.restart")),
    ("GET /api/v1/services/{id}/restarts", SeeHost, Read),
    ("GET /api/v1/restarts/{id}", SeeHost, Read),
    ("GET /api/v1/house-invitations", RunPeople, Read),
    ("POST /api/v1/house-invitations", RunPeople, As("invitation.create")),
    ("DELETE /api/v1/house-invitations/{id}", RunPeople, As("invitation.withdraw")),
    ("GET /api/v1/impersonations", RunPeople, Read),
    ("DELETE /api/v1/impersonations/{id}", RunPeople, As("user.impersonation_ends")),
    ("GET /api/v1/instances", Look, Read),
    ("POST /api/v1/instances", Use, As("instance.create")),
    ("GET /api/v1/instances/{id}", See, Read),
    ("DELETE /api/v1/instances/{id}", Use, As("instance.delete")),
    ("GET /api/v1/instances/{id}/backup-schedules", See, Read),
    ("POST /api/v1/instances/{id}/backup-schedules", Use, As("schedule.create")),
    ("GET /api/v1/instances/{id}/backups", See, Read),
    ("POST /api/v1/instances/{id}/backups", Use, Elsewhere("instance.backup", CLUSTER)),
    ("POST /api/v1/instances/{id}/restore", Use, Elsewhere("instance.restore", CLUSTER)),
    ("GET /api/v1/instances/{id}/disks", See, Read),
    ("POST /api/v1/instances/{id}/disks", Use, Elsewhere("instance.update", CLUSTER)),
    ("DELETE /api/v1/instances/{id}/disks/{number}", Use, Elsewhere("instance.update", CLUSTER)),
    ("PATCH /api/v1/instances/{id}/disks/{number}", Use, Elsewhere("instance.update", CLUSTER)),
    ("GET /api/v1/instances/{id}/firewall", See, Read),
    ("PUT /api/v1/instances/{id}/firewall", Use, Elsewhere("instance.update", CLUSTER)),
    ("GET /api/v1/instances/{id}/networks", See, Read),
    ("POST /api/v1/instances/{id}/networks", Use, Elsewhere("instance.update", CLUSTER)),
    ("DELETE /api/v1/instances/{id}/networks/{number}", Use, Elsewhere("instance.update", CLUSTER)),
    ("PUT /api/v1/instances/{id}/networks/{number}", Use, Elsewhere("instance.update", CLUSTER)),
    ("PATCH /api/v1/instances/{id}", Use, Elsewhere("instance.update", CLUSTER)),
    ("POST /api/v1/instances/bulk", Look, Elsewhere("instance.shutdown", CLUSTER)),
    ("POST /api/v1/instances/{id}/pause", Use, Elsewhere("instance.pause", CLUSTER)),
    ("POST /api/v1/instances/{id}/resume", Use, Elsewhere("instance.resume", CLUSTER)),
    ("POST /api/v1/instances/{id}/rebuild", Use, Elsewhere("instance.rebuild", CLUSTER)),
    ("POST /api/v1/instances/{id}/duplicate", Use, Elsewhere("instance.create", CLUSTER)),
    (
        "PUT /api/v1/instances/{id}/protection",
        Use,
        Elsewhere("instance.protect", "what is protected could not be removed below"),
    ),
    ("POST /api/v1/instances/{id}/recover", Use, Elsewhere("instance.recover", CLUSTER)),
    ("GET /api/v1/instances/{id}/snapshots", See, Read),
    ("POST /api/v1/instances/{id}/snapshots", Use, Elsewhere("instance.snapshot", CLUSTER)),
    ("DELETE /api/v1/instances/{id}/snapshots/{name}", Use, Elsewhere("instance.delete_snapshot", CLUSTER)),
    ("POST /api/v1/instances/{id}/snapshots/{name}/rollback", Use, Elsewhere("instance.rollback", CLUSTER)),
    ("GET /api/v1/instances/{id}/shares", See, Read),
    ("PUT /api/v1/instances/{id}/shares/{project_id}", Manage, As("instance.share")),
    ("DELETE /api/v1/instances/{id}/shares/{project_id}", Manage, As("instance.unshare")),
    ("GET /api/v1/isos", Look, Read),
    ("POST /api/v1/isos", RunHouse, As("iso.add")),
    ("DELETE /api/v1/isos/{id}", RunHouse, As("iso.remove")),
    ("PUT /api/v1/instances/{id}/disc", Use, Elsewhere("instance.update", CLUSTER)),
    ("DELETE /api/v1/instances/{id}/disc", Use, Elsewhere("instance.update", CLUSTER)),
    ("PUT /api/v1/instances/{id}/rescue", Use, Elsewhere("instance.reboot", CLUSTER)),
    ("GET /api/v1/shares", Look, Read),
    ("GET /api/v1/clusters/{id}/nodes/{name}/drain", RunHouse, Read),
    ("POST /api/v1/clusters/{id}/nodes/{name}/drain", RunHouse, As("node.drain")),
    ("GET /api/v1/discord/links", SeeAccount, Read),
    ("POST /api/v1/discord/links", ChangeAccount, Elsewhere("discord.link", BOT)),
    ("DELETE /api/v1/discord/links", ChangeAccount, Elsewhere("discord.unlink", BOT)),
    ("GET /api/v1/discord/settings", RunPeople, Read),
    ("PUT /api/v1/discord/settings", RunPeople, As("discord.set_settings")),
    ("GET /api/v1/discord/texts", RunPeople, Read),
    ("GET /api/v1/drains", SeeHouse, Read),
    ("GET /api/v1/drains/{id}", SeeHouse, Read),
    ("POST /api/v1/drains/{id}/stop", RunHouse, As("node.drain_stop")),
    ("POST /api/v1/instances/{id}/migrate", RunHouse, Elsewhere("instance.migrate", CLUSTER)),
    ("POST /api/v1/instances/{id}/consoles", Use, Not("gives a ticket; that it is used is written down")),
    ("POST /api/v1/instances/{id}/commands", Use, Elsewhere("command.run", CLUSTER)),
    ("GET /api/v1/instances/{id}/commands/capability", See, Read),
    ("GET /api/v1/instances/{id}/first-boot", See, Read),
    ("DELETE /api/v1/instances/{id}/host-key", Use, As("instance.forget_host_key")),
    ("POST /api/v1/instances/{id}/password", Use, Elsewhere("instance.password", CLUSTER)),
    ("POST /api/v1/instances/{id}/drift/accept", RunHouseIn, Elsewhere("instance.accept_drift", CLUSTER)),
    ("POST /api/v1/instances/{id}/drift/restore", RunHouseIn, Elsewhere("instance.restore_drift", CLUSTER)),
    ("GET /api/v1/instances/{id}/metrics", See, Read),
    ("GET /api/v1/instances/{id}/metrics/history", See, Read),
    ("GET /api/v1/instances/{id}/placement", SeeHouseIn, Read),
    ("PUT /api/v1/instances/{id}/price", RunPeopleIn, As("instance.reprice")),
    ("POST /api/v1/instances/{id}/reboot", Use, Elsewhere("instance.reboot", CLUSTER)),
    ("POST /api/v1/instances/{id}/release", RunHouseIn, Elsewhere("instance.release", CLUSTER)),
    ("POST /api/v1/instances/{id}/resize", Use, Elsewhere("instance.resize", CLUSTER)),
    ("POST /api/v1/instances/{id}/shutdown", Use, Elsewhere("instance.shutdown", CLUSTER)),
    ("POST /api/v1/instances/{id}/start", Use, Elsewhere("instance.start", CLUSTER)),
    ("PUT /api/v1/instances/{id}/ssh-keys", Use, Elsewhere("instance.keys", CLUSTER)),
    ("POST /api/v1/instances/{id}/stop", Use, Elsewhere("instance.stop", CLUSTER)),
    ("GET /api/v1/invitations", SeeAccount, Read),
    ("POST /api/v1/invitations/accept", CreateProject, As("project.join")),
    ("DELETE /api/v1/invitations/{id}", Leave, As("project.decline_invitation")),
    ("POST /api/v1/invitations/{id}/accept", CreateProject, As("project.join")),
    ("GET /api/v1/invoices", RunPeople, Read),
    ("GET /api/v1/invoices/{id}", See, Read),
    ("GET /api/v1/invoices/{id}/pdf", See, Read),
    ("GET /api/v1/keys", SeeAccount, Read),
    ("POST /api/v1/keys", NewKey, As("key.create")),
    ("DELETE /api/v1/keys/{id}", ChangeAccount, As("key.end")),
    ("GET /api/v1/me", Nothing, Read),
    ("PATCH /api/v1/me", ChangeAccount, As("user.change")),
    ("POST /api/v1/me/email", ChangeAccount, Elsewhere("user.ask_email", ACCOUNT)),
    ("POST /api/v1/me/email/verification", ChangeAccount, Not("sends a mail")),
    ("GET /api/v1/me/factors", SeeAccount, Read),
    ("GET /api/v1/me/identities", SeeAccount, Read),
    ("POST /api/v1/me/identities/{provider}", ChangeAccount, Not("begins; the end of it is written down")),
    ("POST /api/v1/me/identities/{provider}/remove", ChangeAccount, Elsewhere("identity.unlink", ACCOUNT)),
    ("GET /api/v1/me/notifications", SeeAccount, Read),
    ("PATCH /api/v1/me/notifications/{kind}", ChangeAccount, As("user.notifications")),
    ("GET /api/v1/me/passkeys", SeeAccount, Read),
    ("POST /api/v1/me/passkeys", ChangeAccount, Elsewhere("passkey.create", ACCOUNT)),
    ("POST /api/v1/me/passkeys/begin", ChangeAccount, Not("begins; the end of it is written down")),
    ("PATCH /api/v1/me/passkeys/{id}", ChangeAccount, Elsewhere("passkey.rename", ACCOUNT)),
    ("POST /api/v1/me/passkeys/{id}/remove", ChangeAccount, Elsewhere("passkey.remove", ACCOUNT)),
    ("POST /api/v1/me/password", ChangeAccount, Elsewhere("user.change_password", ACCOUNT)),
    ("POST /api/v1/me/recovery-codes", ChangeAccount, Elsewhere("user.recovery_codes", ACCOUNT)),
    ("POST /api/v1/me/totp", ChangeAccount, Not("begins; the end of it is written down")),
    ("POST /api/v1/me/totp/confirm", ChangeAccount, Elsewhere("user.totp_on", ACCOUNT)),
    ("POST /api/v1/me/totp/remove", ChangeAccount, Elsewhere("user.totp_off", ACCOUNT)),
    ("GET /api/v1/leases", Look, Read),
    ("GET /api/v1/leases/credits", Wallet, Read),
    ("POST /api/v1/leases/credits/claim", WalletOfUser, Elsewhere("wallet.claim", WALLET)),
    ("GET /api/v1/leases/orders", SeeHouse, Read),
    ("GET /api/v1/leases/{id}", See, Read),
    ("DELETE /api/v1/leases/{id}", Use, As("lease.give_up")),
    ("POST /api/v1/leases/{id}/claim", CreateProject, As("lease.claim")),
    ("POST /api/v1/leases/{id}/console", Use, Not("gives a ticket; that it is used is written down")),
    ("POST /api/v1/leases/{id}/exec", Use, Elsewhere("command.run", CLUSTER)),
    ("GET /api/v1/leases/{id}/log", See, Read),
    ("POST /api/v1/leases/{id}/resize", Use, Elsewhere("lease.resize", CLUSTER)),
    ("POST /api/v1/leases/{id}/token", Use, As("lease.token")),
    ("POST /management/console/{ctid}", Use, Not("gives a ticket; that it is used is written down")),
    ("POST /management/exec/{ctid}", Use, Elsewhere("command.run", CLUSTER)),
    ("GET /management/list", Look, Read),
    ("GET /api/v1/networks", Look, Read),
    ("POST /api/v1/networks", RunHouse, As("network.create")),
    ("DELETE /api/v1/networks/{id}", RunHouse, As("network.remove")),
    ("PATCH /api/v1/networks/{id}", RunHouse, As("network.change")),
    ("GET /api/v1/networks/{id}/addresses", SeeHouse, Read),
    ("POST /api/v1/networks/{id}/addresses", RunHouse, As("network.keep_address")),
    (
        "DELETE /api/v1/networks/{id}/addresses/{address}",
        RunHouse,
        Elsewhere("network.give_address_back", "needs an address that is kept; see the engine's tests"),
    ),
    ("GET /api/v1/networks/{id}/pools", SeeHouse, Read),
    ("POST /api/v1/networks/{id}/pools", RunHouse, As("network.add_pool")),
    ("DELETE /api/v1/networks/{id}/pools/{pool_id}", RunHouse, As("network.remove_pool")),
    ("GET /api/v1/operations", Look, Read),
    ("GET /api/v1/operations/{id}", See, Read),
    ("GET /api/v1/payment-offer", Nothing, Read),
    ("GET /api/v1/payments", RunPeople, Read),
    ("GET /api/v1/payments/{id}", See, Read),
    ("GET /api/v1/payments/{id}/refunds", See, Read),
    ("POST /api/v1/payments/{id}/refunds", RunPeopleIn, Elsewhere("payment.refund", PROVIDER)),
    ("POST /api/v1/placements/explain", SeeHouse, Not("only computes")),
    ("GET /api/v1/plans", Look, Read),
    ("POST /api/v1/plans", RunHouse, As("plan.create")),
    ("PATCH /api/v1/plans/{id}", RunHouse, As("plan.offer")),
    ("PUT /api/v1/plans/{id}/price", RunPeople, As("plan.price")),
    ("GET /api/v1/price-lists", Look, Read),
    ("POST /api/v1/price-lists", RunPeople, As("price_list.create")),
    ("POST /api/v1/prices/estimate", Look, Not("only computes")),
    ("GET /api/v1/projects", Look, Read),
    ("POST /api/v1/projects", CreateProject, As("project.create")),
    ("GET /api/v1/projects/{id}", See, Read),
    ("DELETE /api/v1/projects/{id}", Manage, As("project.delete")),
    ("PATCH /api/v1/projects/{id}", Manage, As("project.rename")),
    ("POST /api/v1/projects/{id}/adjustments", RunPeopleIn, As("credits.grant")),
    ("GET /api/v1/projects/{id}/audit", SeeManaged, Read),
    ("GET /api/v1/projects/{id}/balance", See, Read),
    ("GET /api/v1/projects/{id}/invitations", SeeManaged, Read),
    ("POST /api/v1/projects/{id}/invitations", Manage, As("project.invite")),
    ("DELETE /api/v1/projects/{id}/invitations/{invitation_id}", Manage, As("project.revoke_invitation")),
    ("GET /api/v1/projects/{id}/invoices", See, Read),
    ("POST /api/v1/projects/{id}/invoices", Pay, Elsewhere("invoice.issue", "needs a month that is over")),
    ("GET /api/v1/projects/{id}/ledger", See, Read),
    ("GET /api/v1/projects/{id}/ledger.csv", See, Read),
    ("GET /api/v1/projects/{id}/members", See, Read),
    ("DELETE /api/v1/projects/{id}/members/{user_id}", Manage, As("project.remove_member")),
    ("PATCH /api/v1/projects/{id}/members/{user_id}", Manage, As("project.change_member")),
    ("DELETE /api/v1/projects/{id}/membership", LeaveProject, As("project.leave")),
    ("GET /api/v1/projects/{id}/payments", See, Read),
    ("POST /api/v1/projects/{id}/payments", Pay, Elsewhere("payment.begin", PROVIDER)),
    ("GET /api/v1/projects/{id}/quota", See, Read),
    ("PUT /api/v1/projects/{id}/quota", RunPeopleIn, As("project.set_quota")),
    ("GET /api/v1/projects/{id}/spending", See, Read),
    ("GET /api/v1/projects/{id}/usage", See, Read),
    ("GET /api/v1/projects/{id}/usage.csv", See, Read),
    ("POST /api/v1/projects/{id}/vouchers", Pay, As("voucher.redeem")),
    ("GET /api/v1/projects/{id}/webhooks", SeeManaged, Read),
    ("POST /api/v1/projects/{id}/webhooks", Manage, As("webhook.create")),
    ("GET /api/v1/sessions", SeeAccount, Read),
    ("DELETE /api/v1/sessions", ChangeAccount, Elsewhere("session.end_others", "there is no other session")),
    ("DELETE /api/v1/sessions/current", Leave, As("session.end")),
    ("DELETE /api/v1/sessions/{id}", ChangeAccount, As("session.end")),
    ("GET /api/v1/templates", Look, Read),
    ("POST /api/v1/templates", RunHouse, As("template.create")),
    ("PATCH /api/v1/templates/{id}", RunHouse, As("template.offer")),
    ("GET /api/v1/templates/{id}/sources", SeeHouse, Read),
    ("POST /api/v1/templates/{id}/sources", RunHouse, As("template.add_source")),
    ("GET /api/v1/users", SeeHouse, Read),
    ("POST /api/v1/users", RunPeople, As("user.create")),
    ("GET /api/v1/users/{id}", SeeHouse, Read),
    ("PATCH /api/v1/users/{id}", RunPeople, As("user.change")),
    ("DELETE /api/v1/users/{id}/factors", RunPeople, Elsewhere("user.reset_factors", ACCOUNT)),
    ("POST /api/v1/users/{id}/ban", RunPeople, As("user.ban")),
    ("POST /api/v1/users/{id}/impersonate", RunPeople, As("user.impersonate")),
    ("POST /api/v1/users/{id}/suspend", RunPeople, As("user.suspend")),
    ("POST /api/v1/users/{id}/unban", RunPeople, As("user.unban")),
    ("POST /api/v1/users/{id}/unsuspend", RunPeople, As("user.unsuspend")),
    ("GET /api/v1/vouchers", RunPeople, Read),
    ("POST /api/v1/vouchers", RunPeople, As("voucher.create")),
    ("DELETE /api/v1/vouchers/{id}", RunPeople, As("voucher.withdraw")),
    ("GET /api/v1/webhooks/{id}", SeeManaged, Read),
    ("PATCH /api/v1/webhooks/{id}", Manage, As("webhook.update")),
    ("DELETE /api/v1/webhooks/{id}", SeeManaged, As("webhook.delete")),
    ("GET /api/v1/webhooks/{id}/deliveries", SeeManaged, Read),
    ("GET /api/v1/webhooks/{id}/deliveries/{delivery}", SeeManaged, Read),
    ("POST /api/v1/webhooks/{id}/deliveries/{delivery}/resend", Manage, As("webhook.resend")),
    ("POST /api/v1/webhooks/{id}/rotate-secret", Manage, As("webhook.rotate")),
    ("POST /api/v1/webhooks/{id}/test", Manage, As("webhook.test")),
];

fn case(name: &str) -> Option<(Needs, Logged)> {
    CASES.iter().find(|(case, ..)| *case == name).map(|(_, needs, logged)| (*needs, *logged))
}

/// Everybody there is. `P` is the project that the things belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Anonymous,
    /// Somebody with a project of their own.
    OtherTenant,
    Viewer,
    Member,
    Owner,
    Operator,
    Admin,
    /// Owns `P` as well, and is suspended.
    Suspended,
    /// Owns `P` as well, and is banned.
    Banned,
    /// A key of the administrator with every scope but the one that it takes.
    KeyWithout,
    /// The administrator, acting for the owner.
    Impersonator,
}

const EVERYBODY: [Who; 11] = [
    Who::Anonymous,
    Who::OtherTenant,
    Who::Viewer,
    Who::Member,
    Who::Owner,
    Who::Operator,
    Who::Admin,
    Who::Suspended,
    Who::Banned,
    Who::KeyWithout,
    Who::Impersonator,
];

/// What they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// Anything but a refusal.
    Allowed,
    /// 401.
    Unknown,
    /// 403, with this code.
    Refused(&'static str),
    /// 404, like what does not exist.
    Hidden,
}

/// What each is told, by what the operation needs.
fn expected(who: Who, needs: Needs) -> Expected {
    use Expected::{Allowed, Hidden, Refused, Unknown};
    let own = matches!(needs, Nothing | Look | SeeAccount | ChangeAccount | NewKey | Leave | CreateProject);
    let of_project = matches!(
        needs,
        See | Use | Pay | Manage | SeeManaged | LeaveProject | RunPeopleIn | SeeHouseIn | RunHouseIn
    );
    match who {
        Who::Anonymous => Unknown,
        _ if needs == Wallet => Unknown,
        Who::Banned => Refused("banned"),
        _ if needs == WalletOfUser => Unknown,
        _ if needs == Nothing => Allowed,
        Who::KeyWithout => Refused("missing_scope"),
        Who::Operator | Who::Admin if matches!(needs, SeeHost | UseHost | MaintainHost) => Allowed,
        _ if matches!(needs, SeeHost | UseHost | MaintainHost) => Hidden,
        Who::Impersonator if matches!(needs, ChangeAccount | NewKey | RunPeople | RunPeopleIn) => {
            Refused(if matches!(needs, ChangeAccount | NewKey) { "impersonated" } else { "" })
        }
        Who::OtherTenant if of_project => Hidden,
        Who::Suspended => match needs {
            Look | SeeAccount | ChangeAccount | Leave | See | SeeManaged | Pay | LeaveProject => Allowed,
            NewKey | Use | Manage | CreateProject | RunHouse | RunHouseIn | RunPeople | RunPeopleIn => {
                Refused("suspended")
            }
            SeeHouse | SeeHouseIn | Nothing | Wallet | WalletOfUser => Refused("forbidden"),
            SeeHost | UseHost | MaintainHost => Hidden,
        },
        _ if own => Allowed,
        Who::Viewer => match needs {
            See | LeaveProject => Allowed,
            _ => Refused("forbidden"),
        },
        Who::Member => match needs {
            See | LeaveProject | Use | Pay => Allowed,
            _ => Refused("forbidden"),
        },
        Who::Owner | Who::Impersonator => match needs {
            See | LeaveProject | Use | Pay | Manage | SeeManaged => Allowed,
            _ => Refused("forbidden"),
        },
        Who::Operator if matches!(needs, RunPeople | RunPeopleIn) => Refused("forbidden"),
        Who::Operator | Who::Admin => Allowed,
        Who::OtherTenant => Refused("forbidden"),
    }
}

/// The scope that a key takes for it.
fn scope(needs: Needs) -> Option<Scope> {
    match needs {
        Look | See | SeeHost => Some(Scope::Read),
        Use | UseHost => Some(Scope::Instances),
        Pay => Some(Scope::Billing),
        Manage | SeeManaged | CreateProject => Some(Scope::Projects),
        SeeHouse | SeeHouseIn | RunHouse | RunHouseIn | RunPeople | RunPeopleIn | MaintainHost => {
            Some(Scope::House)
        }
        Nothing | SeeAccount | ChangeAccount | NewKey | Leave | LeaveProject | Wallet | WalletOfUser => None,
    }
}

/// A house with everybody and one of each thing in it.
struct World<'a> {
    house: &'a House,
    admin: Client<'a>,
    /// An operator who is in nothing else.
    keeper: Client<'a>,
    furniture: Furniture,
    project: ProjectId,
    instance: String,
    operation: String,
    plan: String,
    lease: Lease,
    people: BTreeMap<&'static str, (Client<'a>, UserId)>,
    payment: PaymentId,
    invoice: InvoiceId,
    voucher: Value,
    /// Keys of the administrator, by the scope that each lacks.
    keys: BTreeMap<Option<Scope>, String>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

impl<'a> World<'a> {
    async fn new(house: &'a House) -> Self {
        let admin = house.admin().await;
        let furniture = house.furnish(&admin).await;
        let mut people = BTreeMap::new();
        let roles = [
            ("other", "user"),
            ("viewer", "user"),
            ("member", "user"),
            ("owner", "user"),
            ("operator", "operator"),
            ("suspended", "user"),
            ("banned", "user"),
            ("victor", "user"),
            ("keeper", "operator"),
        ];
        for (name, role) in roles {
            let client = house.user(&admin, name, role).await;
            let id = text(&client.get("/api/v1/me").await.expect(200)["user"]["id"]).parse().unwrap();
            people.insert(name, (client, id));
        }
        let owner = people["owner"].0.clone();
        let project = owner.post("/api/v1/projects", &json!({ "name": "Band" })).await.expect(201);
        let project: ProjectId = text(&project["id"]).parse().unwrap();
        let new = json!({ "name": "web-1", "template_id": furniture.template, "project_id": project });
        let made = owner.post("/api/v1/instances", &new).await.expect(202);
        let plan = json!({ "name": "S", "size": { "cores": 1, "memory_mib": 256, "disk_gib": 4 } });
        let plan = admin.post("/api/v1/plans", &plan).await.expect(201);
        let voucher = json!({ "amount_micros": 1_000_000, "uses": 1000 });
        let (now, payment, invoice) = (house.clock.now(), PaymentId::new(), InvoiceId::new());
        let mut tx = house.db.begin().await.unwrap();
        let bought = Payment {
            id: payment,
            project_id: project,
            provider: Provider::Stripe,
            state: PaymentState::Open,
            amount: Amount::new(1200, Currency::Eur),
            credits: Micros(12_000_000),
            reference: None,
            redirect: None,
            receipt: None,
            problem: None,
            asked_by: None,
            created_at: now,
            expires_at: now,
            paid_at: None,
            refunded_minor: 0,
            due_at: None,
        };
        payments::insert(&mut tx, &bought).await.unwrap();
        let issued = Invoice {
            id: invoice,
            number: "2026-00001".into(),
            project_id: project,
            month: "2026-10".parse().unwrap(),
            issued_at: now,
            seller: Party { lines: vec!["Inn".into()] },
            buyer: Party::default(),
            usage: Vec::new(),
            money: Vec::new(),
            others: Vec::new(),
        };
        invoices::insert(&mut tx, &issued, &[]).await.unwrap();
        tx.commit().await.unwrap();
        let voucher = admin.post("/api/v1/vouchers", &voucher).await.expect(201);
        let mut keys = BTreeMap::new();
        for without in Scope::ALL.iter().copied().map(Some).chain([None]) {
            let scopes: Vec<_> = Scope::ALL.iter().filter(|one| Some(**one) != without).collect();
            let made =
                admin.post("/api/v1/keys", &json!({ "name": "k", "scopes": scopes })).await.expect(201);
            keys.insert(without, text(&made["token"]));
        }
        for (name, verb) in [("suspended", "suspend"), ("banned", "ban")] {
            let path = format!("/api/v1/users/{}/{verb}", people[name].1);
            admin.post(&path, &json!({ "reason": "x" })).await.expect(200);
        }
        let gift = json!({ "kind": "grant", "amount_micros": 1_000_000_000, "reason": "welcome" });
        admin.post(&format!("/api/v1/projects/{project}/adjustments"), &gift).await.expect(201);
        let keeper = people["keeper"].0.clone();
        // Its project holds its instance and nothing else.
        let room = owner.post("/api/v1/projects", &json!({ "name": "Room" })).await.expect(201);
        let new = json!({ "name": "web-2", "template_id": furniture.template, "project_id": room["id"] });
        let inside = text(&owner.post("/api/v1/instances", &new).await.expect(202)["instance_id"]);
        let room = text(&room["id"]).parse().unwrap();
        let lease = held(house, room, &inside, &furniture.template, (TOKEN, None)).await;
        let world = Self {
            house,
            admin,
            keeper,
            furniture,
            project,
            instance: text(&made["instance_id"]),
            operation: text(&made["id"]),
            plan: text(&plan["id"]),
            lease,
            people,
            payment,
            invoice,
            voucher,
            keys,
        };
        world.everybody_belongs().await;
        world
    }

    /// Who belongs to the projects, whoever has left, come or was removed before.
    async fn everybody_belongs(&self) {
        let mut tx = self.house.db.begin().await.unwrap();
        let memberships = [
            ("viewer", Membership::Viewer),
            ("member", Membership::Member),
            ("owner", Membership::Owner),
            ("suspended", Membership::Owner),
            ("banned", Membership::Owner),
            ("victor", Membership::Member),
        ];
        for project in [self.project, self.lease.project_id] {
            for name in ["other", "operator"] {
                projects::remove_member(&mut tx, project, self.people[name].1).await.unwrap();
            }
            for (name, membership) in memberships {
                projects::add_member(&mut tx, project, self.people[name].1, membership).await.unwrap();
            }
        }
        tx.commit().await.unwrap();
    }

    fn name(who: Who) -> &'static str {
        match who {
            Who::OtherTenant => "other",
            Who::Viewer => "viewer",
            Who::Member => "member",
            Who::Owner | Who::Impersonator => "owner",
            Who::Operator => "operator",
            Who::Suspended => "suspended",
            Who::Banned => "banned",
            Who::Anonymous | Who::Admin | Who::KeyWithout => "ada",
        }
    }

    /// The caller; one whose session may end by it gets one for this alone.
    async fn client(&self, who: Who, needs: Needs, operation: &Documented) -> Client<'a> {
        let fresh = operation.path.contains("/sessions/");
        match who {
            Who::Anonymous => self.house.anybody(),
            Who::Admin if fresh => self.house.sign_in("ada@example.org").await,
            Who::Admin => self.admin.clone(),
            Who::KeyWithout => self.house.holding(&self.keys[&scope(needs)]),
            Who::Impersonator => {
                let path = format!("/api/v1/users/{}/impersonate", self.people["owner"].1);
                let opened = self.admin.post(&path, &json!({ "reason": "x" })).await.expect(201);
                self.house.holding(&text(&opened["token"]))
            }
            Who::Banned => self.people["banned"].0.clone(),
            other if fresh => self.house.sign_in(&format!("{}@example.org", Self::name(other))).await,
            other => self.people[Self::name(other)].0.clone(),
        }
    }

    /// One of each kind of thing that a path can name.
    async fn things(
        &self,
        who: Who,
        client: &Client<'_>,
        operation: &Documented,
    ) -> BTreeMap<&'static str, String> {
        let mut things = BTreeMap::from([
            ("ProjectId", self.project.to_string()),
            ("InstanceId", self.instance.clone()),
            ("OperationId", self.operation.clone()),
            ("ClusterId", self.furniture.cluster.clone()),
            ("TemplateId", self.furniture.template.clone()),
            ("PlanId", self.plan.clone()),
            ("NodeName", "pve1".to_owned()),
            ("SnapshotName", "kept".to_owned()),
            ("UserId", self.people["victor"].1.to_string()),
            ("PaymentId", self.payment.to_string()),
            ("InvoiceId", self.invoice.to_string()),
            ("LeaseId", self.lease.id.to_string()),
        ]);
        things.insert("NotificationKind", "credits".to_owned());
        things.insert("VoucherId", text(&self.voucher["items"][0]["voucher"]["id"]));
        let path = operation.path.as_str();
        if path.contains("/leases/{id}") || path.contains("{ctid}") {
            // Whatever was done to it before, it runs.
            let mut tx = self.house.db.begin().await.unwrap();
            leases::save(&mut tx, &self.lease).await.unwrap();
            leases::set_token(&mut tx, self.lease.id, &Sha256::digest(TOKEN)).await.unwrap();
            tx.commit().await.unwrap();
        }
        if path.contains("backup") {
            self.saved(&mut things).await;
        }
        if path.contains("/shares/{project_id}") {
            let with: ProjectId = self.keeper_project().await;
            let share = Share {
                instance_id: self.instance.parse().unwrap(),
                project_id: with,
                right: Right::See,
                created_at: self.house.clock.now(),
            };
            let mut tx = self.house.db.begin().await.unwrap();
            shares::put(&mut tx, &share).await.unwrap();
            tx.commit().await.unwrap();
            things.insert("ProjectId", with.to_string());
        }
        if path.contains("/announcements/{id}") {
            let asked = json!({ "text_en": "No power tonight" });
            let made = self.admin.post("/api/v1/announcements", &asked).await.expect(201);
            things.insert("AnnouncementId", text(&made["id"]));
        }
        if path.contains("/isos/{id}") {
            let asked = json!({ "cluster_id": self.furniture.cluster, "name": "Disc", "volume": format!("local:iso/{}.iso", any()) });
            let iso = self.admin.post("/api/v1/isos", &asked).await.expect(201);
            things.insert("IsoId", text(&iso["id"]));
        }
        if path.contains("/hosts/{id}") {
            things.insert("HostId", self.host(operation).await);
        }
        if path.contains("/services/{id}") || path.contains("/restarts/{id}") {
            let (service, restart) = self.service(operation).await;
            things.insert("ServiceId", service);
            things.insert("RestartId", restart);
        }
        if path.contains("/webhooks") {
            let (webhook, delivery) = self.webhook().await;
            things.insert("WebhookId", webhook);
            things.insert("DeliveryId", delivery);
        }
        if path.contains("/drains/{id}") {
            let drain = Drain {
                id: DrainId::new(),
                cluster_id: self.furniture.cluster.parse().unwrap(),
                node: format!("pve-{}", any()).parse().unwrap(),
                state: DrainState::Running,
                asked_by: None,
                created_at: self.house.clock.now(),
                ended_at: None,
            };
            let mut tx = self.house.db.begin().await.unwrap();
            drains::insert(&mut tx, &drain, &[]).await.unwrap();
            tx.commit().await.unwrap();
            things.insert("DrainId", drain.id.to_string());
        }
        if path.contains("/snapshots/{name}") {
            let snapshot = Snapshot {
                instance_id: self.instance.parse().unwrap(),
                name: "kept".parse().unwrap(),
                description: String::new(),
                memory: false,
                parent: None,
                made_at: None,
            };
            let mut tx = self.house.db.begin().await.unwrap();
            snapshots::replace(
                &mut tx,
                snapshot.instance_id,
                std::slice::from_ref(&snapshot),
                self.house.clock.now(),
            )
            .await
            .unwrap();
            tx.commit().await.unwrap();
        }
        if path.contains("/house-invitations/{id}") {
            let asked = json!({ "email": format!("{}@example.org", any()), "role": "user" });
            let made = self.admin.post("/api/v1/house-invitations", &asked).await.expect(201);
            let id = made["invitation"]["id"].as_str().or(made["id"].as_str());
            things.insert("HouseInvitationId", id.unwrap_or_else(|| panic!("{made}")).to_owned());
        }
        if path.ends_with("/impersonate") {
            things.insert("UserId", self.people["owner"].1.to_string());
        }
        if path.contains("/networks/{id}") {
            let (network, pool) = self.network().await;
            things.insert("NetworkId", network);
            things.insert("PoolId", pool);
        }
        if path.contains("/keys/{id}") {
            let user = match who {
                Who::Anonymous | Who::Admin | Who::KeyWithout => {
                    text(&self.admin.get("/api/v1/me").await.expect(200)["user"]["id"]).parse().unwrap()
                }
                other => self.people[Self::name(other)].1,
            };
            things.insert("KeyId", self.key_of(user).await);
        }
        if path.contains("/impersonations/{id}") {
            let path = format!("/api/v1/users/{}/impersonate", self.people["owner"].1);
            let opened = self.admin.post(&path, &json!({ "reason": "x" })).await.expect(201);
            things.insert("SessionId", text(&opened["session"]["id"]));
        }
        if path.contains("/sessions/{id}") {
            let me = client.get("/api/v1/me").await;
            if me.status == StatusCode::OK && !me.json()["session"].is_null() {
                things.insert("SessionId", text(&me.json()["session"]["id"]));
            }
        }
        if path.contains("/projects/{id}/invitations/") {
            let asked = json!({ "email": "nobody@example.org", "membership": "member" });
            let path = format!("/api/v1/projects/{}/invitations", self.project);
            let made = self.admin.post(&path, &asked).await.expect(201);
            things.insert("InvitationId", text(&made["invitation"]["id"]));
        } else if path.contains("/invitations/{id}") {
            things.insert("InvitationId", text(&self.invited(who).await["invitation"]["id"]));
        }
        things
    }

    /// A backup of the instance, and a schedule, the only one that it has.
    async fn saved(&self, things: &mut BTreeMap<&'static str, String>) {
        let (now, instance) = (self.house.clock.now(), self.instance.parse().unwrap());
        let backup = backup_of(self.project, instance, &self.furniture.cluster, now);
        let others = schedules::of_instance(&self.house.db, instance).await.unwrap();
        let mut tx = self.house.db.begin().await.unwrap();
        backups::insert(&mut tx, &backup).await.unwrap();
        for other in others {
            schedules::delete(&mut tx, other.id).await.unwrap();
        }
        tx.commit().await.unwrap();
        let asked = json!({
            "when": { "every": "day", "at": "03:30", "time_zone": "UTC" }, "keep": { "last": 1 },
        });
        let path = format!("/api/v1/instances/{instance}/backup-schedules");
        let schedule = self.admin.post(&path, &asked).await.expect(201);
        things.insert("BackupId", backup.id.to_string());
        things.insert("ScheduleId", text(&schedule["id"]));
    }

    /// A webhook, the only one that the project has, and something that it is to be told.
    async fn webhook(&self) -> (String, String) {
        let now = self.house.clock.now();
        let webhook = Webhook {
            id: WebhookId::new(),
            project_id: self.project,
            name: "deploy".parse().unwrap(),
            // Nobody is called there.
            url: "https://127.0.0.1:9/in".to_owned(),
            subjects: Vec::new(),
            off: None,
            since: i64::MAX,
            failures: 0,
            failing_since: None,
            rests_until: None,
            created_at: now,
        };
        let delivery =
            Delivery { due_at: Some(now.after(Duration::from_hours(1))), ..Delivery::test(webhook.id, now) };
        let others = webhooks::of_project(&self.house.db, self.project).await.unwrap();
        let mut tx = self.house.db.begin().await.unwrap();
        for other in others {
            webhooks::delete(&mut tx, other.id).await.unwrap();
        }
        let sealed = Sealed::from_text("v1:gone:AAAA".to_owned());
        webhooks::insert(&mut tx, &webhook, &sealed).await.unwrap();
        deliveries::insert(&mut tx, &delivery).await.unwrap();
        tx.commit().await.unwrap();
        (webhook.id.to_string(), delivery.id.to_string())
    }

    /// A host that stands where this can be done with it, and that is open to nobody.
    async fn host(&self, operation: &Documented) -> String {
        let (now, path) = (self.house.clock.now(), operation.path.as_str());
        let mut course = Course::new(now);
        course.awake_until = Some(now.after(Duration::from_mins(5)));
        course.state = match path.rsplit('/').next().unwrap() {
            "cancel-sleep" => HostState::Idle,
            "clear" => HostState::Error,
            "maintenance" if operation.method == "DELETE" => HostState::Maintenance,
            _ => HostState::Ready,
        };
        let host = Host {
            id: HostId::new(),
            name: format!("host-{}", any()).parse().unwrap(),
            cluster_id: self.furniture.cluster.parse().unwrap(),
            node: format!("pve-{}", any()).parse().unwrap(),
            profile: Profile::default(),
            course,
            seen: hosts::Seen::default(),
            signals: Vec::new(),
            created_at: now,
            fence: 0,
        };
        let mut tx = self.house.db.begin().await.unwrap();
        innkeeper_store::hosts::insert(&mut tx, &host, None).await.unwrap();
        tx.commit().await.unwrap();
        host.id.to_string()
    }

    /// A service on a host that is open to nobody, and a restart of it that has ended.
    async fn service(&self, operation: &Documented) -> (String, String) {
        let (now, host) = (self.house.clock.now(), self.host(operation).await.parse().unwrap());
        let service = Service {
            id: ServiceId::new(),
            name: format!("service-{}", any()).parse().unwrap(),
            at: Place::Guest { host, vmid: 105 },
            kind: ServiceKind::MinecraftJava,
            language: Language::En,
            address: Some("192.0.2.77".into()),
            port: 25565,
            join_address: None,
            path: None,
            rests: false,
            ready_seconds: 300,
            warn_seconds: 10,
            rcon_port: None,
            doorman: None,
            users_may: Vec::new(),
            created_at: now,
        };
        let mut restart = Restart::new(&service, Person::House, "house".into(), now);
        restart.enter(RestartState::Done, &service, now);
        let mut tx = self.house.db.begin().await.unwrap();
        services::insert(&mut tx, &service, None).await.unwrap();
        restarts::insert(&mut tx, &restart).await.unwrap();
        assert!(restarts::save(&mut tx, &restart, 0).await.unwrap());
        tx.commit().await.unwrap();
        (service.id.to_string(), restart.id.to_string())
    }

    /// A network of its own, with a pool.
    async fn network(&self) -> (String, String) {
        // Each on a tag of its own: pools of one tag must not overlap.
        static TAGS: AtomicU32 = AtomicU32::new(1);
        let (name, cluster) = (any(), &self.furniture.cluster);
        let vlan = TAGS.fetch_add(1, Ordering::Relaxed);
        let asked = json!({ "cluster_id": cluster, "name": name, "bridge": "vmbr0", "vlan": vlan });
        let network = text(&self.admin.post("/api/v1/networks", &asked).await.expect(201)["id"]);
        let asked = json!({ "cidr": "192.0.2.0/24" });
        let pool = self.admin.post(&format!("/api/v1/networks/{network}/pools"), &asked).await.expect(201);
        (network, text(&pool["id"]))
    }

    /// A project that has nothing to do with the others.
    async fn keeper_project(&self) -> ProjectId {
        text(&self.keeper.get("/api/v1/me").await.expect(200)["user"]["personal_project"]).parse().unwrap()
    }

    async fn key_of(&self, user_id: UserId) -> String {
        let id = KeyId::new();
        let key = Key {
            id,
            user_id,
            name: "spare".parse().unwrap(),
            scopes: vec![Scope::Read],
            project_id: None,
            ranges: Vec::new(),
            created_at: self.house.clock.now(),
            expires_at: None,
            last_used_at: None,
        };
        let mut tx = self.house.db.begin().await.unwrap();
        keys::insert(&mut tx, &key, id.to_string().as_bytes()).await.unwrap();
        tx.commit().await.unwrap();
        id.to_string()
    }

    /// An invitation of the caller into a project that they are not in.
    async fn invited(&self, who: Who) -> Value {
        let project = self.keeper.post("/api/v1/projects", &json!({ "name": "Choir" })).await.expect(201);
        let asked = json!({ "email": format!("{}@example.org", Self::name(who)), "membership": "member" });
        let path = format!("/api/v1/projects/{}/invitations", text(&project["id"]));
        self.keeper.post(&path, &asked).await.expect(201)
    }

    /// A body, where the example of the document would not do.
    async fn body(&self, who: Who, operation: &Documented) -> Option<Value> {
        // Nobody answers there, and at once.
        let endpoint = json!({ "url": "https://127.0.0.1:9", "fingerprint": vec!["AA"; 32].join(":") });
        let cluster = json!({
            "name": "Attic", "endpoints": [endpoint], "token_id": "innkeeper@pve!desk", "token_secret": "secret",
            "vmids": { "first": 20_000, "last": 20_999 },
        });
        if operation.name == "POST /api/v1/instances" {
            // A drain before has left its node in maintenance.
            let node = format!("/api/v1/clusters/{}/nodes/pve1", self.furniture.cluster);
            self.admin.patch(&node, &json!({ "maintenance": false })).await.expect(204);
        }
        Some(match operation.name.as_str() {
            "POST /api/v1/discord/links" => json!({ "token": "ikt_nobody-has-this" }),
            "PUT /api/v1/discord/settings" => json!({ "everyone": ["see"] }),
            "POST /api/v1/instances" => json!({
                "name": format!("web-{}", any()),
                "template_id": self.furniture.template,
                "project_id": self.project,
            }),
            "POST /api/v1/isos" => json!({
                "cluster_id": self.furniture.cluster, "name": "Disc", "volume": format!("local:iso/{}.iso", any()),
            }),
            "POST /api/v1/clusters" | "POST /api/v1/clusters/test" => cluster,
            "POST /api/v1/clusters/{id}/adoptions" => json!({
                "vmids": [105], "project_id": self.project, "plan_id": self.plan, "dry_run": true,
            }),
            "POST /api/v1/clusters/probe" => json!({ "url": "https://127.0.0.1:9" }),
            "PATCH /api/v1/clusters/{id}" => json!({ "open": true }),
            "PATCH /api/v1/clusters/{id}/nodes/{name}" => json!({ "maintenance": false }),
            "POST /api/v1/hosts" => json!({
                "name": format!("host-{}", any()), "cluster_id": self.furniture.cluster, "node": "pve1",
                "profile": { "wake": { "by": "packet", "mac": "00:23:7d:fd:c0:5c" } },
                "secrets": { "secure_on": "01:02:03:04:05:06" },
            }),
            "PATCH /api/v1/hosts/{id}" => json!({ "name": format!("host-{}", any()) }),
            "PUT /api/v1/hosts/{id}/keep-awake" => {
                json!({ "until": self.house.clock.now().after(Duration::from_hours(1)) })
            }
            "POST /api/v1/services" => json!({
                "name": format!("service-{}", any()), "at": { "instance": self.instance },
                "kind": "minecraft_java", "port": 25565, "rcon": { "port": 25575, "password": "hunter2" },
            }),
            "POST /api/v1/invitations/accept" => json!({ "token": self.invited(who).await["token"] }),
            "POST /api/v1/projects/{id}/invitations" => {
                json!({ "email": format!("{}@example.org", any()), "membership": "member" })
            }
            "POST /api/v1/users" => json!({
                "email": format!("{}@example.org", any()), "name": "X", "role": "user",
                "password": PASSWORD,
            }),
            "POST /api/v1/networks" => {
                json!({ "cluster_id": self.furniture.cluster, "name": any(), "bridge": "vmbr0" })
            }
            "POST /api/v1/networks/{id}/pools" => json!({ "cidr": "198.51.100.0/24" }),
            "POST /api/v1/templates/{id}/sources" => {
                json!({ "cluster_id": self.furniture.cluster, "volume": "local:vztmpl/debian-12.tar.zst", "node": "pve1" })
            }
            // Everybody goes on to sign in with theirs.
            "POST /api/v1/me/password" => {
                json!({ "password": "not this one", "new_password": "correct horse battery staple" })
            }
            "POST /api/v1/projects/{id}/webhooks" => {
                json!({ "name": "deploy", "url": "https://hooks.example/in", "enabled": false })
            }
            "POST /api/v1/leases/{id}/claim" => json!({ "token": TOKEN }),
            "POST /api/v1/projects/{id}/vouchers" => json!({ "code": self.voucher_code() }),
            _ => return None,
        })
    }

    fn voucher_code(&self) -> String {
        text(&self.voucher["items"][0]["code"])
    }
}

/// What the lease of a world is held by.
const TOKEN: &str = "ikl_held-by-whoever-shows-this";

/// A backup that is there, of an instance.
pub(crate) fn backup_of(
    project_id: ProjectId,
    instance_id: InstanceId,
    cluster: &str,
    now: Timestamp,
) -> Backup {
    Backup {
        id: BackupId::new(),
        instance_id,
        project_id,
        cluster_id: cluster.parse().unwrap(),
        node: None,
        storage: "local-lvm".parse().unwrap(),
        volume: None,
        kind: Kind::Lxc,
        vmid: 10_000,
        disk_gib: 4,
        size: None,
        mode: None,
        maker: BackupMaker::Operation,
        schedule_id: None,
        state: BackupState::Ready,
        protected: false,
        held: false,
        verified: None,
        note: None,
        problem: None,
        notes: None,
        taken_at: None,
        created_at: now,
        ended_at: Some(now),
        due_at: None,
    }
}

/// A lease whose time runs, of this instance, held by this token and this wallet.
pub(crate) async fn held(
    house: &House,
    project_id: ProjectId,
    instance: &str,
    template: &str,
    (token, wallet): (&str, Option<Address>),
) -> Lease {
    let now = house.clock.now();
    let lease = Lease {
        id: LeaseId::new(),
        project_id,
        instance_id: Some(instance.parse().unwrap()),
        wallet,
        state: LeaseState::Active,
        name: "web-1".parse().unwrap(),
        template_id: template.parse().unwrap(),
        plan_id: None,
        size: Size { cores: 1, memory_mib: 256, disk_gib: 4 },
        hourly: Micros(3_600),
        minutes: 60,
        started_at: Some(now),
        expires_at: Some(now.after(std::time::Duration::from_hours(1))),
        notices: 0,
        created_at: now,
        ended_at: None,
        due_at: None,
    };
    let mut tx = house.db.begin().await.unwrap();
    leases::insert(&mut tx, &lease, Some(&Sha256::digest(token))).await.unwrap();
    tx.commit().await.unwrap();
    lease
}

#[test]
fn every_operation_has_a_case_and_every_case_an_operation() {
    let document = document();
    let operations = operations(&document);
    for operation in &operations {
        let known = case(&operation.name).is_some();
        assert!(known || operation.is_public(), "{} needs a line in CASES", operation.name);
        assert!(!(known && operation.is_public()), "{} is public and has a case", operation.name);
        if let Some((_, logged)) = case(&operation.name) {
            let reads = matches!(logged, Read);
            assert_eq!(reads, operation.method == "GET", "{}: what does the audit log say?", operation.name);
        }
    }
    for (name, ..) in CASES {
        assert!(
            operations.iter().any(|operation| operation.name == *name),
            "{name} is no operation any more"
        );
    }
}

#[tokio::test]
async fn everybody_is_answered_as_the_table_says() {
    let house = House::with_mail(Registration::Open).await;
    let world = World::new(&house).await;
    let document = document();
    let mut wrong = Vec::new();
    for operation in &operations(&document) {
        let Some((needs, _)) = case(&operation.name) else { continue };
        for who in EVERYBODY {
            world.everybody_belongs().await;
            if needs == LeaveProject && matches!(who, Who::Operator) {
                let mut tx = house.db.begin().await.unwrap();
                let id = world.people["operator"].1;
                projects::add_member(&mut tx, world.project, id, Membership::Viewer).await.unwrap();
                tx.commit().await.unwrap();
            }
            let client = world.client(who, needs, operation).await;
            let things = world.things(who, &client, operation).await;
            let body = world.body(who, operation).await;
            let answer = operation.ask(&house, &client, &document, &things, body).await;
            let code = answer.problem_code();
            let expected = expected(who, needs);
            let right = match expected {
                Expected::Allowed => {
                    let there = !NOTHING_THERE.iter().any(|(name, _)| *name == operation.name);
                    !REFUSALS.contains(&code.as_str())
                        && answer.status != 500
                        && (answer.status != 404 || !there)
                }
                Expected::Unknown => answer.status == 401,
                Expected::Refused(why) => answer.status == 403 && (why.is_empty() || code == why),
                Expected::Hidden => {
                    // Told exactly like what does not exist.
                    let body = world.body(who, operation).await;
                    let nothing = operation.ask(&house, &client, &document, &BTreeMap::new(), body).await;
                    answer.status == 404 && answer.body == nothing.body
                }
            };
            // Staff who are in no project have none to leave.
            let nothing_to_leave = needs == LeaveProject && who == Who::Admin && answer.status == 404;
            if !right && !nothing_to_leave {
                let told = String::from_utf8_lossy(&answer.body).into_owned();
                wrong.push(format!("{who:?} {}: {expected:?}, but {} {told}", operation.name, answer.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{} are answered otherwise:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn every_change_leaves_an_entry() {
    let document = document();
    let mut wrong = Vec::new();
    let house = House::with_mail(Registration::Open).await;
    let world = World::new(&house).await;
    let newest = async || {
        let page = world.admin.get("/api/v1/audit?limit=1").await.expect(200);
        page["items"][0]["seq"].as_i64().unwrap()
    };
    // What ends things comes last.
    let mut operations = operations(&document);
    operations.sort_by_key(|operation| operation.method == "DELETE");
    for operation in &operations {
        let Some((needs, As(action))) = case(&operation.name) else { continue };
        world.everybody_belongs().await;
        let who = match needs {
            Leave | LeaveProject | ChangeAccount | NewKey | CreateProject => Who::Member,
            _ => Who::Admin,
        };
        let client = world.client(who, needs, operation).await;
        let mut things = world.things(who, &client, operation).await;
        if operation.name == "DELETE /api/v1/projects/{id}" {
            let empty = world.admin.post("/api/v1/projects", &json!({ "name": "Empty" })).await.expect(201);
            things.insert("ProjectId", text(&empty["id"]));
        }
        let body = world.body(who, operation).await;
        let before = newest().await;
        let answer = operation.ask(&house, &client, &document, &things, body).await;
        let page = world.admin.get(&format!("/api/v1/audit?action={action}&limit=20")).await.expect(200);
        let left = page["items"].as_array().unwrap().iter().any(|entry| {
            entry["seq"].as_i64().unwrap() > before && entry["action"] == action && entry["outcome"] == "done"
        });
        if !answer.status.is_success() || !left {
            let told = String::from_utf8_lossy(&answer.body).into_owned();
            wrong.push(format!("{} ({action}): left {left}, {} {told}", operation.name, answer.status));
        }
    }
    for (name, _, logged) in CASES {
        if let Elsewhere(action, why) = logged {
            assert!(!action.is_empty() && !why.is_empty(), "{name}");
        }
        if let Not(why) = logged {
            assert!(!why.is_empty(), "{name}");
        }
    }
    assert!(wrong.is_empty(), "{} leave no entry:\n{}", wrong.len(), wrong.join("\n"));
    // By now there is something of nearly everything: whatever looks sealed must be known to a rotation of the keys.
    let mut sealed = Vec::new();
    let mut hand = SqliteConnection::connect(&house.url).await.unwrap();
    let sql = "select t.name, c.name from sqlite_master t, pragma_table_info(t.name) c
        where t.type = 'table' and c.type = 'TEXT'";
    let columns: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(&mut hand).await.unwrap();
    for (table, column) in columns {
        let sql = format!("select count(*) from {table} where \"{column}\" like 'v1:%:%'");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut hand).await.unwrap();
        if count > 0 {
            let known = COLUMNS.iter().any(|one| one.table == table && one.column == column);
            assert!(known, "{table}.{column} holds sealed secrets, and store::secrets::COLUMNS lacks it");
            sealed.push(table);
        }
    }
    assert!(sealed.contains(&"clusters".to_owned()), "{sealed:?}");
}

#[tokio::test]
async fn a_refused_change_stands_in_the_log_once_a_minute() {
    let house = House::new().await;
    let admin = house.admin().await;
    let grace = house.user(&admin, "grace", "user").await;
    let plan = json!({ "name": "S", "size": { "cores": 1, "memory_mib": 256, "disk_gib": 4 } });
    let count = async || {
        let page = admin.get("/api/v1/audit").await.expect(200);
        let items = page["items"].as_array().unwrap().clone();
        items.iter().filter(|entry| entry["action"] == "POST /api/v1/plans").count()
    };
    for _ in 0..5 {
        assert_eq!(grace.post("/api/v1/plans", &plan).await.problem(403), "forbidden");
    }
    grace.get("/api/v1/users").await.problem(403);
    assert_eq!(count().await, 1);
    house.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(grace.post("/api/v1/plans", &plan).await.problem(403), "forbidden");
    assert_eq!(count().await, 2);
}

/// A word that nobody has used.
fn any() -> String {
    KeyId::new().0.simple().to_string().split_off(20)
}
