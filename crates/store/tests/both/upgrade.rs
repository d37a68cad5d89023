//! The migrations apply to a database of the release before, with people and guests in it, and lose nothing of it.

use std::path::Path;

use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::{InstanceId, ProjectId, UserId};
use innkeeper_domain::names::Email;
use innkeeper_domain::prices::Rate;
use innkeeper_store::{Db, events, instances, operations, projects, sessions, usage, users};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};
use uuid::Uuid;

use crate::house::NOW;

/// The last migration of the release before.
const BEFORE: i64 = 1;

/// What such a database holds. `id(n)` stands for an id, `yes` and `no` for truths, as each engine writes them.
const ROWS: &str = r#"
insert into projects values (id(2), 'Ada', id(1), 5);
insert into users values (id(1), 'ada@example.org', 'Ada', 'admin', id(2), 'hash', 5);
insert into memberships values (id(2), id(1), 'owner');
insert into sessions values (id(3), id(1), id(3), 5, 9000000000000000);
insert into clusters values (id(4), 'Cellar', '[]', 'a@pve!b', 'v1:x:y', 'vmbr0', null, 100, 999, 100, 0, yes,
    'healthy', null, null, null, null, 5);
insert into templates values (id(5), 'Debian', 'lxc', 1, 128, 1, 1, 512, 8, 4, 4096, 64, yes, yes, 5);
insert into plans values (id(6), 'Small', 1, 512, 8, yes, 5);
insert into operations values (id(8), id(7), id(2), 'create', 'succeeded', id(1), 5, 6, 7, null, null);
insert into instances values (id(7), id(2), 'web-1', 'lxc', id(5), id(6), 1, 512, 8, '[]', id(4), 'oak', 'local', 100,
    '{"volume":"local:vztmpl/x"}', 'running', null, no, no, yes,
    '{"present":{"owner":"ours","power":"running","locked":false,"fitted":true,"grown":true,"addressed":true}}',
    null, 0, null, null, null, null, null, 5, 5, null, null, null, null, null, 3);
insert into vmids values (id(4), 100, 'ours', id(7));
insert into events (at, project_id, subject, subject_id, what) values (5, id(2), 'instance', 'x', 'running');
insert into idempotency_keys values ('usr', 'key', id(1), '{}', 5);
"#;

fn id(n: u8) -> Uuid {
    Uuid::from_u128(u128::from(n))
}

/// The rows as this engine writes them.
fn rows(write_id: fn(Uuid) -> String, yes: &str, no: &str) -> String {
    let mut text = ROWS.replace("yes", yes).replace("no,", &format!("{no},"));
    for n in 1..=9 {
        text = text.replace(&format!("id({n})"), &write_id(id(n)));
    }
    text
}

async fn of_the_release_before(engine: &str) -> Migrator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
    let mut migrator = Migrator::new(folder).await.unwrap();
    migrator.migrations.to_mut().retain(|migration| migration.version <= BEFORE);
    assert!(!migrator.migrations.is_empty());
    migrator
}

async fn nothing_is_lost(db: &Db, token: &[u8]) {
    assert!(db.pending_migrations().await.unwrap() > 0);
    db.migrate().await.unwrap();
    let (user, project) = (UserId(id(1)), ProjectId(id(2)));
    let email: Email = "ada@example.org".parse().unwrap();
    let (found, hash) = users::by_email(db, &email).await.unwrap().unwrap();
    assert_eq!((found.id, found.personal_project, hash.as_deref()), (user, project, Some("hash")));
    assert_eq!(projects::memberships_of(db, user).await.unwrap().len(), 1);
    assert_eq!(found.email_verified_at, Some(found.created_at), "an administrator made them");
    let kept = sessions::list_of(db, user, NOW).await.unwrap();
    let (session, _) = sessions::by_access(db, token, NOW).await.unwrap().unwrap();
    assert_eq!((kept.len(), kept[0].id), (1, session.id));
    let instance = instances::by_id(db, InstanceId(id(7))).await.unwrap().unwrap();
    assert_eq!((instance.vmid, instance.name.as_str(), instance.fence), (100, "web-1", 3));
    // It costs nothing, and can be metered from now on; events go on where they were.
    assert_eq!((instance.rate, instance.tariff), (Rate::FREE, None));
    let mut tx = db.begin().await.unwrap();
    assert!(usage::of_instance(&mut tx, instance.id).await.unwrap().is_some());
    let what = "credited";
    events::append(&mut tx, NOW, Some(project), Subject::Project, &project.to_string(), what).await.unwrap();
    tx.commit().await.unwrap();
    let told = events::after(db, 0, None, 9).await.unwrap();
    assert_eq!(
        told.iter().map(|event| (event.seq, event.what.as_str())).collect::<Vec<_>>(),
        [(1, "running"), (2, what)]
    );
    let listed = operations::by_id(db, innkeeper_domain::ids::OperationId(id(8))).await.unwrap();
    assert_eq!(listed.unwrap().instance_id, instance.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sqlite_database_of_the_release_before_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/test.db", folder.path().display());
    let hand = SqlitePool::connect(&format!("{url}?mode=rwc")).await.unwrap();
    of_the_release_before("sqlite").await.run(&hand).await.unwrap();
    let write = |id: Uuid| format!("x'{}'", id.simple());
    let text = format!("begin; {} commit;", rows(write, "1", "0"));
    sqlx::raw_sql(AssertSqlSafe(text)).execute(&hand).await.unwrap();
    hand.close().await;
    nothing_is_lost(&Db::open(&url).await.unwrap(), id(3).as_bytes()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_database_of_the_release_before_goes_on() {
    crate::engines::on_postgres_at(|url| async move {
        let hand = PgPool::connect(&url).await.unwrap();
        of_the_release_before("postgres").await.run(&hand).await.unwrap();
        let bytes = |id: Uuid| format!("'{id}'");
        let text = rows(bytes, "true", "false")
            // Hashes are bytes there.
            .replace(
                &format!("insert into sessions values ('{}', '{}', '{}'", id(3), id(1), id(3)),
                &format!("insert into sessions values ('{}', '{}', '\\x03'", id(3), id(1)),
            )
            .replace(&format!("'key', '{}'", id(1)), "'key', '\\x01'");
        let text = format!("begin; set constraints all deferred; {text} commit;");
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&hand).await.unwrap();
        hand.close().await;
        nothing_is_lost(&Db::open(&url).await.unwrap(), &[3]).await;
    })
    .await;
}
