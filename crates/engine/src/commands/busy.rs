//! How many commands run at once in this process, per instance and per user: whoever wants more is told to come back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use innkeeper_domain::ids::{InstanceId, UserId};
use uuid::Uuid;

use crate::{Error, Options};

/// What is under way.
#[derive(Clone, Default)]
pub(crate) struct Busy(Arc<Mutex<HashMap<Uuid, usize>>>);

/// A place that somebody has; it comes free when this is dropped.
pub(crate) struct Turn {
    busy: Busy,
    taken: Vec<Uuid>,
}

impl Busy {
    pub(super) fn enter(
        &self,
        options: &Options,
        instance: InstanceId,
        user: Option<UserId>,
    ) -> Result<Turn, Error> {
        let limits = &options.commands;
        let mut wanted = vec![(instance.0, limits.per_instance)];
        wanted.extend(user.map(|user| (user.0, limits.per_user)));
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.iter().any(|(id, most)| counts.get(id).is_some_and(|count| count >= most)) {
            return Err(Error::TooMany(Duration::ZERO));
        }
        for (id, _) in &wanted {
            *counts.entry(*id).or_default() += 1;
        }
        Ok(Turn { busy: self.clone(), taken: wanted.into_iter().map(|(id, _)| id).collect() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut counts = self.busy.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id in &self.taken {
            if let Some(count) = counts.get_mut(id) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(id);
                }
            }
        }
    }
}
