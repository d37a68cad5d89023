//! The migration that brings families of tokens applies over a database of the release before, and takes nobody away.

use innkeeper_store::{Db, users};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

/// The migrations of this engine before (or from) this number, one text each.
fn migrations(engine: &str, before: bool) -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let is_before = |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap() < "0005";
    files.retain(|path| is_before(path) == before);
    files.truncate(if before { files.len() } else { 1 });
    files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// A user with a project and a session, in the columns of the release before.
fn people(id: &str, project: &str, session: &str) -> String {
    format!(
        "insert into users (id, email, name, role, personal_project_id, password_hash, created_at)
            values ({id}, 'ada@example.org', 'Ada', 'admin', {project}, '$argon2id$x', 5);
        insert into projects (id, name, personal_of, created_at) values ({project}, 'Ada', {id}, 5);
        insert into sessions (id, user_id, token_hash, created_at, expires_at)
            values ({session}, {id}, {session}, 5, 9000);"
    )
}

async fn check(db: &Db) {
    let (user, hash) = users::by_email(db, &"ada@example.org".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(hash.as_deref(), Some("$argon2id$x"));
    assert_eq!(user.email_verified_at, Some(user.created_at), "an administrator made them");
    assert_eq!(user.language.as_str(), "en");
    assert_eq!(innkeeper_store::sessions::list_of(db, user.id, user.created_at).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_an_older_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/test.db", folder.path().display());
    let mut hand = SqliteConnection::connect(&format!("{url}?mode=rwc")).await.unwrap();
    let old = people(&format!("x'{:032x}'", 1), &format!("x'{:032x}'", 2), &format!("x'{:032x}'", 3));
    let old = format!("begin; {old} commit;");
    for sql in migrations("sqlite", true).into_iter().chain([old]).chain(migrations("sqlite", false)) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut hand).await.unwrap();
    }
    hand.close().await.unwrap();
    let db = Db::open(&url).await.unwrap();
    check(&db).await;
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_an_older_postgres() {
    crate::engines::on_postgres_at(|url| async move {
        let mut hand = PgConnection::connect(&url).await.unwrap();
        let id = |n: u8| format!("'{}'", uuid::Uuid::from_u128(n.into()));
        let old = people(&id(1), &id(2), &id(3));
        let old = format!("begin; {old} commit;");
        for sql in migrations("postgres", true).into_iter().chain([old]).chain(migrations("postgres", false))
        {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut hand).await.unwrap();
        }
        hand.close().await.unwrap();
        let db = Db::open(&url).await.unwrap();
        check(&db).await;
        db.close().await;
    })
    .await;
}
