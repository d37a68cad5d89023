//! Both engines have the same migrations, and after them the same tables and columns.

use std::collections::BTreeMap;
use std::path::Path;

use innkeeper_store::Db;
use sqlx::{Connection, PgConnection, SqliteConnection};

fn migrations(engine: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn both_engines_have_the_same_migrations() {
    let names = migrations("sqlite");
    assert!(!names.is_empty());
    assert_eq!(names, migrations("postgres"));
    for (n, name) in names.iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", n + 1)), "{name} is out of line");
    }
}

/// Table and column, with whether it may be null.
type Columns = BTreeMap<(String, String), bool>;

async fn sqlite_columns() -> Columns {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/test.db", folder.path().display());
    let db = Db::open(&url).await.unwrap();
    db.migrate().await.unwrap();
    db.close().await;
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let sql = "select t.name, c.name, c.\"notnull\" = 0 from sqlite_master t, pragma_table_info(t.name) c
        where t.type = 'table' and t.name not like 'sqlite%' and t.name not like '\\_sqlx%' escape '\\'";
    let rows: Vec<(String, String, bool)> = sqlx::query_as(sql).fetch_all(&mut connection).await.unwrap();
    let loose = "select name from pragma_table_list where type = 'table' and not strict
        and name not like 'sqlite%' and name not like '\\_sqlx%' escape '\\'";
    let loose: Vec<String> = sqlx::query_scalar(loose).fetch_all(&mut connection).await.unwrap();
    assert_eq!(loose, [""; 0], "every table is strict");
    rows.into_iter().map(|(table, column, null)| ((table, column), null)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_engines_have_the_same_tables_and_columns() {
    let sqlite = sqlite_columns().await;
    assert!(sqlite.len() > 100);
    crate::engines::on_postgres_at(|url| async move {
        let db = Db::open(&url).await.unwrap();
        db.migrate().await.unwrap();
        db.close().await;
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let sql = "select cast(table_name as text), cast(column_name as text), is_nullable = 'YES'
            from information_schema.columns
            where table_schema = 'public' and table_name not like '\\_sqlx%'";
        let rows: Vec<(String, String, bool)> = sqlx::query_as(sql).fetch_all(&mut connection).await.unwrap();
        let postgres: Columns =
            rows.into_iter().map(|(table, column, null)| ((table, column), null)).collect();
        assert_eq!(sqlite, postgres);
    })
    .await;
}
