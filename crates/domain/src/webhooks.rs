//! Webhooks: addresses that a project names, which are told what happens to it. What is sent follows the specification
//! of Standard Webhooks; what is not taken is sent again, later and later, and given up in the end.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::events::{Event, Subject};
use crate::ids::{DeliveryId, ProjectId, WebhookId};
use crate::names::Title;
use crate::time::Timestamp;

words! {
    /// Why a webhook is off.
    pub enum Off as "WebhookOff" {
        /// Somebody switched it off.
        Asked = "asked",
        /// Its receiver answered that it is gone (410).
        Gone = "gone",
        /// Its receiver has taken nothing for five days.
        Failing = "failing",
    }
}

words! {
    /// What became of a delivery.
    pub enum State as "DeliveryState" {
        /// It is still to be taken.
        Pending = "pending",
        /// It was taken.
        Delivered = "delivered",
        /// It was given up.
        Failed = "failed",
    }
}

words! {
    /// Why a try failed.
    pub enum Fault as "DeliveryFault" {
        /// The receiver answered with another status than 2xx.
        Status = "status",
        /// The receiver named another address, which is not followed.
        Redirected = "redirected",
        /// No answer came in time.
        TimedOut = "timed_out",
        /// Nobody listens there.
        Refused = "refused",
        /// No connection came about.
        Unreachable = "unreachable",
        /// The host's name is not known.
        Unresolved = "unresolved",
        /// The receiver's certificate is not trusted, or it speaks no TLS.
        Tls = "tls",
        /// The connection ended without an answer.
        Broken = "broken",
        /// The address is none that may be called: not `https`, or not on the Internet.
        NotAllowed = "not_allowed",
        /// The house could not open the webhook's secret.
        Unsigned = "unsigned",
    }
}

/// An address that is told what happens to a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Identity.
    pub id: WebhookId,
    /// Whose events it is told.
    pub project_id: ProjectId,
    /// What people call it.
    pub name: Title,
    /// Where it is told. May hold what is secret: for its owners only.
    pub url: String,
    /// What it is told of; empty means everything.
    pub subjects: Vec<Subject>,
    /// Since when it is off, and why.
    pub off: Option<(Off, Timestamp)>,
    /// It is told of events after this number.
    pub since: i64,
    /// Tries that failed in a row.
    pub failures: u32,
    /// When the first of them was.
    pub failing_since: Option<Timestamp>,
    /// It is left in peace until then.
    pub rests_until: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The most webhooks that a project has.
pub const MOST_WEBHOOKS: i64 = 10;

/// How long a webhook may take nothing before it is switched off.
pub const PATIENCE: Duration = Duration::from_hours(5 * 24);

/// How long deliveries are kept.
pub const KEPT: Duration = Duration::from_hours(30 * 24);

/// The pauses after the tries of a delivery, each spread by a quarter: ten tries over two to three days.
const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(6),
    Duration::from_hours(12),
    Duration::from_hours(18),
    Duration::from_hours(20),
];

/// The longest rest of a webhook whose receiver fails: all its deliveries wait for it.
const LONGEST_REST: Duration = Duration::from_mins(1);

/// Tries of a delivery that are remembered.
const MOST_TRIES: usize = 30;

impl Webhook {
    /// Whether it is told anything at the moment.
    pub fn is_on(&self) -> bool {
        self.off.is_none()
    }

    /// Whether it is told of this event.
    pub fn hears(&self, event: &Event) -> bool {
        self.is_on()
            && event.seq > self.since
            && event.project_id == Some(self.project_id)
            && (self.subjects.is_empty() || self.subjects.contains(&event.subject))
    }

    /// Switches it on: it is told of what comes after the event of this number, at once.
    pub fn switch_on(&mut self, newest: i64) {
        self.off = None;
        self.since = newest;
        self.failures = 0;
        self.failing_since = None;
        self.rests_until = None;
    }

    /// Takes note of how a try went; it is switched off when it has failed for too long, or is gone. `dice` is any number.
    pub fn note(&mut self, tried: &Try, dice: u64, now: Timestamp) {
        if tried.is_taken() {
            self.failures = 0;
            self.failing_since = None;
            self.rests_until = None;
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let failing_since = *self.failing_since.get_or_insert(now);
        let doubled = Duration::from_secs(1 << (self.failures - 1).min(16)).min(LONGEST_REST);
        self.rests_until = Some(now.after(spread(doubled, dice)));
        if self.off.is_some() {
            return;
        }
        if tried.status == Some(GONE) {
            self.off = Some((Off::Gone, now));
        } else if now.since(failing_since) >= PATIENCE {
            self.off = Some((Off::Failing, now));
        }
    }
}

/// The status by which a receiver says that it wants nothing more.
const GONE: u16 = 410;

/// One try to deliver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    /// When it was begun.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// The status of the answer, if one came.
    pub status: Option<u16>,
    /// Why it failed; none when it was taken.
    pub fault: Option<Fault>,
}

