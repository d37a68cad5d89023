//! What is typed, and what is told.

use clap::Parser;
use serde_json::json;

use super::buying::{decimal, parse};
use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    lease: Lease,
}

fn typed(words: &str) -> Result<Lease, String> {
    let words = ["lease"].into_iter().chain(words.split_whitespace());
    Line::try_parse_from(words).map(|line| line.lease).map_err(|error| error.to_string())
}

#[test]
fn every_command_can_be_typed() {
    for words in [
        "catalogue",
        "quote --minutes 60",
        "quote --minutes 60 --lease lse_1",
        "rent --minutes 60 --plan Small --name web --ssh-key k --wallet-key-file f --max-price 0.25 --save",
        "rent --minutes 60 --cores 1 --memory-mib 512 --disk-gib 4 --credits home --yes",
        "rent --minutes 60 --wallet-credits --wallet-key-file f --yes",
        "list --wallet-key-file f",
        "show lse_1 --token-file f",
        "renew lse_1 --minutes 60 --wallet-key-file f --yes --pay-network eip155:8453",
        "resize lse_1 --plan Small",
        "exec lse_1 --timeout 5 -- uname -a",
        "console lse_1",
        "log lse_1 --json",
        "end lse_1 --yes",
        "token lse_1 --save",
        "claim lse_1",
        "orders ord_1 ord_2",
    ] {
        typed(words).unwrap_or_else(|error| panic!("{words}: {error}"));
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    for words in [
        "rent",
        "rent --minutes 60 --plan a --cores 1 --memory-mib 1 --disk-gib 1",
        "rent --minutes 60 --cores 1",
        "rent --minutes 60 --credits a --wallet-key-file f",
        "rent --minutes 60 --credits a --wallet-credits",
        "quote --minutes 1 --lease l --plan p",
        "renew lse_1 --minutes 1 --pay-network base",
        "exec lse_1",
        "orders",
    ] {
        assert!(typed(words).is_err(), "{words}");
    }
}

#[test]
fn no_key_can_be_given_as_an_argument() {
    use clap::CommandFactory as _;
    let line = Line::command();
    for command in line.get_subcommands() {
        for argument in command.get_arguments() {
            let name = argument.get_id().as_str();
            let secret = name == "wallet_key" || name == "lease_token" || name == "private_key";
            assert!(!secret, "{} --{name}", command.get_name());
        }
    }
}

#[test]
fn amounts_are_read_as_they_are_written() {
    for (amount, digits, text) in
        [(75_000, 6, "0.075"), (1_000_000, 6, "1"), (6_000_001, 6, "6.000001"), (0, 6, "0"), (42, 0, "42")]
    {
        assert_eq!(decimal(amount, digits), text);
        assert_eq!(parse(text, digits), Some(amount));
    }
    for bad in ["", ".5", "1.0000001", "-1", "1,5", "1e3", " 1"] {
        assert_eq!(parse(bad, 6), None, "{bad}");
    }
}

#[test]
fn what_was_bought_is_told_with_its_token_once() {
    let order = json!({"id": "ord_1", "state": "delivered", "price_micros": 65_000, "lease_id": "lse_1",
        "transaction": "0xab", "payer": "0xcd"});
    let answer = json!({"order": order, "lease": null, "token": "ikl_x"});
    let told = shown::bought(&answer, false);
    assert!(told.contains("token ikl_x") && told.contains("0xab") && told.contains("this once"), "{told}");
    assert!(shown::must_be_delivered(&answer).is_ok());
    let lost = json!({"order": {"state": "credited", "problem": "no room"}});
    let error = shown::must_be_delivered(&lost).unwrap_err().to_string();
    assert!(error.contains("no room") && error.contains("--wallet-credits"), "{error}");
    assert!(shown::must_be_delivered(&json!({"order": {"state": "lapsed"}})).is_err());
}
