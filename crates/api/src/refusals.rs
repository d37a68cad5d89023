//! Changes that were asked for and refused stand in the audit log, so that somebody sees who tries doors. One line a
//! minute for each caller and request: a flood would only hide what matters.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::{Deed, Doer};
use innkeeper_domain::time::Timestamp;

use crate::App;

/// How long one line stands for all of its kind.
const EVERY: Duration = Duration::from_mins(1);

/// The most kinds that are remembered; beyond, nothing is written until the oldest are forgotten.
const MOST: usize = 10_000;

/// When what was last written down.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<(Option<String>, String), Timestamp>>);

impl Refusals {
    /// Whether this one is to be written down.
    fn is_news(&self, who: Option<String>, action: &str, now: Timestamp) -> bool {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if written.len() >= MOST {
            written.retain(|_, at| now.since(*at) < EVERY);
        }
        let kind = (who, action.to_owned());
        let fresh = written.get(&kind).is_none_or(|at| now.since(*at) >= EVERY);
        if !fresh || written.len() >= MOST {
            return false;
        }
        written.insert(kind, now);
        true
    }
}

/// A change that somebody asks for.
pub(crate) struct Asked {
    doer: Doer,
    action: String,
    object: String,
}

impl Asked {
    pub(crate) fn of(actor: &Actor, request: &Request) -> Self {
        let path = request.uri().path();
        let route = request.extensions().get::<MatchedPath>().map_or(path, MatchedPath::as_str);
        Self {
            doer: Doer::from(actor),
            action: format!("{} {route}", request.method()),
            object: path.chars().take(200).collect(),
        }
    }

    /// Writes down that it was refused. Whoever asked is refused all the same if that fails.
    pub(crate) async fn refused(self, app: &App) {
        let who = self.doer.user_id.map(|id| id.to_string());
        if !app.refusals.is_news(who, &self.action, app.engine.clock().now()) {
            return;
        }
        let deed = Deed::refused(&self.action, self.object);
        if let Err(error) = app.engine.record_refusal(&self.doer, deed).await {
            tracing::error!(%error, "a refusal could not be written into the audit log");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_leaves_one_line_a_minute() {
        let refusals = Refusals::default();
        let grace = || Some("usr_1".to_owned());
        let news = |who, action, second: i64| refusals.is_news(who, action, Timestamp(second * 1_000_000));
        assert!(news(grace(), "a", 0));
        assert!(!news(grace(), "a", 59));
        assert!(news(grace(), "b", 59) && news(None, "a", 59));
        assert!(news(grace(), "a", 60));
        for n in 0..MOST + 10 {
            news(Some(n.to_string()), "a", 61);
        }
        assert!(!news(Some("one more".into()), "a", 62));
        assert!(news(Some("one more".into()), "a", 200));
        assert!(refusals.0.lock().unwrap().len() < 10);
    }
}
