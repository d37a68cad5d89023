//! Charging one billing period of very many running instances, beside the same rows inserted by plain SQL.

use std::time::{Duration, Instant};

use innkeeper_domain::time::{Clock, Timestamp};
use innkeeper_engine::{Engine, Options};
use innkeeper_store::{Db, KeyRing, SealKey, ledger};
use sqlx::{AssertSqlSafe, Executor as _, PgPool, SqlitePool};

use crate::report::Report;
use crate::support::{DatabaseKind, TestDatabase};

/// Half past an hour.
const BEGIN: i64 = 1_795_221_000_000_000;

/// Instances of one project.
const PER_PROJECT: u64 = 20;

/// Micro-credits per hour of one instance, and what each project has.
const RATE: i64 = 1_000_003;
const CREDITS: i64 = 1_000_000_000;

/// Rows in one statement of the plain inserts.
const PER_STATEMENT: u64 = 1000;

pub(crate) async fn measure(report: &mut Report) {
    report.section(
        "Charging",
        "One hour of so many running instances, twenty to a project: reading the meters, charging, a posting with two \
         entries for each, balances, meters, in transactions of a thousand. «Plain» inserts as many rows into tables \
         of the same shape and with the same indexes and references by multi-row statements, a thousand rows in a \
         transaction, and does nothing else. «Runways» is the look whose credits run out, which follows.",
    );
    report.head(&[
        "",
        "instances",
        "s",
        "postings/s",
        "plain s",
        "plain postings/s",
        "times plain",
        "runways s",
    ]);
    for (kind, name, counts) in [
        (DatabaseKind::Sqlite, "SQLite", [10_000, 100_000]),
        (DatabaseKind::Postgres, "PostgreSQL", [100_000, 1_000_000]),
    ] {
        for count in counts {
            let Some(database) = TestDatabase::make(kind).await else { continue };
            let folder = tempfile::tempdir().unwrap();
            let file = format!("sqlite:{}/bench.db", folder.path().display());
            let url = database.url().unwrap_or(&file).to_owned();
            let figures = charge(&url, count).await;
            report.row(&[
                name.to_owned(),
                count.to_string(),
                format!("{:.1}", figures.charging.as_secs_f64()),
                format!("{:.0}", count as f64 / figures.charging.as_secs_f64()),
                format!("{:.1}", figures.plain.as_secs_f64()),
                format!("{:.0}", count as f64 / figures.plain.as_secs_f64()),
                format!("{:.1}", figures.charging.as_secs_f64() / figures.plain.as_secs_f64()),
                format!("{:.1}", figures.runways.as_secs_f64()),
            ]);
        }
    }
}

struct Figures {
    charging: Duration,
    plain: Duration,
    runways: Duration,
}

async fn charge(url: &str, count: u64) -> Figures {
    let db = Db::open(url).await.unwrap();
    db.migrate().await.unwrap();
    let hand = Hand::open(url).await;
    hand.fill(count).await;
    let clock = Clock::manual(Timestamp(BEGIN));
    let keys = KeyRing::new(SealKey::generate(), Vec::new());
    let engine = Engine::new(db.clone(), keys, clock.clone(), Options::default());
    clock.advance(Duration::from_hours(1));

    let began = Instant::now();
    let billed = engine.charge_due().await.unwrap();
    let charging = began.elapsed();
    assert_eq!(billed.charges, count);

    let began = Instant::now();
    let again = engine.bill().await.unwrap();
    let runways = began.elapsed();
    assert_eq!(again.charges, 0);
    assert_eq!(ledger::audit(&db).await.unwrap(), ledger::Audit::default());

    let plain = hand.plain(count).await;
    db.close().await;
    Figures { charging, plain, runways }
}

