//! Figures of a guest or a node: now, and over time. Bytes, bytes per second, and shares of the assigned cores.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

words! {
    /// How far back figures go.
    pub enum Timeframe as "MetricsTimeframe" {
        /// One hour.
        Hour = "hour",
        /// One day.
        Day = "day",
        /// One week.
        Week = "week",
        /// One month.
        Month = "month",
        /// One year.
        Year = "year",
    }
}

words! {
    /// How several readings become one point.
    pub enum Consolidation as "MetricsConsolidation" {
        /// Their mean.
        Average = "average",
        /// The largest.
        Max = "max",
    }
}

/// What a guest or node does now. What is not known is null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = MetricsNow))]
pub struct Now {
    /// Share of the assigned cores in use: 0 to 1.
    pub cpu: Option<f64>,
    /// Assigned cores.
    pub cores: Option<f64>,
    /// Memory in use, in bytes.
    pub memory_used: Option<u64>,
    /// Memory, in bytes.
    pub memory_total: Option<u64>,
    /// Disk in use, in bytes; not known of virtual machines.
    pub disk_used: Option<u64>,
    /// Size of the first disk, in bytes: of its file system where a container runs.
    pub disk_total: Option<u64>,
    /// Received since the start, in bytes.
    pub network_in: Option<u64>,
    /// Sent since the start, in bytes.
    pub network_out: Option<u64>,
    /// Read from disk since the start, in bytes.
    pub disk_read: Option<u64>,
    /// Written to disk since the start, in bytes.
    pub disk_written: Option<u64>,
    /// Seconds since the start; 0 while it does not run.
    pub uptime_seconds: Option<u64>,
}

/// The figures of one moment, consolidated over the step before it. A gap is null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = MetricsPoint))]
pub struct Point {
    /// Seconds since 1970 (UTC).
    pub time: i64,
    /// Share of the assigned cores in use: 0 to 1.
    pub cpu: Option<f64>,
    /// Memory in use, in bytes.
    pub memory_used: Option<f64>,
    /// Memory, in bytes.
    pub memory_total: Option<f64>,
    /// Disk in use, in bytes.
    pub disk_used: Option<f64>,
    /// Disk, in bytes.
    pub disk_total: Option<f64>,
    /// Received, in bytes per second.
    pub network_in: Option<f64>,
    /// Sent, in bytes per second.
    pub network_out: Option<f64>,
    /// Read from disk, in bytes per second.
    pub disk_read: Option<f64>,
    /// Written to disk, in bytes per second.
    pub disk_written: Option<f64>,
}

/// Figures over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Seconds from one point to the next, as these points have it: it differs by version of Proxmox VE and by
    /// timeframe. Null when fewer than two points came.
    pub step_seconds: Option<i64>,
    /// The points, oldest first, evenly spaced.
    pub points: Vec<Point>,
}

/// The most points that a series has.
const MOST: usize = 5000;

impl Point {
    /// A moment of which nothing is known.
    fn gap(time: i64) -> Self {
        Self { time, ..Self::default() }
    }

    /// What cannot be is not known: nothing here is below zero or not a number.
    fn sound(mut self) -> Self {
        for figure in [
            &mut self.cpu,
            &mut self.memory_used,
            &mut self.memory_total,
            &mut self.disk_used,
            &mut self.disk_total,
            &mut self.network_in,
            &mut self.network_out,
            &mut self.disk_read,
            &mut self.disk_written,
        ] {
            *figure = figure.filter(|number| number.is_finite() && *number >= 0.0);
        }
        self
    }
}

impl Series {
    /// Puts points in order, finds out their step, and fills in moments that were left out. Nothing is assumed of the
    /// step: the distance that most points have from the one before is the step of this answer.
    pub fn of(points: impl IntoIterator<Item = Point>) -> Self {
        let by_time: BTreeMap<i64, Point> =
            points.into_iter().map(|point| (point.time, point.sound())).collect();
        let times: Vec<i64> = by_time.keys().copied().collect();
        let mut distances: BTreeMap<i64, usize> = BTreeMap::new();
        for pair in times.windows(2) {
            *distances.entry(pair[1] - pair[0]).or_default() += 1;
        }
        // Of those that are equally frequent, the shortest.
        let step = distances.iter().max_by_key(|(step, count)| (**count, -**step)).map(|(step, _)| *step);
        let mut points: Vec<Point> = Vec::with_capacity(by_time.len());
        for point in by_time.into_values() {
            if let (Some(step), Some(last)) = (step, points.last().map(|point| point.time)) {
                let mut next = last + step;
                while next < point.time && points.len() < MOST {
                    points.push(Point::gap(next));
                    next += step;
                }
            }
            points.push(point);
        }
        let surplus = points.len().saturating_sub(MOST);
        points.drain(..surplus);
        Self { step_seconds: step, points }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: i64) -> Point {
        Point { cpu: Some(0.5), ..Point::gap(time) }
    }

    #[test]
    fn the_step_is_what_the_points_say_and_gaps_are_null() {
        for step in [60, 1800, 10_800, 604_800] {
            let series = Series::of([5, 0, 1, 2, 4].map(|n| at(n * step)));
            assert_eq!(series.step_seconds, Some(step));
            let cpu: Vec<_> = series.points.iter().map(|point| (point.time / step, point.cpu)).collect();
            let known = Some(0.5);
            assert_eq!(cpu, [(0, known), (1, known), (2, known), (3, None), (4, known), (5, known)]);
        }
    }

    #[test]
    fn too_few_points_have_no_step_and_doubled_ones_count_once() {
        assert_eq!(Series::of([]), Series::default());
        assert_eq!(Series::of([at(60), at(60)]), Series { step_seconds: None, points: vec![at(60)] });
    }

    #[test]
    fn a_hole_of_years_does_not_fill_the_memory() {
        let series = Series::of([at(0), at(60), at(120), at(4_000_000_000)]);
        assert!(series.points.len() <= MOST, "{}", series.points.len());
        assert_eq!(series.points.last().unwrap().time, 4_000_000_000, "the newest are kept");
    }

    #[test]
    fn what_cannot_be_is_not_known() {
        let odd = Point { cpu: Some(f64::NAN), network_in: Some(-1.0), memory_used: Some(0.0), ..at(0) };
        let series = Series::of([odd]);
        let point = series.points[0];
        assert_eq!((point.cpu, point.network_in, point.memory_used), (None, None, Some(0.0)));
    }
}
