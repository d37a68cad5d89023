//! Restraint: how often somebody may have a service restarted. A try is written down before it is judged, and a refusal
//! always says until when and why.
//!
//! Who was let through waits ten minutes, counted from the moment of asking, whatever became of it. Three tries within a
//! minute bring a warning, three warnings a ban of an hour. The house itself is not restrained.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::access::{Actor, Proof};
use crate::ids::UserId;
use crate::time::Timestamp;

/// From one restart that somebody asked for to their next.
pub const COOLDOWN: Duration = Duration::from_mins(10);

/// Restarts of one service within [`DAY`].
pub const MOST_A_DAY: usize = 20;

/// Over what the restarts of a service are counted: any 24 hours, so that midnight is no way round it.
pub const DAY: Duration = Duration::from_hours(24);

/// So many tries within [`HASTE`] bring a warning.
pub const TRIES: usize = 3;

/// See [`TRIES`].
pub const HASTE: Duration = Duration::from_mins(1);

/// So many warnings bring a ban.
pub const WARNINGS: usize = 3;

/// How long a warning counts.
pub const WARNED: Duration = Duration::from_hours(24);

/// How long a ban lasts.
pub const BAN: Duration = Duration::from_hours(1);

/// Who asks, whatever way they came: a user of the house, somebody whom only Discord knows, or the house. Somebody on
/// Discord whose account is linked is the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Person {
    /// A user.
    User(UserId),
    /// A number on Discord.
    Discord(u64),
    /// The house itself.
    House,
}

/// The text names no person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a user (`usr_0190b2c3…`), somebody on Discord (`discord:80351110224678912`), or `house`")]
pub struct BadPerson;

impl Person {
    /// Who this is. None for whoever is neither: a lease or a wallet.
    pub fn of(actor: &Actor) -> Option<Self> {
        match (actor.user_id, &actor.proof) {
            (Some(user), _) => Some(Self::User(user)),
            (None, Proof::Discord { id, .. }) => Some(Self::Discord(*id)),
            (None, Proof::House) => Some(Self::House),
            (None, _) => None,
        }
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Discord(id) => write!(f, "discord:{id}"),
            Self::House => f.write_str("house"),
        }
    }
}

impl FromStr for Person {
    type Err = BadPerson;
    fn from_str(text: &str) -> Result<Self, BadPerson> {
        if text == "house" {
            return Ok(Self::House);
        }
        match text.strip_prefix("discord:") {
            Some(id) => id.parse().map(Self::Discord).map_err(|_| BadPerson),
            None => text.parse().map(Self::User).map_err(|_| BadPerson),
        }
    }
}

impl Serialize for Person {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Person {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Person {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^(usr_[0-9a-f]{32}|discord:[0-9]+|house)$"))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Person {}

words! {
    /// Why somebody has to wait before they may have a service restarted.
    pub enum Why {
        /// They were warned too often.
        Banned = "restart_banned",
        /// They ask too often in too short a time.
        Haste = "too_hasty",
        /// The service is being restarted already.
        UnderWay = "restart_under_way",
        /// They had one restarted a short while ago.
        Cooldown = "cooldown",
        /// The service was restarted too often within a day.
        DailyLimit = "daily_limit",
    }
}

/// They have to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub why: Why,
    /// Until when; for a restart under way the latest time at which it will have ended.
    pub until: Timestamp,
    /// This try brought a warning, the how-manieth; none when it brought none.
    pub warning: Option<u32>,
}

impl Refusal {
    /// For people.
    pub fn message(&self) -> String {
        let until = self.until;
        let reason = match self.why {
            Why::Banned => format!(
                "you were warned {WARNINGS} times for asking too often, and may not restart services until {until}"
            ),
            Why::Haste => format!("you ask too often; wait until {until}"),
            Why::UnderWay => {
                format!("it is being restarted already; that ends by {until} at the latest")
            }
            Why::Cooldown => format!(
                "you may have something restarted once in {} minutes; wait until {until}",
                COOLDOWN.as_secs() / 60
            ),
            Why::DailyLimit => {
                format!(
                    "it was restarted {MOST_A_DAY} times within a day; the next time is possible at {until}"
                )
            }
        };
        match self.warning {
            Some(n) => format!("{reason} (warning {n} of {WARNINGS})"),
            None => reason,
        }
    }
}

/// What is kept of somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// When they last asked for a restart and were let through.
    pub asked_at: Option<Timestamp>,
    /// When they tried lately, oldest first; what brought a warning does not count again.
    pub tries: Vec<Timestamp>,
    /// When they were warned, oldest first.
    pub warnings: Vec<Timestamp>,
    /// Until when they are banned.
    pub banned_until: Option<Timestamp>,
}

/// What is known of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lately {
    /// It is being restarted, and that ends by then.
    pub under_way: Option<Timestamp>,
    /// When restarts of it were asked for within [`DAY`], oldest first.
    pub restarts: Vec<Timestamp>,
}

