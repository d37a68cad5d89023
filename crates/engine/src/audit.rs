//! The audit log: use cases write into it in the transaction of their change; a loop seals it; staff read and verify
//! it.

use std::time::Duration;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::{Deed, Doer, Entry, GENESIS, Seal, bounded, seal_hash};
use innkeeper_domain::discord::AlertKind;
use innkeeper_store::{Topic, Tx, audit};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

pub use innkeeper_store::audit::Filter;

use crate::error::allow;
use crate::{Engine, Error};

/// How often new entries are sealed.
const SEAL_EVERY: Duration = Duration::from_mins(1);

/// The most entries under one seal.
const UNDER_ONE_SEAL: i64 = 1000;

/// What a verification of the log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Seals that were checked.
    pub seals: u64,
    /// Entries that lie under them, unchanged.
    pub entries: u64,
    /// Entries that were removed for their age; their seals still hold the chain together.
    pub removed: u64,
    /// Entries that are too new to be sealed.
    pub unsealed: u64,
    /// The hash at the end of the chain, in hexadecimal: kept elsewhere, it shows later that nothing before it changed.
    pub head: String,
    /// What is wrong, in the order in which it was found; empty when the log is whole.
    pub faults: Vec<String>,
}

impl Engine {
    /// Writes down what somebody did, in the transaction that does it.
    pub(crate) fn record(&self, tx: &mut Tx, actor: &Actor, deed: Deed) {
        self.record_by(tx, &Doer::from(actor), deed);
    }

    /// The same, for somebody who has not proved who they are.
    pub(crate) fn record_by(&self, tx: &mut Tx, doer: &Doer, mut deed: Deed) {
        deed.before = bounded(&deed.before);
        deed.after = bounded(&deed.after);
        if deed.may_end_rights() {
            tx.wake(Topic::Rights);
        }
        audit::append(tx, self.clock().now(), doer, deed);
    }

    /// Writes down what was refused, in a transaction of its own: there is no change that it could be part of.
    pub async fn record_refusal(&self, doer: &Doer, deed: Deed) -> Result<(), Error> {
        let mut tx = self.db().begin().await?;
        self.record_by(&mut tx, doer, deed);
        Ok(tx.commit().await?)
    }

