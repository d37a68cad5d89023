//! Whole-system tests: the real binary as a child process, the real client over TLS against the simulator, the real
//! databases. Each file tells one story.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

#[path = "../crates/connectors/tests/doubles/mod.rs"]
mod doubles;
mod support;

mod a_console_at_the_command_line;
mod a_crash_loses_nothing;
mod a_first_boot_runs_once;
mod a_guest_from_nothing;
mod a_lease_from_nothing;
mod a_payment_is_credited_once;
mod a_text_and_a_wallet;
mod a_thousand_creates;
mod faults_are_survived;
mod hosts_wake_and_sleep;
mod leases_for_strangers;
mod no_hour_is_free;
mod players_wake_a_server;
mod the_document_keeps_its_word;
mod the_portal;
mod tools_lease_a_container;
mod two_replicas;
