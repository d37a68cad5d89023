//! Figures on the command line: what something does now, and a small picture of what it did.

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::client::{Remote, Server, find};
use crate::out::say;

/// How far back.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Timeframe {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Timeframe {
    fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

/// How to show figures.
#[derive(Debug, Args)]
pub(crate) struct Shown {
    /// Show what it did over this time instead of what it does now.
    #[arg(long, value_name = "TIMEFRAME")]
    history: Option<Timeframe>,
    /// Of several readings show the largest instead of their mean.
    #[arg(long, requires = "history")]
    max: bool,
    #[command(flatten)]
    remote: Remote,
}

/// The figures of an instance.
#[derive(Debug, Args)]
pub(crate) struct OfInstance {
    /// Its name or id.
    instance: String,
    #[command(flatten)]
    shown: Shown,
}

/// The figures of a node.
#[derive(Debug, Args)]
pub(crate) struct OfNode {
    /// The cluster, by name or id.
    cluster: String,
    /// The node.
    node: String,
    #[command(flatten)]
    shown: Shown,
}

impl OfInstance {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.shown.remote)?;
        let id = find(&server, "instances", &self.instance).await?;
        self.shown.show(&server, &format!("/api/v1/instances/{id}/metrics")).await
    }
}

impl OfNode {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let server = Server::find(&self.shown.remote)?;
        let id = find(&server, "clusters", &self.cluster).await?;
        self.shown.show(&server, &format!("/api/v1/clusters/{id}/nodes/{}/metrics", self.node)).await
    }
}

impl Shown {
    async fn show(&self, server: &Server, path: &str) -> anyhow::Result<()> {
        let path = match self.history {
            None => path.to_owned(),
            Some(timeframe) => {
                let how = if self.max { "max" } else { "average" };
                format!("{path}/history?timeframe={}&consolidation={how}", timeframe.as_str())
            }
        };
        let figures = server.get(&path).await?;
        if self.remote.json {
            say!("{figures:#}");
            return Ok(());
        }
        if figures["points"].is_array() {
            history(&figures);
        } else {
            now(&figures);
        }
        if figures["stale"] == true {
            say!("{:11} {} s: nothing newer can be had", "age", figures["age_seconds"]);
        }
        Ok(())
    }
}

fn now(figures: &Value) {
    let cores = figures["cores"].as_f64().map_or(String::new(), |cores| format!(" of {cores} cores"));
    let cpu = figures["cpu"].as_f64().map_or("-".to_owned(), |share| format!("{:.1} %", share * 100.0));
    say!("{:11} {cpu}{cores}", "cpu");
    for (name, used, total) in
        [("memory", "memory_used", "memory_total"), ("disk", "disk_used", "disk_total")]
    {
        say!("{name:11} {} of {}", bytes(&figures[used]), bytes(&figures[total]));
    }
    for (name, one, other, words) in [
        ("network", "network_in", "network_out", ["received", "sent"]),
        ("disk I/O", "disk_read", "disk_written", ["read", "written"]),
    ] {
        let [first, second] = words;
        say!("{name:11} {} {first}, {} {second}", bytes(&figures[one]), bytes(&figures[other]));
    }
    let uptime = figures["uptime_seconds"].as_u64().map_or("-".to_owned(), |s| {
        format!("{} d {:02}:{:02}:{:02}", s / 86_400, s / 3600 % 24, s / 60 % 60, s % 60)
    });
    say!("{:11} {uptime}", "uptime");
}

/// One line for each figure: its course, and the last and largest of its values.
fn history(figures: &Value) {
    let points = figures["points"].as_array().map(Vec::as_slice).unwrap_or_default();
    let step = figures["step_seconds"].as_i64().map_or("unknown".to_owned(), |step| format!("{step} s"));
    say!("{} points, one every {step}", points.len());
    for (name, field) in [
        ("cpu", "cpu"),
        ("memory", "memory_used"),
        ("disk", "disk_used"),
        ("received", "network_in"),
        ("sent", "network_out"),
        ("read", "disk_read"),
        ("written", "disk_written"),
    ] {
        let values: Vec<Option<f64>> = points.iter().map(|point| point[field].as_f64()).collect();
        let most = values.iter().flatten().copied().fold(0.0, f64::max);
        let shown = |value: f64| match field {
            "cpu" => format!("{:.1} %", value * 100.0),
            "memory_used" | "disk_used" => bytes(&value.into()),
            _ => format!("{}/s", bytes(&value.into())),
        };
        let last = values.iter().rev().flatten().next().map_or("-".to_owned(), |value| shown(*value));
        say!("{name:11} {}  last {last}, most {}", sparkline(&values, WIDTH), shown(most));
    }
}

/// Characters in a line.
const WIDTH: usize = 60;

/// A course in so many characters at most, each as high as the largest of the values that it stands for; a gap is a
/// space.
fn sparkline(values: &[Option<f64>], width: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.iter().flatten().copied().fold(0.0, f64::max);
    let columns = width.min(values.len());
    let column = |n: usize| {
        let here = &values[n * values.len() / columns..(n + 1) * values.len() / columns];
        let high = here
            .iter()
            .flatten()
            .copied()
            .fold(None, |top: Option<f64>, v| Some(top.map_or(v, |top| top.max(v))));
        high.map_or(' ', |high| {
            let share = if most > 0.0 { high / most } else { 0.0 };
            BARS[((share * 7.0).round() as usize).min(7)]
        })
    };
    (0..columns).map(column).collect()
}

fn bytes(value: &Value) -> String {
    let Some(mut number) = value.as_f64() else { return "-".to_owned() };
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if number < 1024.0 {
            break;
        }
        number /= 1024.0;
        unit = next;
    }
    if unit == "B" { format!("{number:.0} B") } else { format!("{number:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_is_drawn_with_its_gaps() {
        let values = [Some(0.0), None, Some(1.0), Some(0.5)];
        assert_eq!(sparkline(&values, 60), "▁ █▅");
        assert_eq!(sparkline(&values, 2), "▁█");
        assert_eq!(sparkline(&[Some(0.0)], 60), "▁");
        assert_eq!(sparkline(&[], 60), "");
    }

    #[test]
    fn bytes_are_shown_in_a_unit_that_fits() {
        for (value, shown) in [(0.0, "0 B"), (1023.0, "1023 B"), (1536.0, "1.5 KiB"), (5e15, "4547.5 TiB")] {
            assert_eq!(bytes(&value.into()), shown);
        }
        assert_eq!(bytes(&Value::Null), "-");
    }
}
