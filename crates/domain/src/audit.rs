//! The audit log: who did what, to what, from where, and what came of it. Written in the transaction of the change,
//! never changed afterwards, and sealed in batches by a chain of hashes, so that a change by another hand shows.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::access::{Actor, Proof};
use crate::ids::{ProjectId, UserId};
use crate::time::Timestamp;

words! {
    /// What came of it.
    pub enum Outcome {
        /// It was done.
        Done = "done",
        /// It was refused: they may not do it, or failed to prove who they are.
        Refused = "refused",
    }
}

words! {
    /// How somebody proved who they are.
    pub enum Means {
        /// Nobody had to: the house acts by itself, or somebody at its own command line.
        House = "house",
        /// By a session.
        Session = "session",
        /// By a key, by the token of a lease, by the signature of a wallet, or because Discord says so.
        Key = "key",
        /// An administrator acted for a user.
        Impersonation = "impersonation",
        /// Not at all: whoever came to a public door.
        Public = "public",
    }
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doer {
    /// The user; none for the house itself, and for a stranger.
    pub user_id: Option<UserId>,
    /// How they proved who they are.
    pub means: Means,
    /// The session, key or lease, with its prefix, the wallet, or the number on Discord.
    pub proof_id: Option<String>,
    /// The administrator who acted for the user.
    pub impersonator: Option<UserId>,
    /// From where.
    pub address: Option<IpAddr>,
}

impl Doer {
    /// Somebody who has not proved who they are.
    pub fn stranger(address: Option<IpAddr>) -> Self {
        Self { user_id: None, means: Means::Public, proof_id: None, impersonator: None, address }
    }
}

impl From<&Actor> for Doer {
    fn from(actor: &Actor) -> Self {
        let (means, proof_id, impersonator) = match &actor.proof {
            Proof::House => (Means::House, None, None),
            Proof::Session(session) => (Means::Session, Some(session.to_string()), None),
            Proof::Key { id, .. } => (Means::Key, Some(id.to_string()), None),
            Proof::Lease(id) => (Means::Key, Some(id.to_string()), None),
            Proof::Wallet(wallet) => (Means::Key, Some(wallet.to_string()), None),
            Proof::Discord { id, .. } => (Means::Key, Some(format!("discord:{id}")), None),
            Proof::Impersonation { session, by } => {
                (Means::Impersonation, Some(session.to_string()), Some(*by))
            }
        };
        Self { user_id: actor.user_id, means, proof_id, impersonator, address: actor.address }
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// Noun and verb, for example `instance.start`.
    pub action: String,
    /// The id of the thing, with its prefix; empty where there is no one thing.
    pub object: String,
    /// Whose it is; none for what only staff may see.
    pub project_id: Option<ProjectId>,
    /// What was true of it before: only what changes, and never a secret.
    pub before: Value,
    /// What is true of it now.
    pub after: Value,
    /// What came of it.
    pub outcome: Outcome,
}

impl Deed {
    /// Something that was done to a thing.
    pub fn done(action: &str, object: impl ToString) -> Self {
        Self {
            action: action.to_owned(),
            object: object.to_string(),
            project_id: None,
            before: Value::Null,
            after: Value::Null,
            outcome: Outcome::Done,
        }
    }

    /// Something that was refused.
    pub fn refused(action: &str, object: impl ToString) -> Self {
        Self { outcome: Outcome::Refused, ..Self::done(action, object) }
    }

    /// Whether it may have taken something from somebody that they use for longer than one request: whoever lets them
    /// use it asks anew. Too often rather than too seldom.
    pub fn may_end_rights(&self) -> bool {
        let (noun, verb) = self.action.split_once('.').unwrap_or_default();
        match noun {
            "session" | "user" | "key" | "project" => !matches!(verb, "create" | "invite" | "rename"),
            "instance" => matches!(verb, "delete" | "share" | "unshare"),
            _ => false,
        }
    }

    /// Whose the thing is.
    #[must_use]
    pub fn of(mut self, project: ProjectId) -> Self {
        self.project_id = Some(project);
        self
    }

    /// What was true before.
    #[must_use]
    pub fn before(mut self, value: Value) -> Self {
        self.before = value;
        self
    }

    /// What is true now.
    #[must_use]
    pub fn after(mut self, value: Value) -> Self {
        self.after = value;
        self
    }
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Grows with every entry, in the order in which they were committed.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    #[serde(flatten)]
    pub doer: Doer,
    /// What.
    #[serde(flatten)]
    pub deed: Deed,
}

/// The seal under a run of entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// The number of its first entry.
    pub first: i64,
    /// The number of its last entry.
    pub last: i64,
    /// How many entries lie between, both included; numbers may have gaps.
    pub count: i64,
    /// The hash of the seal before and of all entries under this one.
    pub hash: Vec<u8>,
    /// When it was set.
    pub at: Timestamp,
}

/// The hash that the first seal follows.
pub const GENESIS: [u8; 32] = [0; 32];

/// The hash of a seal: over the one before it and every entry, each field with its length, so that no two logs share
/// one.
pub fn seal_hash(previous: &[u8], entries: &[Entry]) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut put = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    put(b"innkeeper audit 1");
    put(previous);
    for entry in entries {
        let Entry { seq, at, doer, deed } = entry;
        put(&seq.to_be_bytes());
        put(&at.0.to_be_bytes());
        put(doer.user_id.map(|id| id.to_string()).unwrap_or_default().as_bytes());
        put(doer.means.as_str().as_bytes());
        put(doer.proof_id.as_deref().unwrap_or_default().as_bytes());
        put(doer.impersonator.map(|id| id.to_string()).unwrap_or_default().as_bytes());
        put(doer.address.map(|address| address.to_string()).unwrap_or_default().as_bytes());
        put(deed.action.as_bytes());
        put(deed.object.as_bytes());
        put(deed.project_id.map(|id| id.to_string()).unwrap_or_default().as_bytes());
        put(canonical(&deed.before).as_bytes());
        put(canonical(&deed.after).as_bytes());
        put(deed.outcome.as_str().as_bytes());
    }
    hash.finalize().into()
}

