//! Rows of the bot: whose account at Discord is whose, where its live messages stand, what it has to tell, and which
//! process speaks for it.

mod links;
mod notices;

use innkeeper_domain::discord::Snowflake;
use innkeeper_domain::time::Timestamp;

pub use links::{
    Link, link, link_of_tx, linked_staff, of_discord, of_discord_tx, of_user, unlink_discord, unlink_user,
};
pub use notices::{
    Claimed, Matter, Notice, Recipient, Told, again, claim, claimed_tx, end, insert, letter_waits, next_due,
    prune, told_before, waiting_letters,
};

use crate::columns::Columns;
use crate::{Db, Error, Tx};

/// The live message of a channel.
pub async fn board(db: &Db, channel: Snowflake) -> Result<Option<Snowflake>, Error> {
    let sql = "select message from discord_boards where channel = $1";
    let found: Option<String> =
        on_db!(db, c => sqlx::query_scalar(sql).bind(channel.to_string()).fetch_optional(c).await)?;
    Columns("discord_boards").word_if("message", found.as_deref())
}

/// Remembers the live message of a channel.
pub async fn keep_board(
    tx: &mut Tx,
    channel: Snowflake,
    message: Snowflake,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "insert into discord_boards (channel, message, posted_at) values ($1, $2, $3)
        on conflict (channel) do update set message = excluded.message, posted_at = excluded.posted_at";
    on!(tx, c => sqlx::query(sql)
        .bind(channel.to_string()).bind(message.to_string()).bind(now.0).execute(c).await.map(drop))?;
    Ok(())
}

/// Takes what only one process may have, or keeps it; false while another has it.
pub async fn hold(
    tx: &mut Tx,
    name: &str,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, Error> {
    let sql = "insert into discord_leases (name, holder, until) values ($1, $2, $4)
        on conflict (name) do update set holder = excluded.holder, until = excluded.until
        where discord_leases.holder = excluded.holder or discord_leases.until <= $3";
    let n = on!(tx, c => sqlx::query(sql)
        .bind(name).bind(holder).bind(now.0).bind(until.0).execute(c).await.map(|r| r.rows_affected()))?;
    Ok(n == 1)
}

/// Gives it back, so that the next need not wait.
pub async fn let_go(tx: &mut Tx, name: &str, holder: &str) -> Result<(), Error> {
    let sql = "delete from discord_leases where name = $1 and holder = $2";
    on!(tx, c => sqlx::query(sql).bind(name).bind(holder).execute(c).await.map(drop))?;
    Ok(())
}

/// Notes how many players were seen at once in an hour (counted from 1970); the most of it stays.
pub async fn note_players(tx: &mut Tx, hour: i64, players: u32) -> Result<(), Error> {
    let sql = "insert into player_peaks (hour, most) values ($1, $2)
        on conflict (hour) do update set most = excluded.most where player_peaks.most < excluded.most";
    on!(tx, c => sqlx::query(sql).bind(hour).bind(i64::from(players)).execute(c).await.map(drop))?;
    Ok(())
}

/// The most players at once from one hour until before another.
pub async fn most_players(db: &Db, from: i64, to: i64) -> Result<u32, Error> {
    let sql = "select coalesce(max(most), 0) from player_peaks where hour >= $1 and hour < $2";
    let most: i64 = on_db!(db, c => sqlx::query_scalar(sql).bind(from).bind(to).fetch_one(c).await)?;
    Columns("player_peaks").number("most", most)
}
