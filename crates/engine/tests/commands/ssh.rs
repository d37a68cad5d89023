//! By SSH, with the key that the instance was made with.

use innkeeper_domain::commands::{By, Unable};
use innkeeper_domain::operations::Verb;
use innkeeper_engine::{Error, NewCommand, Setup};
use innkeeper_store::management;

use crate::house::{House, OWNERS_KEY, by, script};

#[tokio::test(flavor = "multi_thread")]
async fn a_container_runs_commands_by_ssh_with_the_key_it_was_made_with() {
    let house = House::open().await;
    let Some((id, sshd)) = house.container_with_sshd().await else { return };
    let instance = house.engine.instance(&house.owner, id).await.unwrap();
    let ours = management::public_key(&house.db, id).await.unwrap().unwrap();
    let inside =
        house.sim.cluster("lodge").with(|world| world.keys_inside(instance.vmid).unwrap().to_owned());
    assert_eq!(inside.lines().collect::<Vec<_>>(), [OWNERS_KEY, ours.as_str()]);
    assert!(ours.ends_with(" innkeeper"), "{ours}");
    assert_eq!(instance.ssh_keys.len(), 1, "ours is none of the owner's");

    let new = NewCommand { input: b"given".to_vec(), ..script("cat; echo err >&2; exit 7") };
    let ran = house.run(id, new).await.unwrap();
    assert_eq!((ran.by, ran.exit_code), (By::Ssh, Some(7)));
    assert_eq!((ran.stdout.as_slice(), ran.stderr.as_slice()), (&b"given"[..], &b"err\n"[..]));
    let pinned = house.log("command.pin_host_key").await;
    assert_eq!(pinned.len(), 1);
    assert!(pinned[0]["fingerprint"].as_str().unwrap().starts_with("SHA256:"));
    let kept = management::key(&house.db, id).await.unwrap().unwrap();
    assert!(sshd.host_key().starts_with(&kept.host_key.unwrap()));
    assert!(kept.private_key.as_str().starts_with("v1:"), "it is sealed");

    // The owner takes our key out.
    sshd.authorize("");
    assert_eq!(house.code(id, script("true")).await, "ssh_key_refused");
    sshd.authorize(&ours);
    assert_eq!(house.run(id, script("true")).await.unwrap().exit_code, Some(0));

    let stopped = house.engine.change_instance(&house.owner, id, Verb::Stop, None).await.unwrap();
    house.engine.await_operation(&house.owner, stopped.id, std::time::Duration::from_secs(30)).await.unwrap();
    assert_eq!(house.code(id, script("true")).await, "not_running");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_host_key_is_refused_until_it_is_forgotten() {
    let house = House::open().await;
    let Some((id, mut sshd)) = house.container_with_sshd().await else { return };
    house.run(id, script("true")).await.unwrap();
    sshd.new_host_key();
    sshd.resume();
    *house.reach.lock().unwrap() = Some(sshd.address);
    assert_eq!(house.code(id, script("true")).await, "host_key_changed");
    assert_eq!(house.code(id, script("true")).await, "host_key_changed", "not the second time either");
    house.engine.forget_host_key(&house.owner, id).await.unwrap();
    assert_eq!(house.run(id, script("true")).await.unwrap().exit_code, Some(0));
    sshd.stop();
    assert_eq!(house.code(id, script("true")).await, "ssh_unreachable");
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_without_our_key_say_why() {
    let house = House::open().await;
    let id = house.create(house.container, Setup { management_key: false, user_data: None }).await;
    let vmid = house.engine.instance(&house.owner, id).await.unwrap().vmid;
    let inside = house.sim.cluster("lodge").with(|world| world.keys_inside(vmid).unwrap().to_owned());
    assert_eq!(inside, OWNERS_KEY);
    assert_eq!(house.code(id, script("true")).await, "key_declined");
    // As if it had been made by an earlier release.
    house.forget_management(id).await;
    let ways = house.engine.command_ways(&house.owner, id).await.unwrap();
    let reasons = ways.map(|way| way.unable);
    let expected = [Unable::NoAgentInContainers, Unable::KeyMissing, Unable::NotOffered];
    assert_eq!(reasons, expected.map(Some));
    assert_eq!(house.code(id, by(By::Agent, script("true"))).await, "no_agent_in_containers");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_set_in_a_block_of_ours_and_kept() {
    let house = House::open().await;
    let Some((id, sshd)) = house.container_with_sshd().await else { return };
    let file = sshd.home().join(".ssh/authorized_keys");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    let hand = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDhandhandhandhandhandhandhand by-hand";
    let ours = management::public_key(&house.db, id).await.unwrap().unwrap();
    std::fs::write(&file, format!("{hand}\n{OWNERS_KEY}\n{ours}\n")).unwrap();
    let new = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG5ld25ld25ld25ld25ld25ld25ld25ld25ld25ldw grace";
    let set = async |keys: &[&str]| {
        let keys = keys.iter().map(|key| key.parse().unwrap()).collect();
        house.engine.set_instance_keys(&house.owner, id, keys, None).await.unwrap()
    };
    assert_eq!(set(&[new]).await, By::Ssh);
    let begin = "# --- keys set through Innkeeper: begin ---";
    let end = "# --- keys set through Innkeeper: end ---";
    let said = || std::fs::read_to_string(&file).unwrap();
    assert_eq!(said(), format!("{hand}\n{ours}\n{begin}\n{new}\n{end}\n"));
    let kept = house.engine.instance(&house.owner, id).await.unwrap().ssh_keys;
    assert_eq!(kept.iter().map(innkeeper_domain::names::SshKey::as_str).collect::<Vec<_>>(), [new]);
    set(&[]).await;
    assert_eq!(said(), format!("{hand}\n{ours}\n"));
    let nobody =
        house.engine.set_instance_keys(&house.owner, id, Vec::new(), Some("no-such-user".into())).await;
    assert!(matches!(nobody, Err(Error::Invalid { field: "user", .. })), "{nobody:?}");
    assert_eq!(house.log("instance.keys").await.len(), 2);
}
