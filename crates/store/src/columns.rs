//! Between columns and domain types. Reading checks everything again, so that a row edited by hand is named
//! instead of acted upon.

use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::Error;

/// Reads the columns of one table, naming the table and column of what cannot be read.
#[derive(Clone, Copy)]
pub(crate) struct Columns(pub(crate) &'static str);

impl Columns {
    fn corrupt(self, column: &'static str, text: &str) -> Error {
        Error::Corrupt { table: self.0, column, text: text.chars().take(80).collect() }
    }

    /// What is told of a column that must have a value and has none.
    pub(crate) fn missing(self, column: &'static str) -> Error {
        self.corrupt(column, "null")
    }

    /// A word or a name.
    pub(crate) fn word<T: FromStr>(self, column: &'static str, text: &str) -> Result<T, Error> {
        text.parse().map_err(|_| self.corrupt(column, text))
    }

    /// A word or a name that may be missing.
    pub(crate) fn word_if<T: FromStr>(
        self,
        column: &'static str,
        text: Option<&str>,
    ) -> Result<Option<T>, Error> {
        text.map(|text| self.word(column, text)).transpose()
    }

    /// A number of a narrower type.
    pub(crate) fn number<T: TryFrom<i64>>(self, column: &'static str, number: i64) -> Result<T, Error> {
        T::try_from(number).map_err(|_| self.corrupt(column, &number.to_string()))
    }

    /// A structure kept as JSON.
    pub(crate) fn json<T: DeserializeOwned>(self, column: &'static str, text: &str) -> Result<T, Error> {
        serde_json::from_str(text).map_err(|_| self.corrupt(column, text))
    }
}

/// The JSON text of a structure of ours.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|e| Error::Database(sqlx::Error::Encode(Box::new(e))))
}

/// A list of ids, as the SQL reads it with `select unhex(value) from json_each($n)`.
pub(crate) fn id_list(ids: impl IntoIterator<Item = Uuid>) -> String {
    let ids: Vec<String> = ids.into_iter().map(|id| format!("\"{}\"", id.simple())).collect();
    format!("[{}]", ids.join(","))
}

/// A count of bytes or the like as the databases keep it; beyond what they can hold, the most that they can.
pub(crate) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