/// One spelling per value: the keys of objects in order, however they are kept in memory.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        plain => plain.to_string(),
    }
}

/// How much of a value is kept before or after a change, in bytes of JSON.
pub const MOST_VALUE: usize = 16 * 1024;

/// The value, or a note that it was too large to keep.
pub fn bounded(value: &Value) -> Value {
    let text = value.to_string();
    if text.len() <= MOST_VALUE {
        return value.clone();
    }
    serde_json::json!({ "too_large": text.len(), "sha256": hex(&Sha256::digest(text.as_bytes())) })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_takes_away_has_others_ask_anew() {
        for action in
            ["session.end", "session.end_others", "user.ban", "user.change", "key.end", "instance.delete"]
        {
            assert!(Deed::done(action, "").may_end_rights(), "{action}");
        }
        assert!(Deed::done("project.remove_member", "").may_end_rights());
        assert!(Deed::refused("session.reuse", "").may_end_rights());
        for action in
            ["session.create", "instance.start", "instance.create", "plan.create", "console.open", ""]
        {
            assert!(!Deed::done(action, "").may_end_rights(), "{action}");
        }
    }

    fn entry(seq: i64) -> Entry {
        let doer = Doer::stranger(Some([192, 0, 2, 1].into()));
        let deed =
            Deed::done("plan.create", "pln_1").before(json!(null)).after(json!({ "b": 1, "a": [1, 2] }));
        Entry { seq, at: Timestamp(7), doer, deed }
    }

    #[test]
    fn every_field_and_the_order_and_the_past_are_under_the_seal() {
        let log = [entry(1), entry(2)];
        let sealed = seal_hash(&GENESIS, &log);
        assert_eq!(sealed, seal_hash(&GENESIS, &log.clone()));
        let mut others = vec![
            seal_hash(&[1; 32], &log),
            seal_hash(&GENESIS, &log[..1]),
            seal_hash(&GENESIS, &[entry(2), entry(1)]),
        ];
        let changes: [fn(&mut Entry); 12] = [
            |e| e.seq = 9,
            |e| e.at = Timestamp(8),
            |e| e.doer.user_id = Some(UserId::new()),
            |e| e.doer.means = Means::House,
            |e| e.doer.proof_id = Some("ses_1".into()),
            |e| e.doer.impersonator = Some(UserId::new()),
            |e| e.doer.address = None,
            |e| e.deed.action = "plan.delete".into(),
            |e| e.deed.project_id = Some(ProjectId::new()),
            |e| e.deed.before = json!({}),
            |e| e.deed.after = json!({ "a": [1, 2], "b": 2 }),
            |e| e.deed.outcome = Outcome::Refused,
        ];
        for change in changes {
            let mut changed = log.clone();
            change(&mut changed[1]);
            others.push(seal_hash(&GENESIS, &changed));
        }
        others.sort_unstable();
        others.dedup();
        assert_eq!(others.len(), 15, "each change gives another hash");
        assert!(!others.contains(&sealed));
    }

    #[test]
    fn a_value_keeps_its_hash_through_the_database() {
        let value = json!({ "z": 1, "a": { "y": 2, "b": 3.5 }, "t": ["é\u{1F600}\n", null] });
        let read: Value = serde_json::from_str(&value.to_string()).unwrap();
        assert_eq!(canonical(&read), canonical(&value));
        assert_eq!(canonical(&value), r#"{"a":{"b":3.5,"y":2},"t":["é😀\n",null],"z":1}"#);
        let large = json!("x".repeat(MOST_VALUE));
        assert!(bounded(&large).to_string().len() < 200);
        assert_eq!(bounded(&value), value);
    }
}
