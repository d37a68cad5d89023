//! Changes that were asked for and refused stand in the audit log, so that somebody sees who tries doors. One line a
//! minute for each caller and request: a flood would only hide what matters.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Extensions, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use innkeeper_domain::audit::{Deed, Doer};
use innkeeper_domain::time::Timestamp;

use crate::{App, auth};

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
struct Asked {
    action: String,
    object: String,
}

impl Asked {
    /// None for what changes nothing.
    fn of(request: &Request) -> Option<Self> {
        if auth::is_safe(request.method()) {
            return None;
        }
        let path = request.uri().path();
        let route = request.extensions().get::<MatchedPath>().map_or(path, MatchedPath::as_str);
        let action = format!("{} {route}", request.method());
        Some(Self { action, object: path.chars().take(200).collect() })
    }

    /// Writes down that it was refused. Whoever asked is refused all the same if that fails.
    async fn refused(self, app: &App, doer: &Doer) {
        let who = doer.user_id.map(|id| id.to_string()).or_else(|| doer.proof_id.clone());
        if !app.refusals.is_news(who, &self.action, app.engine.clock().now()) {
            return;
        }
        let deed = Deed::refused(&self.action, self.object);
        if let Err(error) = app.engine.record_refusal(doer, deed).await {
            tracing::error!(%error, "a refusal could not be written into the audit log");
        }
    }
}

/// Who turned out to ask, at doors where each handler takes the proof itself.
#[derive(Clone, Default)]
struct Shown(Arc<OnceLock<Doer>>);

/// Remembers who asks, for whoever writes a refusal down.
pub(crate) fn shown(extensions: &Extensions, doer: impl FnOnce() -> Doer) {
    if let Some(Shown(slot)) = extensions.get() {
        slot.get_or_init(doer);
    }
}

/// Passes a request on, and writes down that it was refused, if it is a change and its handler learned who asks.
pub(crate) async fn note(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let Some(asked) = Asked::of(&request) else { return next.run(request).await };
    let shown = Shown::default();
    request.extensions_mut().insert(shown.clone());
    let response = next.run(request).await;
    if response.status() == StatusCode::FORBIDDEN
        && let Some(doer) = shown.0.get()
    {
        asked.refused(&app, doer).await;
    }
    response
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