/// Somebody who writes rows by hand.
enum Hand {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Hand {
    async fn open(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
            let hand = options.connect(url).await.unwrap();
            // As the house itself has it.
            hand.execute("pragma synchronous = normal").await.unwrap();
            Self::Sqlite(hand)
        } else {
            Self::Postgres(PgPool::connect(url).await.unwrap())
        }
    }

    async fn run(&self, sql: String) {
        match self {
            Self::Sqlite(hand) => drop(sqlx::raw_sql(AssertSqlSafe(sql)).execute(hand).await.unwrap()),
            Self::Postgres(hand) => drop(sqlx::raw_sql(AssertSqlSafe(sql)).execute(hand).await.unwrap()),
        }
    }

    /// The id with this letter and number, as SQL. Ids are in order, as ours are.
    fn id(&self, letter: char, number: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("unhex(printf('{letter}%031x', {number}))"),
            Self::Postgres(_) => format!("cast('{letter}' || lpad(to_hex({number}), 31, '0') as uuid)"),
        }
    }

    /// A name with the number in it, as SQL.
    fn name(&self, what: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("printf('{what}%d', n)"),
            Self::Postgres(_) => format!("'{what}' || n"),
        }
    }

    fn numbers(&self, count: u64) -> String {
        match self {
            Self::Sqlite(_) => format!(
                "(with recursive s (n) as (select 1 union all select n + 1 from s where n < {count}) select n from s) s"
            ),
            Self::Postgres(_) => format!("generate_series(1, {count}) s (n)"),
        }
    }

    /// Projects with plenty of credits, and instances that run since [`BEGIN`].
    async fn fill(&self, count: u64) {
        let (yes, no) = match self {
            Self::Sqlite(_) => ("1", "0"),
            Self::Postgres(_) => ("true", "false"),
        };
        let projects = count / PER_PROJECT;
        let (some, all) = (self.numbers(projects), self.numbers(count));
        // The last digit of a project's id is left to its accounts.
        let (project, wallet) = (self.id('a', "n * 16"), self.id('a', "n * 16 + 1"));
        let owner = self.id('a', &format!("((n - 1) / {PER_PROJECT} + 1) * 16"));
        let (instance, segment, gift) = (self.id('b', "n"), self.id('c', "n"), self.id('d', "n"));
        let (one, grants) = (self.id('0', "1"), self.house("02"));
        let seen = r#"{"present":{"owner":"ours","power":"running","locked":false,"fitted":true,"grown":true,"addressed":true}}"#;
        self.run(format!(
            "insert into projects (id, name, created_at) select {project}, {}, {BEGIN} from {some};
             insert into clusters (id, name, endpoints, token_id, token_secret, bridge, vmid_first, vmid_last, last_vmid,
                priority, open, health, created_at)
             values ({one}, 'c', '[]', 't', 's', 'b', 100, 999999999, 100, 0, {yes}, 'healthy', {BEGIN});
             insert into templates (id, name, kind, least_cores, least_memory_mib, least_disk_gib, default_cores,
                default_memory_mib, default_disk_gib, most_cores, most_memory_mib, most_disk_gib, reports_address,
                offered, created_at)
             values ({one}, 't', 'lxc', 1, 1, 1, 1, 1, 1, 1, 1, 1, {no}, {yes}, {BEGIN});
             insert into instances (id, project_id, name, kind, template_id, cores, memory_mib, disk_gib, ssh_keys,
                cluster_id, node, storage, vmid, origin, wish_goal, wish_restart, wish_address, born, seen, attempts,
                created_at, fence, rate_running, rate_stopped, tariff)
             select {instance}, {owner}, {}, 'lxc', {one}, 1, 512, 8, '[]', {one}, 'oak', 'local', 99 + n,
                '{{\"volume\":\"v\"}}', 'running', {no}, {no}, {yes}, '{seen}', 0, {BEGIN}, 1, {RATE}, 0, 'running'
             from {all};
             insert into usage_segments (id, instance_id, project_id, tariff, rate, from_at)
             select {segment}, {instance}, {owner}, 'running', {RATE}, {BEGIN} from {all};
             insert into meters (instance_id, project_id, held, segment_id, rate, charged_until, charged, carry)
             select {instance}, {owner}, 0, {segment}, {RATE}, {BEGIN}, 0, 0 from {all};",
            self.name("project-"),
            self.name("web-"),
        ))
        .await;
        // Credits for each project, with the posting behind them.
        self.run(format!(
            "insert into accounts (id, project_id, kind, balance, floor)
             select {wallet}, {project}, 'wallet', {CREDITS}, 0 from {some};
             insert into postings (id, key, at, cause, cause_id, project_id)
             select {gift}, {}, {BEGIN}, 'grant', 'bench', {project} from {some};
             insert into entries select {gift}, {wallet}, {CREDITS} from {some};
             insert into entries select {gift}, {grants}, -{CREDITS} from {some};
             update accounts set balance = -{} where kind = 'grants';",
            self.name("grant:"),
            CREDITS * projects as i64,
        ))
        .await;
        if let Self::Postgres(_) = self {
            self.run("analyze".to_owned()).await;
            self.run("checkpoint".to_owned()).await;
        }
    }

    /// An account of the house, as SQL.
    fn house(&self, last: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("x'ffffffffffff7fffbfffffffffffff{last}'"),
            Self::Postgres(_) => format!("cast('ffffffffffff7fffbfffffffffffff{last}' as uuid)"),
        }
    }

    /// Inserts as many postings and entries as were just made, and nothing else.
    async fn plain(&self, count: u64) -> Duration {
        let (id, text, number, end) = match self {
            Self::Sqlite(_) => ("blob", "text", "integer", "strict"),
            Self::Postgres(_) => ("uuid", "text", "bigint", ""),
        };
        self.run(format!(
            "create table plain_postings (id {id} primary key not null, key {text} not null, at {number} not null,
                cause {text} not null, cause_id {text} not null, project_id {id} not null references projects (id),
                memo {text}, by_user {id} references users (id)) {end};
             create unique index plain_postings_key on plain_postings (key);
             create index plain_postings_project on plain_postings (project_id, id);
             create table plain_entries (posting_id {id} not null references plain_postings (id),
                account_id {id} not null references accounts (id), amount {number} not null check (amount <> 0),
                primary key (posting_id, account_id)) {end}{};",
            if end.is_empty() { "" } else { ", without rowid" }
        ))
        .await;
        let mut taken = Duration::ZERO;
        for first in (1..=count).step_by(PER_STATEMENT as usize) {
            let text = self.plain_rows(first, (first + PER_STATEMENT - 1).min(count));
            let began = Instant::now();
            self.run(text).await;
            taken += began.elapsed();
        }
        taken
    }

    fn plain_rows(&self, first: u64, last: u64) -> String {
        let id = |letter: char, n: u64| match self {
            Self::Sqlite(_) => format!("x'{letter}{n:031x}'"),
            Self::Postgres(_) => format!("'{letter}{n:031x}'"),
        };
        let revenue = self.house("01");
        let (mut postings, mut entries) = (Vec::new(), Vec::new());
        for n in first..=last {
            let project = ((n - 1) / PER_PROJECT + 1) * 16;
            let (posting, instance) = (id('e', n), format!("ins_b{n:031x}"));
            postings.push(format!(
                "({posting}, 'charge:{instance}:seg_c{n:031x}:{BEGIN}', {BEGIN}, 'charge', '{instance}', {}, null, null)",
                id('a', project)
            ));
            entries.push(format!("({posting}, {}, -500002)", id('a', project + 1)));
            entries.push(format!("({posting}, {revenue}, 500002)"));
        }
        format!(
            "begin; insert into plain_postings values {}; insert into plain_entries values {}; commit;",
            postings.join(","),
            entries.join(",")
        )
    }
}
