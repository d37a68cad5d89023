//! Tables of figures: printed as they are made, and put into bench/README.md.

use std::fmt::Write as _;
use std::time::Duration;

use crate::{machine, postgres};

const BEGIN: &str = "<!-- figures -->";
const END: &str = "<!-- end of figures -->";

/// What was measured so far, as Markdown.
#[derive(Default)]
pub(crate) struct Report(String);

impl Report {
    /// Begins a section. The load average tells how much else the machine did.
    pub(crate) fn section(&mut self, title: &str, note: &str) {
        self.line(&format!("\n### {title}\n\n{note} Load average at the start: {:.1}.\n", machine::load()));
    }

    /// A table's head.
    pub(crate) fn head(&mut self, columns: &[&str]) {
        self.row(columns);
        let rule: Vec<&str> =
            columns.iter().enumerate().map(|(at, _)| if at == 0 { "---" } else { "--:" }).collect();
        self.row(&rule);
    }

    /// One row of a table.
    pub(crate) fn row(&mut self, cells: &[impl AsRef<str>]) {
        let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
        self.line(&format!("| {} |", cells.join(" | ")));
    }

    /// Words below a table.
    pub(crate) fn text(&mut self, text: &str) {
        self.line(text);
    }

    fn line(&mut self, text: &str) {
        println!("{text}");
        writeln!(self.0, "{text}").unwrap();
    }

    /// Puts the figures between the marks in bench/README.md.
    pub(crate) fn write(&self, date: &str) {
        let file = postgres::root().join("bench/README.md");
        let text = std::fs::read_to_string(&file).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let facts = machine::facts();
        let figures = self.0.trim();
        let text = format!("{before}{BEGIN}\n\nMeasured {date} on {facts}.\n\n{figures}\n\n{END}{after}");
        std::fs::write(&file, text).unwrap();
    }
}

/// The value below which this share of the values lies; sorts them.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share).ceil() as usize;
    values[at.clamp(1, values.len()) - 1]
}

pub(crate) fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
