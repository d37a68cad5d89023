//! Who is in the voice channels that are watched, as last told.

use innkeeper_domain::time::Timestamp;

use crate::columns::Columns;
use crate::{Db, Error, Tx};

/// What was told of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voice {
    /// Its number on Discord.
    pub channel: String,
    /// How many people are in it.
    pub members: u32,
    /// Whether that can be said: not while nobody is connected to Discord.
    pub readable: bool,
    /// When it was told.
    pub seen_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    channel: String,
    members: i64,
    readable: bool,
    seen_at: i64,
}

/// All of them.
pub async fn list(db: &Db) -> Result<Vec<Voice>, Error> {
    let rows: Vec<Row> =
        on_db!(db, c => sqlx::query_as("select * from voices order by channel").fetch_all(c).await)?;
    let read = |row: Row| {
        Ok(Voice {
            channel: row.channel,
            members: Columns("voices").number("members", row.members)?,
            readable: row.readable,
            seen_at: Timestamp(row.seen_at),
        })
    };
    rows.into_iter().map(read).collect()
}

/// Writes what is told of a channel.
pub async fn set(tx: &mut Tx, voice: &Voice) -> Result<(), Error> {
    let sql = "insert into voices (channel, members, readable, seen_at) values ($1, $2, $3, $4)
        on conflict (channel) do update set members = excluded.members, readable = excluded.readable,
            seen_at = excluded.seen_at";
    on!(tx, c => sqlx::query(sql)
        .bind(voice.channel.as_str()).bind(i64::from(voice.members)).bind(voice.readable).bind(voice.seen_at.0)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Nobody can say any more who is in the channels.
pub async fn lose(tx: &mut Tx) -> Result<(), Error> {
    on!(tx, c => sqlx::query("update voices set readable = $1").bind(false).execute(c).await.map(drop))?;
    Ok(())
}