impl Try {
    /// A try that was answered, or failed before.
    pub fn of(answer: Result<u16, Fault>, at: Timestamp, took: Duration) -> Self {
        let (status, fault) = match answer {
            Ok(status @ 200..300) => (Some(status), None),
            Ok(status @ 300..400) => (Some(status), Some(Fault::Redirected)),
            Ok(status) => (Some(status), Some(Fault::Status)),
            Err(fault) => (None, Some(fault)),
        };
        Self { at, ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX), status, fault }
    }

    /// Whether the receiver took it.
    pub fn is_taken(&self) -> bool {
        self.fault.is_none()
    }
}

/// Something that a webhook is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Identity; the receiver is told it (`webhook-id`), and knows by it what came twice.
    pub id: DeliveryId,
    /// Who is told.
    pub webhook_id: WebhookId,
    /// The event's number; none for a test.
    pub seq: Option<i64>,
    /// When it happened.
    pub at: Timestamp,
    /// To what kind of thing.
    pub subject: String,
    /// To which.
    pub subject_id: String,
    /// What is now true of it.
    pub what: String,
    /// What became of it.
    pub state: State,
    /// When it is tried next; none when it is over.
    pub due_at: Option<Timestamp>,
    /// Tries since it was last asked for.
    pub attempts: u32,
    /// The newest tries, oldest first.
    pub tries: Vec<Try>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

impl Delivery {
    /// An event to be told, at once.
    pub fn of_event(webhook: WebhookId, event: Event, now: Timestamp) -> Self {
        let Event { seq, at, project_id: _, subject, subject_id, what } = event;
        let subject = subject.as_str().to_owned();
        Self { seq: Some(seq), at, subject, subject_id, what, ..Self::test(webhook, now) }
    }

    /// Something that did not happen, to see whether it arrives.
    pub fn test(webhook: WebhookId, now: Timestamp) -> Self {
        Self {
            id: DeliveryId::new(),
            webhook_id: webhook,
            seq: None,
            at: now,
            subject: "webhook".to_owned(),
            subject_id: webhook.to_string(),
            what: "test".to_owned(),
            state: State::Pending,
            due_at: Some(now),
            attempts: 0,
            tries: Vec::new(),
            created_at: now,
            ended_at: None,
        }
    }

    /// What it tells of, in a word: `instance.running`.
    pub fn kind(&self) -> String {
        format!("{}.{}", self.subject, self.what)
    }

    /// What is sent: the same at every try.
    pub fn body(&self, project: ProjectId) -> String {
        json!({
            "type": self.kind(),
            "timestamp": self.at,
            "data": {
                "seq": self.seq,
                "project_id": project,
                "subject": self.subject,
                "subject_id": self.subject_id,
                "what": self.what,
            },
        })
        .to_string()
    }

    /// Takes note of a try: it was taken, or is tried again later, or is given up. `dice` is any number.
    pub fn note(&mut self, tried: Try, dice: u64, now: Timestamp) {
        let (taken, at) = (tried.is_taken(), self.attempts as usize);
        self.attempts = self.attempts.saturating_add(1);
        self.tries.push(tried);
        let surplus = self.tries.len().saturating_sub(MOST_TRIES);
        self.tries.drain(..surplus);
        if taken {
            self.end(State::Delivered, now);
        } else if self.state == State::Pending {
            match PAUSES.get(at) {
                Some(pause) => self.due_at = Some(now.after(spread(*pause, dice))),
                None => self.end(State::Failed, now),
            }
        }
    }

    /// It is over.
    pub fn end(&mut self, state: State, now: Timestamp) {
        self.state = state;
        self.due_at = None;
        self.ended_at = Some(now);
    }

    /// It is sent once more, at once and from the first pause on.
    pub fn resend(&mut self, now: Timestamp) {
        self.state = State::Pending;
        self.due_at = Some(now);
        self.attempts = 0;
        self.ended_at = None;
    }
}

