//! What is known to differ from the recording, and why. The list is exact: see `report`.

/// Exchanges that are not replayed.
const NOT_SENT: &[(usize, &str)] = &[
    (479, "the create of a cluster is not simulated, so there is no task of it"),
    (480, "the create of a cluster is not simulated, so there is no task of it"),
    (492, "the section of the recording is empty"),
];

/// The recorded server failed for want of a program; here the task is told to fail, before it wrote its log.
const TOLD_TO_FAIL: &str =
    "the failure is a fault set on the task, which strikes before the task writes its log";

/// For a moment after a create the recorded server had no configuration file yet.
const EARLY: &str =
    "the recorded create had not yet written its configuration file; here it claims the id at once";

/// The recorded house could not do it.
const NO_APPARMOR: &str =
    "the recorded house had no AppArmor, so a mount point could not be hot-plugged there";

/// Operations without a handler; the simulator says so with a 501 of its own wording.
const NOT_SIMULATED: &str = "the operation is not simulated";

/// The daemons that act on high-availability requests.
const NO_HA: &str = "the HA managers of the recorded house were not running, so nothing was ever done there";

/// Exchanges whose answer differs.
const DIFFERS: &[(usize, &str)] = &[
    (
        30,
        "the resolver of the recorded house had no network; elsewhere the text is `Name or service not known`",
    ),
    (48, EARLY),
    (50, EARLY),
    (52, TOLD_TO_FAIL),
    (54, EARLY),
    (61, TOLD_TO_FAIL),
    (70, "the recorded start waited for a monitor socket that was not there"),
    (74, "the recorded container ran while its start was still waiting for the monitor socket"),
    (75, "the recorded start ended without the warning about nesting"),
    (76, "the recorded start waited for a monitor socket that was not there"),
    (84, "the figures of a series depend on how long the guest has run"),
    (93, "the recorded house could not resize a mounted file system and said so"),
    (156, "the recorded house had no `fuser` and said so"),
    (238, TOLD_TO_FAIL),
    (258, TOLD_TO_FAIL),
    (262, "the QEMU of the recorded house gave no block statistics"),
    (285, "the QEMU of the recorded house gave no block statistics"),
    (300, TOLD_TO_FAIL),
    (329, "the HTML pages of the API are not simulated"),
    (381, "the recorded house ran without systemd, so nearly every service was down"),
    (384, "the recorded house could not fetch the list of appliances"),
    (387, "the recorded container was just being stopped"),
    (400, "an interrupted create stops before it writes its log"),
    (421, NO_APPARMOR),
    (423, NO_APPARMOR),
    (424, NO_APPARMOR),
    (431, "the recorded container still showed the name it was started with"),
    (433, "the recorded terminal was shared by a screen program that did not draw the greeting again"),
    (474, "the recorded house lacked a library for it"),
    (475, NOT_SIMULATED),
    (477, NOT_SIMULATED),
    (478, NOT_SIMULATED),
    (483, "it describes another machine: kernel, processor, firmware, load"),
    (506, TOLD_TO_FAIL),
    (511, "the recorded container was still shutting down, before it was locked for the migration"),
    (514, "the recorded house copied the volume over ssh and had no syslog, and said so at length"),
    (517, "the recorded status daemon had not yet seen the container start on its new node"),
    (520, NO_HA),
    (523, TOLD_TO_FAIL),
    (524, NO_HA),
];

fn look(list: &'static [(usize, &'static str)], number: usize) -> Option<&'static str> {
    list.iter().find(|(n, _)| *n == number).map(|(_, reason)| *reason)
}

pub(crate) fn not_sent(number: usize) -> Option<&'static str> {
    look(NOT_SENT, number)
}

pub(crate) fn differs(number: usize) -> Option<&'static str> {
    look(DIFFERS, number)
}
