//! Hints that there is something to do. A hint may come twice or, after a lost connection, for nothing; it never
//! replaces looking at the rows.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// What there is to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Some instance is due.
    Work,
    /// A project was restricted, or is so no longer.
    Restrictions,
    /// An event was appended.
    Events,
    /// A mail was written.
    Mails,
    /// A backup was made or is to be removed, or a schedule has changed.
    Backups,
    /// Somebody may have lost the right to something that they use.
    Rights,
    /// A host or a service is to be looked at.
    Guardian,
    /// A webhook is to be told something.
    Webhooks,
}

impl Topic {
    /// In the order of their numbers.
    const ALL: [Self; 8] = [
        Self::Work,
        Self::Restrictions,
        Self::Events,
        Self::Mails,
        Self::Backups,
        Self::Rights,
        Self::Guardian,
        Self::Webhooks,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Restrictions => "restrictions",
            Self::Events => "events",
            Self::Mails => "mails",
            Self::Backups => "backups",
            Self::Rights => "rights",
            Self::Guardian => "guardian",
            Self::Webhooks => "webhooks",
        }
    }
}

/// The channel on which processes that share a PostgreSQL database wake each other.
pub(crate) const CHANNEL: &str = "innkeeper";

/// How long the listener rests when the database does not answer.
const REST: Duration = Duration::from_secs(1);

/// The topics of one transaction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Topics([bool; Topic::ALL.len()]);

impl Topics {
    pub(crate) fn add(&mut self, topic: Topic) {
        self.0[topic as usize] = true;
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Topic> {
        Topic::ALL.into_iter().filter(move |topic| self.0[*topic as usize])
    }
}

struct Senders([watch::Sender<u64>; Topic::ALL.len()]);

impl Senders {
    fn of(&self, topic: Topic) -> &watch::Sender<u64> {
        &self.0[topic as usize]
    }

    fn raise(&self, topic: Topic) {
        self.of(topic).send_modify(|count| *count += 1);
    }
}

/// The hints of one process; the listener ends with it.
pub(crate) struct Wake {
    senders: Arc<Senders>,
    /// Tells our own notifications from those of other processes.
    process: String,
    listener: Option<AbortHandle>,
}

impl Wake {
    /// Hints within this process only.
    pub(crate) fn local() -> Self {
        let senders = Senders(Topic::ALL.map(|_| watch::channel(0).0));
        let process = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
        Self { senders: Arc::new(senders), process, listener: None }
    }

    /// Hints from other processes as well.
    pub(crate) async fn listening(url: &str) -> Result<Self, sqlx::Error> {
        let mut wake = Self::local();
        let listener = connect(url).await?;
        let (url, senders, own) = (url.to_owned(), Arc::clone(&wake.senders), wake.process.clone());
        let task = tokio::spawn(listen(listener, url, senders, own));
        wake.listener = Some(task.abort_handle());
        Ok(wake)
    }

    pub(crate) fn subscribe(&self, topic: Topic) -> watch::Receiver<u64> {
        self.senders.of(topic).subscribe()
    }

    pub(crate) fn raise(&self, topic: Topic) {
        self.senders.raise(topic);
    }

    /// What other processes are told.
    pub(crate) fn message(&self, topic: Topic) -> String {
        format!("{} {}", topic.as_str(), self.process)
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

async fn connect(url: &str) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect(url).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

async fn listen(mut listener: PgListener, url: String, senders: Arc<Senders>, own: String) {
    loop {
        if let Ok(Some(notification)) = listener.try_recv().await {
            let (word, process) = notification.payload().split_once(' ').unwrap_or_default();
            if process != own {
                Topic::ALL.into_iter().filter(|t| t.as_str() == word).for_each(|t| senders.raise(t));
            }
            continue;
        }
        listener = loop {
            match connect(&url).await {
                Ok(listener) => break listener,
                Err(error) => {
                    tracing::warn!(%error, "cannot listen for hints of other processes");
                    tokio::time::sleep(REST).await;
                }
            }
        };
        // What was said in between is lost: have everybody look.
        for topic in Topic::ALL {
            senders.raise(topic);
        }
    }
}
