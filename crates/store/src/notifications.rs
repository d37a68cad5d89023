//! Rows of what people chose to be told, and how. Who has chosen nothing has no row.

use innkeeper_domain::ids::UserId;
use innkeeper_domain::notifications::{Choice, Kind};

use crate::columns::Columns;
use crate::{Db, Error, Tx};

#[derive(sqlx::FromRow)]
struct ChoiceRow {
    kind: String,
    email: bool,
    discord: bool,
}

impl ChoiceRow {
    fn read(self) -> Result<Choice, Error> {
        let kind = Columns("notification_choices").word("kind", &self.kind)?;
        Ok(Choice { kind, email: self.email, discord: self.discord })
    }
}

/// What a user chose, of every kind: as usual where they chose nothing.
pub async fn of_user(db: &Db, user: UserId) -> Result<Vec<Choice>, Error> {
    let sql = "select kind, email, discord from notification_choices where user_id = $1";
    let rows: Vec<ChoiceRow> = on_db!(db, c => sqlx::query_as(sql).bind(user.0).fetch_all(c).await)?;
    let chosen = rows.into_iter().map(ChoiceRow::read).collect::<Result<Vec<_>, _>>()?;
    let of = |kind: &Kind| chosen.iter().find(|one| one.kind == *kind).copied();
    Ok(Kind::ALL.iter().map(|kind| of(kind).unwrap_or(Choice::usual(*kind))).collect())
}

/// What a user chose of one kind: as usual where they chose nothing.
pub async fn of_kind_tx(tx: &mut Tx, user: UserId, kind: Kind) -> Result<Choice, Error> {
    let sql = "select kind, email, discord from notification_choices where user_id = $1 and kind = $2";
    let row: Option<ChoiceRow> =
        on!(tx, c => sqlx::query_as(sql).bind(user.0).bind(kind.as_str()).fetch_optional(c).await)?;
    Ok(row.map(ChoiceRow::read).transpose()?.unwrap_or(Choice::usual(kind)))
}

/// Writes down what a user chose.
pub async fn choose(tx: &mut Tx, user: UserId, choice: Choice) -> Result<(), Error> {
    let sql = "insert into notification_choices (user_id, kind, email, discord) values ($1, $2, $3, $4)
        on conflict (user_id, kind) do update set email = excluded.email, discord = excluded.discord";
    on!(tx, c => sqlx::query(sql)
        .bind(user.0).bind(choice.kind.as_str()).bind(choice.email).bind(choice.discord)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Whether anybody is told of anything at Discord.
pub async fn any_by_discord(db: &Db) -> Result<bool, Error> {
    let sql = "select count(*) from (select 1 from notification_choices
        join discord_links on discord_links.user_id = notification_choices.user_id
        where notification_choices.discord limit 1) as found";
    let found: i64 = on_db!(db, c => sqlx::query_scalar(sql).fetch_one(c).await)?;
    Ok(found > 0)
}
