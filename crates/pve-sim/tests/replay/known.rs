//! What is known to differ from the recording, and why. The list is exact: see `report`.

/// Exchanges that are not replayed.
const NOT_SENT: &[(usize, &str)] = &[(492, "the section of the recording is empty")];

/// Exchanges whose answer differs.
const DIFFERS: &[(usize, &str)] = &[];

fn look(list: &'static [(usize, &'static str)], number: usize) -> Option<&'static str> {
    list.iter().find(|(n, _)| *n == number).map(|(_, reason)| *reason)
}

pub(crate) fn not_sent(number: usize) -> Option<&'static str> {
    look(NOT_SENT, number)
}

pub(crate) fn differs(number: usize) -> Option<&'static str> {
    look(DIFFERS, number)
}
