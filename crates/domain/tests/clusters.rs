//! Ranges of VMIDs.

use innkeeper_domain::clusters::{BadRange, VmidRange};
use proptest::prelude::*;

#[test]
fn a_range_keeps_within_what_proxmox_takes() {
    for (first, last, good) in [
        (100, 101, true),
        (100, 999_999_999, true),
        (5000, 5999, true),
        (99, 200, false),
        (0, 200, false),
        (100, 1_000_000_000, false),
        (200, 200, false),
        (201, 200, false),
        (100, u32::MAX, false),
    ] {
        let range = VmidRange { first, last };
        assert_eq!(range.check(), if good { Ok(range) } else { Err(BadRange) }, "{first}-{last}");
    }
}

#[test]
fn the_ends_belong_to_a_range() {
    let range = VmidRange { first: 100, last: 103 };
    let inside: Vec<u32> = (98..106).filter(|&vmid| range.contains(vmid)).collect();
    assert_eq!(inside, [100, 101, 102, 103]);
    assert_eq!(range.len(), 4);
}

proptest! {
    #[test]
    fn the_next_id_is_in_the_range_from_wherever_one_comes(
        first in 100..2000_u32, more in 1..500_u32, from in any::<u32>()
    ) {
        let range = VmidRange { first, last: first + more }.check().unwrap();
        prop_assert!(range.contains(range.next(from)));
    }

    #[test]
    fn once_round_meets_every_id_once(first in 100..2000_u32, more in 1..60_u32, start in 0..60_u32) {
        let range = VmidRange { first, last: first + more };
        let start = first + start % range.len();
        let mut met: Vec<u32> = std::iter::successors(Some(start), |&vmid| Some(range.next(vmid)))
            .take(range.len() as usize)
            .collect();
        met.sort_unstable();
        prop_assert_eq!(met, (range.first..=range.last).collect::<Vec<u32>>());
    }
}