impl Record {
    /// Judges a try, and changes what is kept: the try counts whether it is let through or not, except while they are
    /// banned, so that who keeps knocking does not make it longer.
    pub fn judge(&mut self, service: &Lately, now: Timestamp) -> Result<(), Refusal> {
        self.forget(now);
        if let Some(until) = self.banned_until {
            return Err(Refusal { why: Why::Banned, until, warning: None });
        }
        self.tries.push(now);
        if self.tries.len() >= TRIES {
            self.tries.clear();
            self.warnings.push(now);
            let warning = u32::try_from(self.warnings.len()).ok();
            if self.warnings.len() >= WARNINGS {
                self.warnings.clear();
                let until = now.after(BAN);
                self.banned_until = Some(until);
                return Err(Refusal { why: Why::Banned, until, warning });
            }
            let (why, until) = self.bar(service, now).unwrap_or((Why::Haste, now.after(HASTE)));
            return Err(Refusal { why, until, warning });
        }
        if let Some((why, until)) = self.bar(service, now) {
            return Err(Refusal { why, until, warning: None });
        }
        self.asked_at = Some(now);
        Ok(())
    }

    /// What stands in the way, apart from haste.
    fn bar(&self, service: &Lately, now: Timestamp) -> Option<(Why, Timestamp)> {
        if let Some(until) = service.under_way {
            return Some((Why::UnderWay, until));
        }
        let cooled = self.asked_at.map(|at| at.after(COOLDOWN));
        if let Some(until) = cooled.filter(|until| now < *until) {
            return Some((Why::Cooldown, until));
        }
        service.full_until(now).map(|until| (Why::DailyLimit, until))
    }

    /// Drops what counts no longer.
    fn forget(&mut self, now: Timestamp) {
        self.tries.retain(|at| now.since(*at) < HASTE);
        self.warnings.retain(|at| now.since(*at) < WARNED);
        self.banned_until = self.banned_until.filter(|until| now < *until);
    }
}

impl Lately {
    /// Until when the service was restarted often enough; none when it was not.
    fn full_until(&self, now: Timestamp) -> Option<Timestamp> {
        let within: Vec<Timestamp> =
            self.restarts.iter().copied().filter(|at| now.since(*at) < DAY).collect();
        let first = within.len().checked_sub(MOST_A_DAY)?;
        within.get(first).map(|at| at.after(DAY))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_221_883_000_000);

    fn at(seconds: u64) -> Timestamp {
        NOW.after(Duration::from_secs(seconds))
    }

    fn refused(record: &mut Record, service: &Lately, seconds: u64) -> Refusal {
        record.judge(service, at(seconds)).unwrap_err()
    }

    #[test]
    fn the_cooldown_counts_from_the_moment_of_asking_and_names_its_end() {
        let (mut record, service) = (Record::default(), Lately::default());
        record.judge(&service, at(0)).unwrap();
        let refusal = refused(&mut record, &service, 300);
        assert_eq!((refusal.why, refusal.until, refusal.warning), (Why::Cooldown, at(600), None));
        assert!(refusal.message().contains(&at(600).to_string()), "{}", refusal.message());
        assert_eq!(refused(&mut record, &service, 599).why, Why::Cooldown);
        record.judge(&service, at(600)).unwrap();
    }

    #[test]
    fn three_tries_within_a_minute_warn_and_three_warnings_ban_for_an_hour() {
        let (mut record, service) = (Record::default(), Lately::default());
        record.judge(&service, at(0)).unwrap();
        assert_eq!(refused(&mut record, &service, 20).warning, None);
        assert_eq!(refused(&mut record, &service, 59).warning, Some(1));
        for seconds in [60, 61] {
            assert_eq!(refused(&mut record, &service, seconds).warning, None);
        }
        assert_eq!(refused(&mut record, &service, 62).warning, Some(2));
        for seconds in [63, 64] {
            refused(&mut record, &service, seconds);
        }
        let ban = refused(&mut record, &service, 65);
        assert_eq!((ban.why, ban.until, ban.warning), (Why::Banned, at(65 + 3600), Some(3)));
        // Knocking does not make it longer, and it ends by itself, with nothing left of the warnings.
        for seconds in (70..3600).step_by(10) {
            assert_eq!(refused(&mut record, &service, seconds).until, at(65 + 3600));
        }
        record.judge(&service, at(65 + 3600)).unwrap();
        assert_eq!((record.warnings.len(), record.banned_until), (0, None));
    }