    /// The audit log, newest first. Administrators see all of it; the owners of a project what concerns that.
    pub async fn audit_log(
        &self,
        actor: &Actor,
        filter: &Filter,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Entry>, Error> {
        match filter.project_id {
            Some(project) => allow(may(actor, Action::SeeManaged(project)), "project")?,
            None => allow(may(actor, Action::RunPeople), "audit log")?,
        }
        Ok(audit::list(self.db(), filter, before, limit).await?)
    }

    /// Checks every seal and every entry under it against each other; and that the chain still goes through this head,
    /// if an earlier one was kept elsewhere.
    pub async fn verify_audit(&self, actor: &Actor, expect: Option<&str>) -> Result<Verification, Error> {
        allow(may(actor, Action::RunPeople), "audit log")?;
        let mut found = Verification {
            seals: 0,
            entries: 0,
            removed: 0,
            unsealed: 0,
            head: String::new(),
            faults: Vec::new(),
        };
        let (mut hash, mut last) = (GENESIS.to_vec(), 0);
        let expect = expect.map(|head| head.trim().to_lowercase());
        // Before the first seal, the head is where the chain begins.
        let mut expected = expect.as_ref().is_none_or(|head| *head == hex::encode(GENESIS));
        let mut cursor = i64::MIN;
        loop {
            let seals = audit::seals(self.db(), cursor, 200).await?;
            let Some(newest) = seals.last() else { break };
            cursor = newest.seal.first;
            for kept in &seals {
                self.verify_seal(kept, &hash, last, &mut found).await?;
                hash.clone_from(&kept.seal.hash);
                last = kept.seal.last;
                expected |= expect.as_ref().is_some_and(|head| *head == hex::encode(&hash));
            }
        }
        let mut after = last;
        loop {
            let newer = audit::between(self.db(), after + 1, i64::MAX, UNDER_ONE_SEAL).await?;
            let Some(newest) = newer.last() else { break };
            after = newest.seq;
            found.unsealed += newer.len() as u64;
        }
        if !expected {
            found.faults.push("the head that was kept elsewhere is not in the chain: it was replaced".into());
        }
        found.head = hex::encode(hash);
        if let Some(first) = found.faults.first() {
            let mut tx = self.db().begin().await?;
            self.alert(&mut tx, AlertKind::AuditBroken, "audit log", first).await?;
            tx.commit().await?;
        }
        Ok(found)
    }

    async fn verify_seal(
        &self,
        kept: &audit::KeptSeal,
        previous: &[u8],
        last: i64,
        found: &mut Verification,
    ) -> Result<(), Error> {
        let seal = &kept.seal;
        let name = format!("entries {} to {}", seal.first, seal.last);
        found.seals += 1;
        match self.0.keys.open(&kept.mac, &mac_place(seal.first)) {
            Ok(hash) if *hash == seal.hash => {}
            Ok(_) => found.faults.push(format!("{name}: the seal was replaced")),
            Err(error) => found.faults.push(format!("{name}: the seal is not ours: {error}")),
        }
        if seal.first <= last {
            found.faults.push(format!("{name}: they overlap those before"));
        }
        // Between two seals nothing may lie.
        let between = audit::between(self.db(), last + 1, seal.first - 1, 1).await?;
        if !between.is_empty() {
            found.faults.push(format!("{name}: an entry was slipped in before them"));
        }
        let entries = audit::between(self.db(), seal.first, seal.last, UNDER_ONE_SEAL + 1).await;
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                found.faults.push(format!("{name}: {error}"));
                return Ok(());
            }
        };
        if kept.removed_at.is_some() {
            if !entries.is_empty() {
                found.faults.push(format!("{name}: some are there that should have been removed"));
            }
            if found.entries > 0 {
                found.faults.push(format!("{name}: they were removed while older ones stayed"));
            }
            found.removed += seal.count as u64;
            return Ok(());
        }
        found.entries += entries.len() as u64;
        if entries.len() as i64 != seal.count {
            found.faults.push(format!("{name}: {} were sealed, {} are there", seal.count, entries.len()));
        } else if seal_hash(previous, &entries)[..] != seal.hash[..] {
            found.faults.push(format!("{name}: at least one was changed"));
        }
        Ok(())
    }

    /// Sets one seal under what was added since the last; false when nothing was.
    pub(crate) async fn seal_audit(&self) -> Result<bool, Error> {
        let mut tx = self.db().begin().await?;
        let before = audit::last_seal(&mut tx).await?;
        let (previous, last) = match &before {
            Some(kept) => (kept.seal.hash.clone(), kept.seal.last),
            None => (GENESIS.to_vec(), 0),
        };
        let entries = audit::between_tx(&mut tx, last + 1, i64::MAX, UNDER_ONE_SEAL).await?;
        let (Some(first), Some(newest)) = (entries.first(), entries.last()) else { return Ok(false) };
        let seal = Seal {
            first: first.seq,
            last: newest.seq,
            count: entries.len() as i64,
            hash: seal_hash(&previous, &entries).to_vec(),
            at: self.clock().now(),
        };
        let mac = self.0.keys.seal(&seal.hash, &mac_place(seal.first));
        audit::set_seal(&mut tx, &seal, &mac).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Removes what is older than the log is kept for.
    pub(crate) async fn prune_audit(&self) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let removed = audit::prune(&mut tx, now.before(self.options().audit_kept), now).await?;
        tx.commit().await?;
        if removed > 0 {
            info!(removed, "old entries of the audit log were removed");
        }
        Ok(())
    }
}

/// The place that a seal's hash is bound to.
pub(crate) fn mac_place(first: i64) -> String {
    format!("audit_seals/mac/{first}")
}

/// Seals what was added, until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    loop {
        loop {
            match engine.seal_audit().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    error!(%error, "sealing the audit log failed; will try again");
                    break;
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SEAL_EVERY) => {}
        }
    }
}

