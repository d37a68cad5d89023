//! The wire: TLS listeners, HTTP/1.1 as pveproxy speaks it, and the way from a request to its handler.

pub(crate) mod body;
pub(crate) mod control;
pub(crate) mod dispatch;
pub(crate) mod http;
pub(crate) mod listen;
pub(crate) mod message;
pub(crate) mod tls;
pub(crate) mod upgrade;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::faults::Faults;
use crate::options::Profile;
use crate::stats::Counters;
use crate::world::World;

/// What the connections of one cluster share.
pub(crate) struct Shared {
    world: Mutex<World>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) auth_delay: Duration,
    pub(crate) clock: Clock,
    pub(crate) profile: Profile,
}

impl Shared {
    pub(crate) fn new(world: World, auth_delay: Duration) -> Self {
        let (faults, counters) = (world.faults.clone(), world.counters.clone());
        let (clock, profile) = (world.clock.clone(), world.profile);
        Self { world: Mutex::new(world), faults, counters, auth_delay, clock, profile }
    }

    /// The world, brought up to the clock.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance();
        world
    }
}
