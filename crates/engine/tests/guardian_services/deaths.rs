//! The process dies in each state of a restart. A new one goes on from the database alone, and the guest is rebooted once.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::ids::RestartId;
use innkeeper_domain::restarts::RestartState;
use innkeeper_domain::time::Clock;
use innkeeper_engine::{Engine, ServiceChange};
use innkeeper_store::{Db, KeyRing};
use innkeeper_testing::run;
use pve_sim::{Count, Effect, Rule};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::house::{House, options, until};

/// A process: a runtime of its own, whose end ends everything that it was about to do.
struct Process {
    runtime: Runtime,
    engine: Engine,
}

impl Process {
    fn start(url: &str, keys: &KeyRing) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (url, keys) = (url.to_owned(), keys.clone());
        let opened = runtime.spawn(async move {
            let db = Db::open(&url).await.unwrap();
            let engine = Engine::new(db, keys, Clock::system(), options());
            run(&engine, &CancellationToken::new());
            engine
        });
        let engine =
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(opened)).unwrap();
        Self { runtime, engine }
    }

    /// Nothing of it goes on.
    fn die(self) {
        tokio::task::block_in_place(|| {
            drop(self.engine);
            self.runtime.shutdown_timeout(Duration::from_secs(5));
        });
    }
}

async fn dies_everywhere(url: String) {
    let db = Db::open(&url).await.unwrap();
    db.migrate().await.unwrap();
    let house = House::open(db).await;
    let id = house.service(house.guest()).await;
    house.rest();
    let lodge = house.sim.cluster("lodge");
    let staff = Actor::house();
    let mut reboots = house.tasks("vzreboot");
    for state in
        [RestartState::Announcing, RestartState::Saving, RestartState::Rebooting, RestartState::Waiting]
    {
        for lost in [false, true] {
            if lost && state != RestartState::Rebooting {
                continue;
            }
            let warn = if state == RestartState::Announcing { 4 } else { 0 };
            let change = ServiceChange { warn_seconds: Some(warn), ..ServiceChange::default() };
            house.engine.change_service(&staff, id, change).await.unwrap();
            let before = house.game.commands().len();
            house.game.hold_saves(state == RestartState::Saving);
            if state >= RestartState::Rebooting {
                lodge
                    .faults()
                    .add(Rule::on_task("vzreboot", Effect::TaskHolds).count(Count::Always))
                    .unwrap();
            }
            if lost {
                // Done, and nobody hears of it: the process dies while it waits for the answer.
                lodge.faults().add(Rule::on_call("POST", "/status/reboot$", Effect::HangAfter)).unwrap();
            }
            let process = Process::start(&url, &house.keys);
            let restart = process.engine.restart_service(&staff, id, None).await.unwrap().id;
            at(&house, restart, state, lost, before).await;
            process.die();
            house.game.hold_saves(false);
            if state == RestartState::Rebooting {
                lodge.faults().clear();
                lodge.release_tasks();
            }

            let process = Process::start(&url, &house.keys);
            if state == RestartState::Waiting {
                house.stands(restart, RestartState::Waiting).await;
                house.game.open().await;
            }
            let done = house.stands(restart, RestartState::Done).await;
            process.die();
            reboots += 1;
            assert_eq!(house.tasks("vzreboot"), reboots, "{state}, lost: {lost}: {done:#?}");
            let said = house.game.commands().split_off(before);
            let saved = said.iter().filter(|said| *said == "save-all flush").count();
            assert!(saved >= 1, "{said:?}");
            assert!(said.iter().filter(|said| said.starts_with("say ")).count() <= 4, "{said:?}");
        }
    }
}

/// Waits until the restart is there where the process is to die.
async fn at(house: &House, restart: RestartId, state: RestartState, lost: bool, before: usize) {
    match state {
        RestartState::Announcing => {
            until("players were told", async || (house.game.commands().len() > before).then_some(())).await;
        }
        RestartState::Saving => {
            let saving = async || {
                house.game.commands()[before..].iter().any(|said| said == "save-all flush").then_some(())
            };
            until("it is being saved", saving).await;
        }
        RestartState::Rebooting | RestartState::Waiting => {
            house.stands(restart, RestartState::Rebooting).await;
            until("the guest was asked", async || {
                let now = house.engine.restart(&Actor::house(), restart).await.unwrap();
                let asked = if lost { now.pushed.is_some() } else { now.upid.is_some() };
                (asked && house.tasks("vzreboot") > 0).then_some(())
            })
            .await;
            if state == RestartState::Waiting {
                house.game.close().await;
                house.sim.cluster("lodge").faults().clear();
                house.sim.cluster("lodge").release_tasks();
                house.stands(restart, RestartState::Waiting).await;
            }
        }
        RestartState::Done | RestartState::Failed => unreachable!("nobody dies of these"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_dies_in_every_state_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    dies_everywhere(format!("sqlite:{}/test.db", folder.path().display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_dies_in_every_state_on_postgres() {
    crate::engines::on_postgres_at(dies_everywhere).await;
}
