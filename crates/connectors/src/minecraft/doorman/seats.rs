//! How many may be here at once, in all and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) struct Seats {
    most: usize,
    most_of_one: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by: HashMap<IpAddr, usize>,
}

/// One seat, free again when this is dropped.
pub(super) struct Seat {
    seats: Arc<Seats>,
    who: IpAddr,
}

impl Seats {
    pub(super) fn new(most: usize, most_of_one: usize) -> Self {
        Self { most, most_of_one, taken: Mutex::default() }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let who = one(address);
        let mut taken = self.taken();
        if taken.all >= self.most {
            return None;
        }
        let of_one = taken.by.entry(who).or_default();
        if *of_one >= self.most_of_one {
            // Nothing of a limit of none stays behind.
            if *of_one == 0 {
                taken.by.remove(&who);
            }
            return None;
        }
        *of_one += 1;
        taken.all += 1;
        Some(Seat { seats: Arc::clone(self), who })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        taken.all -= 1;
        if let Some(of_one) = taken.by.get_mut(&self.who) {
            *of_one -= 1;
            if *of_one == 0 {
                taken.by.remove(&self.who);
            }
        }
    }
}

/// Of IPv6 one household has a whole network of addresses.
fn one(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64)).into(),
        ip @ IpAddr::V4(_) => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_counted_in_all_and_for_each_household() {
        let seats = Arc::new(Seats::new(3, 2));
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = seats.take(at("fd00::1")).unwrap();
        let _second = seats.take(at("fd00::ffff:1")).unwrap();
        assert!(seats.take(at("fd00::2")).is_none(), "one network of 64 bits");
        let _third = seats.take(at("10.0.0.1")).unwrap();
        assert!(seats.take(at("10.0.0.2")).is_none(), "all seats are taken");
        drop(first);
        let _fourth = seats.take(at("::ffff:10.0.0.1")).unwrap();
        assert!(seats.take(at("10.0.0.1")).is_none());
        assert_eq!(seats.taken().by.len(), 2);
        let none = Arc::new(Seats::new(1, 0));
        assert!(none.take(at("10.0.0.1")).is_none() && none.taken().by.is_empty());
    }
}