/// Spread by ±25 %, so that many do not come back together.
fn spread(pause: Duration, dice: u64) -> Duration {
    pause * (75 + u32::try_from(dice % 51).unwrap_or(0)) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_221_883_000_000);

    fn webhook() -> Webhook {
        Webhook {
            id: WebhookId::new(),
            project_id: ProjectId::new(),
            name: "build".parse().unwrap(),
            url: "https://hooks.example/in".into(),
            subjects: Vec::new(),
            off: None,
            since: 7,
            failures: 0,
            failing_since: None,
            rests_until: None,
            created_at: NOW,
        }
    }

    fn event(webhook: &Webhook) -> Event {
        Event {
            seq: 8,
            at: Timestamp(NOW.0 - 1_000_000),
            project_id: Some(webhook.project_id),
            subject: Subject::Instance,
            subject_id: "ins_1".into(),
            what: "running".into(),
        }
    }

    fn failed(at: Timestamp) -> Try {
        Try::of(Ok(500), at, Duration::from_millis(12))
    }

    #[test]
    fn it_hears_of_its_own_project_what_it_asked_for_and_what_is_new() {
        let hook = webhook();
        let heard = event(&hook);
        assert!(hook.hears(&heard));
        assert!(!hook.hears(&Event { seq: 7, ..heard.clone() }));
        assert!(!hook.hears(&Event { project_id: Some(ProjectId::new()), ..heard.clone() }));
        assert!(!hook.hears(&Event { project_id: None, ..heard.clone() }));
        let picky = Webhook { subjects: vec![Subject::Lease], ..hook.clone() };
        assert!(!picky.hears(&heard) && picky.hears(&Event { subject: Subject::Lease, ..heard.clone() }));
        assert!(!Webhook { off: Some((Off::Asked, NOW)), ..hook }.hears(&heard));
    }

    #[test]
    fn ten_tries_over_two_to_three_days_and_then_it_is_given_up() {
        let hook = webhook();
        for dice in [0, 25, 50] {
            let mut delivery = Delivery::of_event(hook.id, event(&hook), NOW);
            let mut now = NOW;
            let mut tries = 0;
            while let Some(due) = delivery.due_at {
                assert!(due >= now);
                now = due;
                delivery.note(failed(now), dice, now);
                tries += 1;
            }
            assert_eq!((tries, delivery.state, delivery.tries.len()), (10, State::Failed, 10));
            let days = now.since(NOW).as_secs_f64() / 86_400.0;
            assert!((1.8..3.2).contains(&days), "{days}");
        }
    }

    #[test]
    fn a_resent_one_has_all_its_tries_again_and_keeps_what_it_is_known_by() {
        let hook = webhook();
        let mut delivery = Delivery::of_event(hook.id, event(&hook), NOW);
        let before = delivery.clone();
        delivery.end(State::Failed, NOW);
        delivery.resend(NOW);
        assert_eq!(delivery, before);
        assert_eq!(delivery.body(hook.project_id), before.body(hook.project_id));
        for _ in 0..100 {
            delivery.resend(NOW);
            delivery.note(Try::of(Ok(204), NOW, Duration::ZERO), 0, NOW);
        }
        assert_eq!((delivery.state, delivery.tries.len()), (State::Delivered, MOST_TRIES));
    }

    #[test]
    fn what_is_taken_late_is_taken_and_what_was_given_up_stays_so() {
        let mut delivery = Delivery::test(WebhookId::new(), NOW);
        delivery.end(State::Failed, NOW);
        delivery.note(failed(NOW), 0, NOW);
        assert_eq!((delivery.state, delivery.due_at), (State::Failed, None));
        delivery.note(Try::of(Ok(200), NOW, Duration::ZERO), 0, NOW);
        assert_eq!(delivery.state, State::Delivered);
    }

    #[test]
    fn a_webhook_is_switched_off_when_gone_or_after_five_days_of_failures_only() {
        let gone = Try::of(Ok(410), NOW, Duration::ZERO);
        let mut hook = webhook();
        hook.note(&gone, 0, NOW);
        assert_eq!(hook.off, Some((Off::Gone, NOW)));

        let mut hook = webhook();
        let late = NOW.after(PATIENCE);
        hook.note(&failed(NOW), 0, NOW);
        hook.note(&failed(late), 0, Timestamp(late.0 - 1));
        assert!(hook.is_on());
        let mut mended = hook.clone();
        hook.note(&failed(late), 0, late);
        assert_eq!(hook.off, Some((Off::Failing, late)));
        mended.note(&Try::of(Ok(200), late, Duration::ZERO), 0, late);
        mended.note(&failed(late), 0, late);
        assert!(mended.is_on());
        hook.switch_on(9);
        assert_eq!((hook.is_on(), hook.since, hook.failures), (true, 9, 0));
    }

    #[test]
    fn a_receiver_that_fails_is_left_in_peace_longer_and_longer() {
        let mut hook = webhook();
        let mut rests = Vec::new();
        for _ in 0..80 {
            hook.note(&failed(NOW), 25, NOW);
            rests.push(hook.rests_until.unwrap().since(NOW).as_secs());
        }
        assert_eq!(rests[..7], [1, 2, 4, 8, 16, 32, 60]);
        assert_eq!(rests[79], 60);
    }

    #[test]
    fn what_is_sent_tells_what_happened_and_no_more() {
        let hook = webhook();
        let sent: serde_json::Value =
            serde_json::from_str(&Delivery::of_event(hook.id, event(&hook), NOW).body(hook.project_id))
                .unwrap();
        let expected = json!({
            "type": "instance.running",
            "timestamp": Timestamp(NOW.0 - 1_000_000),
            "data": {
                "seq": 8,
                "project_id": hook.project_id,
                "subject": "instance",
                "subject_id": "ins_1",
                "what": "running",
            },
        });
        assert_eq!(sent, expected);
        for (answer, fault) in [
            (Ok(302), Some(Fault::Redirected)),
            (Ok(404), Some(Fault::Status)),
            (Err(Fault::Tls), Some(Fault::Tls)),
            (Ok(299), None),
        ] {
            assert_eq!(Try::of(answer, NOW, Duration::ZERO).fault, fault);
        }
    }
}
