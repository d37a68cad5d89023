//! Figures of the past, for guests and nodes.

use serde::Deserialize;

use crate::lenient;

/// How far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeframe {
    /// One hour.
    Hour,
    /// One day.
    Day,
    /// One week.
    Week,
    /// One month.
    Month,
    /// One year.
    Year,
}

impl Timeframe {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

/// How several readings become one point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Consolidation {
    /// Their mean.
    #[default]
    Average,
    /// The largest.
    Max,
}

impl Consolidation {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Average => "AVERAGE",
            Self::Max => "MAX",
        }
    }
}

/// One point. Gaps are none. Network and disk figures are bytes per second here, unlike in the present status.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RrdPoint {
    /// Seconds since 1970.
    #[serde(deserialize_with = "lenient::required")]
    pub time: i64,
    /// Share of the processors.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub cpu: Option<f64>,
    /// Processors.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub maxcpu: Option<f64>,
    /// Memory in use, bytes (`memused` of a node).
    #[serde(default, alias = "memused", deserialize_with = "lenient::optional")]
    pub mem: Option<f64>,
    /// Memory, bytes (`memtotal` of a node).
    #[serde(default, alias = "memtotal", deserialize_with = "lenient::optional")]
    pub maxmem: Option<f64>,
    /// Disk in use, bytes.
    #[serde(default, alias = "rootused", deserialize_with = "lenient::optional")]
    pub disk: Option<f64>,
    /// Disk size, bytes.
    #[serde(default, alias = "roottotal", deserialize_with = "lenient::optional")]
    pub maxdisk: Option<f64>,
    /// Received, bytes per second.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub netin: Option<f64>,
    /// Sent, bytes per second.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub netout: Option<f64>,
    /// Read, bytes per second.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub diskread: Option<f64>,
    /// Written, bytes per second.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub diskwrite: Option<f64>,
}
