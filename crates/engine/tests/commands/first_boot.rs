//! The script of the first boot.

use std::time::Duration;

use innkeeper_domain::first_boots::{FirstBoot, ScriptState};
use innkeeper_domain::ids::InstanceId;
use innkeeper_engine::{Error, NewInstance, Setup, WantedSize};

use crate::house::House;
use crate::sshd::Sshd;

fn setup(script: &str) -> Setup {
    Setup { user_data: Some(script.to_owned()), ..Setup::default() }
}

impl House {
    /// Waits until the script stands like this.
    async fn comes_to(&self, id: InstanceId, wanted: impl Fn(&FirstBoot) -> bool) -> FirstBoot {
        let came = async {
            loop {
                let boot = self.engine.first_boot(&self.owner, id).await.unwrap();
                if wanted(&boot) {
                    return boot;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let came = tokio::time::timeout(Duration::from_secs(30), came).await;
        came.unwrap_or_else(|_| panic!("it never came to that"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_runs_its_script_once_when_ssh_answers() {
    let house = House::open().await;
    let Some(sshd) = Sshd::start() else { return };
    let script =
        "echo ran >>~/count; cat; echo out; echo err >&2; until [ -e ~/go ]; do sleep 0.05; done; echo end";
    let id = house.create(house.container, setup(script)).await;
    let waits = house.comes_to(id, |boot| boot.problem.is_some()).await;
    assert_eq!(waits.state, ScriptState::Waiting);
    house.open_door(id, &sshd).await;
    let runs =
        house.comes_to(id, |boot| boot.state == ScriptState::Running && boot.log.contains("err")).await;
    assert!(runs.log.contains("out") && runs.problem.is_none() && runs.ended_at.is_none(), "{runs:?}");
    // The way in is lost, and found again.
    *house.reach.lock().unwrap() = None;
    house.comes_to(id, |boot| boot.problem.is_some()).await;
    *house.reach.lock().unwrap() = Some(sshd.address);
    std::fs::write(sshd.home().join("go"), "").unwrap();
    let done = house.comes_to(id, FirstBoot::is_over).await;
    assert_eq!(
        (done.state, done.exit_code, done.log.as_str()),
        (ScriptState::Done, Some(0), "out\nerr\nend\n")
    );
    assert_eq!(std::fs::read_to_string(sshd.home().join("count")).unwrap(), "ran\n");
    assert_eq!(house.log("first_boot.running").await.len(), 1);
    assert_eq!(house.log("first_boot.done").await.len(), 1);
    assert!(!house.whole_log().await.contains("until ["));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_runs_its_script_by_its_agent_and_its_interpreter_and_failure_is_told() {
    let house = House::open().await;
    let script = "#!/bin/bash\nwords=(a b)\necho ${words[1]}\nexit 3\n";
    let id = house.create(house.machine, setup(script)).await;
    let done = house.comes_to(id, FirstBoot::is_over).await;
    assert_eq!((done.state, done.exit_code, done.log.as_str()), (ScriptState::Failed, Some(3), "b\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_cannot_run_is_refused_at_once() {
    let house = House::open().await;
    for (bad, key) in
        [(" ".to_owned(), true), ("a\0".into(), true), ("x".repeat(65_537), true), ("true".into(), false)]
    {
        let new = NewInstance {
            project_id: None,
            name: "web-1".parse().unwrap(),
            template_id: house.container,
            size: WantedSize::Default,
            ssh_keys: Vec::new(),
            fittings: innkeeper_engine::Fittings::default(),
        };
        let setup = Setup { management_key: key, user_data: Some(bad) };
        let refused = house.engine.create_instance_with(&house.owner, new, setup, None).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "user_data", .. })), "{refused:?}");
    }
}
