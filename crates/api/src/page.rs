//! Lists come in pages: `limit` items, and a cursor for the next page while there is one.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// What is on this page.
    pub(crate) items: Vec<T>,
    /// Give it as `cursor` to get the next page; null on the last one.
    pub(crate) next_cursor: Option<String>,
}

/// How many items a page has: 1 to 200, 50 when not said.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Limit(u32);

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl TryFrom<String> for Limit {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, &'static str> {
        let limit = text.parse().ok().filter(|limit| (1..=200).contains(limit));
        limit.map(Self).ok_or("use a number from 1 to 200")
    }
}

impl Limit {
    /// How many rows to ask for: one more than a page has tells whether there is a next one.
    pub(crate) fn rows(self) -> i64 {
        i64::from(self.0) + 1
    }
}

/// Where a page begins: after the item with this id.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Cursor(String);

impl Cursor {
    fn text(self) -> Result<String, Problem> {
        let bytes = URL_SAFE_NO_PAD.decode(self.0).map_err(|_| Problem::invalid_cursor())?;
        String::from_utf8(bytes).map_err(|_| Problem::invalid_cursor())
    }

    /// The id after which the page begins.
    pub(crate) fn read<T: FromStr>(cursor: Option<Self>) -> Result<Option<T>, Problem> {
        let Some(cursor) = cursor else { return Ok(None) };
        cursor.text()?.parse().map(Some).map_err(|_| Problem::invalid_cursor())
    }
}

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// How many items at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

impl Paging {
    pub(crate) fn limit(&self) -> Limit {
        self.limit
    }

    pub(crate) fn after<T: FromStr>(self) -> Result<Option<T>, Problem> {
        Cursor::read(self.cursor)
    }
}

impl<T> Page<T> {
    /// A page of rows that were read from where it begins, [`Limit::rows`] of them.
    pub(crate) fn of<R>(
        mut rows: Vec<R>,
        limit: Limit,
        id: impl Fn(&R) -> String,
        show: impl FnMut(R) -> T,
    ) -> Self {
        let more = rows.len() > limit.0 as usize;
        rows.truncate(limit.0 as usize);
        let next_cursor = rows.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(id(last)));
        Self { items: rows.into_iter().map(show).collect(), next_cursor }
    }

    /// A page of a list that was read as a whole, in its own order.
    pub(crate) fn within<R>(
        mut rows: Vec<R>,
        paging: Paging,
        id: impl Fn(&R) -> String,
        show: impl FnMut(R) -> T,
    ) -> Result<Self, Problem> {
        if let Some(cursor) = paging.cursor {
            let last = cursor.text()?;
            let at = rows.iter().position(|row| id(row) == last).ok_or_else(Problem::invalid_cursor)?;
            rows.drain(..=at);
        }
        Ok(Self::of(rows, paging.limit, id, show))
    }
}