    #[test]
    fn slow_tries_bring_no_warning_and_old_warnings_do_not_count() {
        let (mut record, service) = (Record::default(), Lately::default());
        for n in 0..100 {
            let judged = record.judge(&service, at(n * 31));
            assert!(judged.is_ok() || judged.unwrap_err().warning.is_none(), "{n}");
        }
        let old = vec![at(0), at(1)];
        let mut record = Record { warnings: old, tries: vec![at(86_400), at(86_401)], ..Record::default() };
        assert_eq!(refused(&mut record, &service, 86_401).warning, Some(1), "they are a day old");
    }

    #[test]
    fn haste_alone_is_refused_even_where_nothing_else_stands_in_the_way() {
        let (mut record, busy) = (Record::default(), Lately { under_way: Some(at(90)), restarts: vec![] });
        assert_eq!(refused(&mut record, &busy, 0).why, Why::UnderWay);
        assert_eq!(refused(&mut record, &busy, 1).until, at(90));
        let refusal = refused(&mut record, &Lately::default(), 2);
        assert_eq!((refusal.why, refusal.until, refusal.warning), (Why::Haste, at(62), Some(1)));
    }

    #[test]
    fn a_service_is_restarted_twenty_times_in_any_24_hours() {
        let restarts: Vec<Timestamp> = (0..20).map(|n| at(n * 1000)).collect();
        let service = Lately { under_way: None, restarts };
        let refusal = refused(&mut Record::default(), &service, 50_000);
        assert_eq!((refusal.why, refusal.until), (Why::DailyLimit, at(86_400)));
        Record::default().judge(&service, at(86_400)).unwrap();
    }

    #[test]
    fn a_person_reads_back_what_they_are_written_as() {
        for person in [Person::House, Person::Discord(80_351_110_224_678_912), Person::User(UserId::new())] {
            assert_eq!(person.to_string().parse(), Ok(person));
        }
        for bad in ["", "discord:", "discord:-1", "usr_", "House", "ins_0190b2c3"] {
            assert!(bad.parse::<Person>().is_err(), "{bad}");
        }
    }

    proptest! {
        /// Whatever somebody does, they get no more than one restart in ten minutes, every refusal ends in the future,
        /// and who waits as told is let through.
        #[test]
        fn never_more_often_and_never_for_ever(pauses in prop::collection::vec(0u64..400, 1..120)) {
            let (mut record, mut service, mut now) = (Record::default(), Lately::default(), NOW);
            let mut last: Option<Timestamp> = None;
            for pause in pauses {
                now = now.after(Duration::from_secs(pause));
                match record.judge(&service, now) {
                    Ok(()) => {
                        prop_assert!(last.is_none_or(|at| now.since(at) >= COOLDOWN));
                        last = Some(now);
                        service.restarts.push(now);
                        prop_assert!(service.restarts.iter().filter(|at| now.since(**at) < DAY).count() <= MOST_A_DAY);
                    }
                    Err(refusal) => {
                        prop_assert!(refusal.until > now, "{refusal:?} at {now}");
                        let mut patient = record.clone();
                        let then = patient.judge(&service, refusal.until);
                        // What else stands in the way may last longer, but is named then.
                        prop_assert!(then.is_ok() || then.unwrap_err().until > refusal.until);
                    }
                }
                prop_assert!(record.tries.len() < TRIES && record.warnings.len() < WARNINGS);
            }
        }

        /// A ban takes nine tries, none of them slower than three in a minute.
        #[test]
        fn nobody_is_banned_who_asks_slowly(pauses in prop::collection::vec(30u64..2000, 1..200)) {
            let (mut record, service, mut now) = (Record::default(), Lately::default(), NOW);
            for pause in pauses {
                now = now.after(Duration::from_secs(pause));
                let _ = record.judge(&service, now);
                prop_assert!(record.warnings.is_empty() && record.banned_until.is_none());
            }
        }
    }
}