/// Before and after a change, for the log: JSON of what is safe to show.
pub(crate) fn shown<T: serde::Serialize>(value: &T) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use innkeeper_domain::time::{Clock, Timestamp};
    use innkeeper_store::{Db, KeyRing, SealKey};
    use serde_json::json;
    use sqlx::{Connection, SqliteConnection};

    use super::*;
    use crate::Options;

    const DAY: Duration = Duration::from_hours(24);

    struct Log {
        engine: Engine,
        url: String,
        _folder: tempfile::TempDir,
    }

    impl Log {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite:{}/test.db", folder.path().display());
            let db = Db::open(&url).await.unwrap();
            db.migrate().await.unwrap();
            let keys = KeyRing::new(SealKey::generate(), Vec::new());
            let clock = Clock::manual(Timestamp(1_800_000_000_000_000));
            Self { engine: Engine::new(db, keys, clock, Options::default()), url, _folder: folder }
        }

        async fn write(&self, count: usize) {
            for n in 0..count {
                let deed = Deed::done("plan.create", format!("pln_{n}")).after(json!({ "n": n }));
                self.engine.record_refusal(&Doer::from(&Actor::house()), deed).await.unwrap();
            }
        }

        async fn verify(&self) -> Verification {
            self.engine.verify_audit(&Actor::house(), None).await.unwrap()
        }

        /// What somebody does who has the database in their hands.
        async fn by_hand(&self, sql: &'static str) -> Result<(), sqlx::Error> {
            let mut hand = SqliteConnection::connect(&self.url).await?;
            sqlx::raw_sql(sql).execute(&mut hand).await?;
            hand.close().await
        }
    }

    #[tokio::test]
    async fn a_log_that_nobody_touched_is_whole_and_grows_on() {
        let log = Log::new().await;
        assert_eq!(log.verify().await.seals, 0);
        log.write(3).await;
        assert!(log.engine.seal_audit().await.unwrap());
        assert!(!log.engine.seal_audit().await.unwrap());
        log.write(2).await;
        let found = log.verify().await;
        assert_eq!((found.seals, found.entries, found.unsealed), (1, 3, 2));
        assert_eq!(found.faults, [""; 0]);
        assert!(log.engine.seal_audit().await.unwrap());
        let later = log.verify().await;
        assert_eq!((later.seals, later.entries, later.unsealed), (2, 5, 0));
        assert_eq!(later.faults, [""; 0]);
        assert_ne!(found.head, later.head);
        for (head, faults) in [(&found.head, 0), (&later.head, 0), (&"11".repeat(32), 1)] {
            let checked = log.engine.verify_audit(&Actor::house(), Some(head)).await.unwrap();
            assert_eq!(checked.faults.len(), faults, "{head}");
        }
    }

    #[tokio::test]
    async fn the_database_itself_refuses_to_change_the_log() {
        let log = Log::new().await;
        log.write(2).await;
        log.engine.seal_audit().await.unwrap();
        for sql in [
            "update audit set action = 'x'",
            "delete from audit",
            "delete from audit_seals",
            "update audit_seals set hash = x'00'",
        ] {
            assert!(log.by_hand(sql).await.is_err(), "{sql}");
        }
        assert_eq!(log.verify().await.faults, [""; 0]);
    }

    #[tokio::test]
    async fn whoever_gets_round_the_database_is_found_out() {
        const OPEN: &str =
            "drop trigger audit_is_never_changed; drop trigger audit_is_removed_under_a_seal_only;
            drop trigger audit_seals_stay; drop trigger audit_seals_are_never_changed;";
        for (sql, word) in [
            ("update audit set action = 'plan.delete' where seq = 2", "changed"),
            ("update audit set at = at + 1 where seq = 4", "changed"),
            ("delete from audit where seq = 2", "are there"),
            ("update audit set seq = 100 where seq = 1", "are there"),
            ("update audit set after = '{' where seq = 1", "cannot be read"),
            ("delete from audit where seq <= 3; delete from audit_seals where first = 1", "changed"),
            ("update audit_seals set hash = zeroblob(32) where first = 1", "replaced"),
            ("update audit_seals set removed_at = 1 where first = 4", "removed"),
            (
                "update audit_seals set mac = (select mac from audit_seals where first = 4) where first = 1",
                "not ours",
            ),
        ] {
            let log = Log::new().await;
            log.write(3).await;
            log.engine.seal_audit().await.unwrap();
            log.write(3).await;
            log.engine.seal_audit().await.unwrap();
            assert_eq!(log.verify().await.faults, [""; 0]);
            log.by_hand(OPEN).await.unwrap();
            log.by_hand(sql).await.unwrap();
            let faults = log.verify().await.faults.join("; ");
            assert!(faults.contains(word), "{sql}: {faults}");
        }
    }

    #[tokio::test]
    async fn what_is_too_old_goes_and_the_chain_stays() {
        let log = Log::new().await;
        log.write(3).await;
        log.engine.seal_audit().await.unwrap();
        log.engine.clock().advance(DAY * 366);
        // Not sealed yet, so not old, whatever its date.
        log.write(2).await;
        log.engine.prune_audit().await.unwrap();
        let found = log.verify().await;
        assert_eq!((found.removed, found.entries, found.unsealed), (3, 0, 2));
        log.engine.seal_audit().await.unwrap();
        let found = log.verify().await;
        assert_eq!((found.seals, found.removed, found.entries), (2, 3, 2));
        assert_eq!(found.faults, [""; 0]);
        assert!(log.by_hand("delete from audit").await.is_err());
    }
}
