//! Tables for spreadsheets, as RFC 4180 has them. Text that a spreadsheet would take for a formula gets an apostrophe
//! before it: names are chosen by people, and opened by other people.

use innkeeper_domain::ledger::{Account, Posting, Purse};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::usage::Segment;

/// What a formula begins with; wide forms are taken for the narrow ones by some.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A cell.
enum Cell {
    /// Of ours: numbers, times, ids, words.
    Ours(String),
    /// Whatever somebody wrote.
    Theirs(String),
}

fn line(table: &mut String, cells: impl IntoIterator<Item = Cell>) {
    for (n, cell) in cells.into_iter().enumerate() {
        if n > 0 {
            table.push(',');
        }
        let text = match cell {
            Cell::Theirs(text) if text.starts_with(FORMULA) => format!("'{text}"),
            Cell::Ours(text) | Cell::Theirs(text) => text,
        };
        if text.contains(['"', ',', '\r', '\n']) {
            table.push('"');
            table.push_str(&text.replace('"', "\"\""));
            table.push('"');
        } else {
            table.push_str(&text);
        }
    }
    table.push_str("\r\n");
}

fn head(names: &[&str]) -> String {
    names.join(",") + "\r\n"
}

fn ours(value: impl ToString) -> Cell {
    Cell::Ours(value.to_string())
}

/// Postings with what they did to the project's purses. Amounts are micro-credits.
pub fn ledger_csv(postings: &[Posting]) -> String {
    let mut table = head(&[
        "posting_id",
        "at",
        "cause",
        "cause_id",
        "wallet_micros",
        "held_micros",
        "debt_micros",
        "memo",
        "key",
    ]);
    for posting in postings {
        let of = |purse: Purse| {
            let account = Account::Of(posting.project_id, purse);
            posting
                .entries
                .iter()
                .filter(|entry| entry.account == account)
                .map(|entry| entry.amount.0)
                .sum::<i64>()
        };
        line(
            &mut table,
            [
                ours(posting.id),
                ours(posting.at),
                ours(posting.cause),
                ours(&posting.cause_id),
                ours(of(Purse::Wallet)),
                ours(of(Purse::Held)),
                ours(of(Purse::Debt)),
                Cell::Theirs(posting.memo.clone().unwrap_or_default()),
                ours(&posting.key),
            ],
        );
    }
    table
}

/// Stretches of use at one price. Rates are micro-credits per hour; a stretch that goes on has no end.
pub fn usage_csv(segments: &[Segment]) -> String {
    let mut table =
        head(&["segment_id", "instance_id", "tariff", "rate_micros_per_hour", "from", "to", "seconds"]);
    for segment in segments {
        let seconds = |to: Timestamp| to.since(segment.from).as_secs().to_string();
        line(
            &mut table,
            [
                ours(segment.id),
                ours(segment.instance_id),
                ours(segment.tariff),
                ours(segment.rate.0),
                ours(segment.from),
                ours(segment.to.map(|to| to.to_string()).unwrap_or_default()),
                ours(segment.to.map(seconds).unwrap_or_default()),
            ],
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use innkeeper_domain::ids::{PostingId, ProjectId};
    use innkeeper_domain::ledger::{Cause, HouseAccount};
    use innkeeper_domain::money::Micros;

    use super::*;

    #[test]
    fn quotes_line_ends_and_formulas_are_tamed_and_numbers_are_left_alone() {
        let mut table = String::new();
        for text in [
            "plain",
            "a,b",
            "say \"no\"",
            "two\r\nlines",
            "=cmd|'/c calc'!A1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\tx",
            "",
        ] {
            line(&mut table, [Cell::Theirs(text.to_owned()), ours(-5)]);
        }
        let expected = "plain,-5\r\n\"a,b\",-5\r\n\"say \"\"no\"\"\",-5\r\n\"two\r\nlines\",-5\r\n'=cmd|'/c calc'!A1,-5\r\n\
            '+1,-5\r\n'-1,-5\r\n'@SUM(A1),-5\r\n'\tx,-5\r\n,-5\r\n";
        assert_eq!(table, expected);
    }

    #[test]
    fn a_posting_shows_what_it_did_to_each_purse() {
        let project = ProjectId::new();
        let posting = Posting {
            id: PostingId::new(),
            key: "charge:1".into(),
            at: Timestamp(1_795_221_883_000_000),
            cause: Cause::Charge,
            cause_id: "ins_1".into(),
            project_id: project,
            memo: Some("=1+1".into()),
            by: None,
            entries: Vec::new(),
        }
        .with(Account::Of(project, Purse::Wallet), Micros(-7))
        .with(Account::Of(project, Purse::Held), Micros(-3))
        .with(Account::House(HouseAccount::Revenue), Micros(10));
        let table = ledger_csv(std::slice::from_ref(&posting));
        let second = table.lines().nth(1).unwrap();
        let rest = "2026-11-21T00:44:43.000000Z,charge,ins_1,-7,-3,0,'=1+1,charge:1";
        assert_eq!(second, format!("{},{rest}", posting.id));
    }
}
