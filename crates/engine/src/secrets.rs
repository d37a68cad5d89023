//! Sealing all secrets anew under the current key. May be stopped at any point and begun again: what is done is done.
//! Servers that run beside it find the new key by themselves.

use std::collections::BTreeMap;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_store::SealError;
use innkeeper_store::secrets::{self, COLUMNS};
use serde_json::json;

use crate::error::allow;
use crate::{Engine, Error};

/// Secrets sealed anew in one transaction.
const BATCH: i64 = 100;

/// How many secrets each key has sealed, by the id of the key and the column.
pub type Census = BTreeMap<String, BTreeMap<String, u64>>;

/// What came of sealing anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Secrets that are under the current key now.
    pub resealed: u64,
    /// Those that did not open, with the reason: they stay as they are.
    pub unopened: Vec<String>,
}

impl Engine {
    /// How many secrets each key has sealed.
    pub async fn count_secrets(&self, actor: &Actor) -> Result<Census, Error> {
        allow(may(actor, Action::RunPeople), "secrets")?;
        let mut census: Census = self.0.keys.ids().into_iter().map(|id| (id, BTreeMap::new())).collect();
        for column in COLUMNS {
            let mut after = None;
            loop {
                let page = secrets::page(self.db(), column, None, after.as_ref(), 1000).await?;
                for kept in &page {
                    let id = kept.sealed.key_id().unwrap_or("(not sealed)").to_owned();
                    *census.entry(id).or_default().entry(column.to_string()).or_default() += 1;
                }
                let Some(last) = page.last() else { break };
                after = Some(last.row.clone());
            }
        }
        Ok(census)
    }

    /// Seals everything anew that is not under the current key.
    pub async fn reseal_secrets(&self, actor: &Actor) -> Result<Resealed, Error> {
        allow(may(actor, Action::RunPeople), "secrets")?;
        let keys = &self.0.keys;
        let current = keys.ids().into_iter().next().unwrap_or_default();
        let mut done = Resealed::default();
        for column in COLUMNS {
            let mut after = None;
            loop {
                let page = secrets::page(self.db(), column, Some(&current), after.as_ref(), BATCH).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.row.clone());
                let mut tx = self.db().begin().await?;
                for kept in &page {
                    let place = column.place(&kept.row);
                    let opened: Result<_, SealError> = keys.open(&kept.sealed, &place);
                    match opened {
                        Ok(plain) => {
                            let sealed = keys.seal(&plain, &place);
                            done.resealed +=
                                u64::from(secrets::reseal(&mut tx, column, kept, &sealed).await?);
                        }
                        Err(error) => done.unopened.push(format!("{place}: {error}")),
                    }
                }
                tx.commit().await?;
            }
        }
        let mut tx = self.db().begin().await?;
        let after = json!({ "key": current, "resealed": done.resealed, "unopened": done.unopened.len() });
        self.record(&mut tx, actor, Deed::done("secrets.rotate", "").after(after));
        tx.commit().await?;
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use innkeeper_domain::audit::Doer;
    use innkeeper_domain::time::{Clock, Timestamp};
    use innkeeper_store::{Db, KeyRing, Keys, SealKey};

    use super::*;
    use crate::Options;

    #[tokio::test]
    async fn all_is_sealed_anew_while_another_server_runs() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}/test.db", folder.path().display())).await.unwrap();
        db.migrate().await.unwrap();
        let engine = |ring| {
            Engine::new(db.clone(), ring, Clock::manual(Timestamp(1_800_000_000_000_000)), Options::default())
        };
        let (old, new) = (SealKey::generate(), SealKey::generate());
        // What the key file says, as a server that runs sees it.
        let news: Arc<Mutex<Option<Keys>>> = Arc::default();
        let source = Arc::clone(&news);
        let keys = Keys { current: old.clone(), older: Vec::new() };
        let server = engine(KeyRing::following(keys, Arc::new(move || source.lock().unwrap().take())));
        for n in 0..3 {
            let deed = Deed::done("plan.create", format!("pln_{n}"));
            server.record_refusal(&Doer::from(&Actor::house()), deed).await.unwrap();
            assert!(server.seal_audit().await.unwrap());
        }
        let house = Actor::house();
        let of = |census: &Census, key: &SealKey| census[key.id()].values().sum::<u64>();
        assert_eq!(of(&server.count_secrets(&house).await.unwrap(), &old), 3);

        let both = Keys { current: new.clone(), older: vec![old.clone()] };
        let command = engine(KeyRing::new(new.clone(), vec![old.clone()]));
        let done = command.reseal_secrets(&house).await.unwrap();
        assert_eq!(done, Resealed { resealed: 3, unopened: Vec::new() });
        assert_eq!(command.reseal_secrets(&house).await.unwrap().resealed, 0, "once is enough");
        let census = command.count_secrets(&house).await.unwrap();
        assert_eq!((of(&census, &old), of(&census, &new)), (0, 3));

        // The server meets a key that it does not know, and asks for it.
        *news.lock().unwrap() = Some(both);
        assert_eq!(server.verify_audit(&house, None).await.unwrap().faults, [""; 0]);
        assert!(server.seal_audit().await.unwrap());
        assert_eq!(of(&command.count_secrets(&house).await.unwrap(), &old), 0);
        // Without the old key, nothing is missing.
        let later = engine(KeyRing::new(new, Vec::new()));
        assert_eq!(later.verify_audit(&house, None).await.unwrap().faults, [""; 0]);
        let stranger = engine(KeyRing::new(SealKey::generate(), Vec::new()));
        let lost = stranger.reseal_secrets(&house).await.unwrap();
        assert_eq!((lost.resealed, lost.unopened.len()), (0, 4));
    }
}
