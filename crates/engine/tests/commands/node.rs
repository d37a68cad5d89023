//! Through the node of a container, with the program that nodes are given, and a `pct` that runs what it is given.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use innkeeper_connectors::ssh::{self, KeyPair, Order, Outcome};
use innkeeper_domain::access::Actor;
use innkeeper_domain::commands::{By, Command, Unable};
use innkeeper_domain::node_access::{Door, PROGRAM};
use innkeeper_domain::users::Role;
use innkeeper_engine::{Error, NewCommand, NewNodeAccess, NewPassword, Setup};

use crate::house::{House, by, script};
use crate::sshd::Sshd;

/// A node: its `sshd`, and what its `pct` was asked for.
struct Node {
    sshd: Sshd,
    folder: tempfile::TempDir,
}

impl Node {
    fn open() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("bin")).unwrap();
        let pct = format!(
            "#!/bin/sh\n[ \"$1\" = exec ] && [ \"$3\" = -- ] || exit 99\necho \"$2\" >>{}\nshift 3\nexec \"$@\"\n",
            at("asked").display()
        );
        let chpasswd = format!("#!/bin/sh\nexec cat >{}\n", at("passwords").display());
        for (name, text) in [("bin/pct", pct), ("bin/chpasswd", chpasswd)] {
            std::fs::write(at(name), text).unwrap();
            std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = format!("SetEnv PATH={}:/usr/bin:/bin", at("bin").display());
        let sshd = Sshd::start_with(&format!("{path} HOME={}", at("bin").display()))?;
        Some(Self { sshd, folder })
    }

    /// The numbers for which `pct` was run.
    fn asked(&self) -> Vec<String> {
        let said = std::fs::read_to_string(self.folder.path().join("asked")).unwrap_or_default();
        said.lines().map(str::to_owned).collect()
    }
}

fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/innkeeper-pct-exec").canonicalize().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_entered_through_its_node_where_an_administrator_allows_it() {
    let house = House::open().await;
    let Some(node) = Node::open() else { return };
    let id = house.create(house.container, Setup { management_key: false, user_data: None }).await;
    assert_eq!(house.code(id, by(By::Node, script("true"))).await, "not_offered");
    let door = Door { address: node.sshd.address, host_key: node.sshd.host_key() };
    let doors = BTreeMap::from([("oak".parse().unwrap(), door)]);
    let new = NewNodeAccess { user: Sshd::user(), doors, new_key: false };
    let operator = Actor { role: Role::Operator, ..house.owner.clone() };
    let refused = house.engine.set_node_access(&operator, house.cluster.id, new.clone()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    let staff = Actor::house();
    let (_, line) = house.engine.set_node_access(&staff, house.cluster.id, new.clone()).await.unwrap();
    assert!(line.starts_with(&format!("restrict,command=\"{PROGRAM} 10000 10999\" ssh-ed25519 ")), "{line}");
    let (_, again) = house.engine.set_node_access(&staff, house.cluster.id, new.clone()).await.unwrap();
    assert_eq!(line, again, "the key stays");
    // The node does not have the line yet.
    assert_eq!(house.code(id, script("true")).await, "node_unreachable");
    node.sshd.authorize(&line.replace(PROGRAM, &program().display().to_string()));

    let ways = house.engine.command_ways(&house.owner, id).await.unwrap();
    assert_eq!(
        ways.map(|way| way.unable),
        [Some(Unable::NoAgentInContainers), Some(Unable::KeyDeclined), None]
    );
    let words = ["printf", "%s|", "a b", "$HOME", "';\n", "", "line\n"].map(str::to_owned).to_vec();
    let ran = house.run(id, NewCommand { command: Command::Words(words), ..script("") }).await.unwrap();
    assert_eq!((ran.by, ran.exit_code), (By::Node, Some(0)), "{ran:?}");
    assert_eq!(String::from_utf8(ran.stdout).unwrap(), "a b|$HOME|';\n||line\n|");
    let new = NewCommand { input: b"given".to_vec(), ..script("cat; echo err >&2; exit 7") };
    let ran = house.run(id, new).await.unwrap();
    assert_eq!(
        (ran.exit_code, ran.stdout.as_slice(), ran.stderr.as_slice()),
        (Some(7), &b"given"[..], &b"err\n"[..])
    );
    let slow = NewCommand { timeout_seconds: Some(1), ..script("sleep 1000") };
    let ran = house.run(id, slow).await.unwrap();
    assert!(ran.timed_out && ran.exit_code.is_none(), "{ran:?}");
    let vmid = house.engine.instance(&house.owner, id).await.unwrap().vmid.to_string();
    assert_eq!(node.asked(), [vmid.as_str(); 3]);

    let new = NewPassword { user: None, password: Some("correct: horse".to_owned().into()), by: None };
    let set = house.engine.set_instance_password(&house.owner, id, new).await.unwrap();
    assert_eq!(set.by, By::Node);
    let said = std::fs::read_to_string(node.folder.path().join("passwords")).unwrap();
    assert_eq!(said, "root:correct: horse\n");
    assert!(!house.whole_log().await.contains("correct: horse"));

    house.engine.remove_node_access(&staff, house.cluster.id).await.unwrap();
    assert_eq!(house.code(id, script("true")).await, "key_declined");
}

async fn ask(node: &Node, key: &KeyPair, request: &str) -> Result<Outcome, ssh::Error> {
    let known = node.sshd.host_key().parse().unwrap();
    let patience = Duration::from_secs(20);
    let mut session = ssh::connect(node.sshd.address, Some(known), patience).await?;
    session.sign_in(&Sshd::user(), key, patience).await?;
    let order = Order {
        command: request.to_owned(),
        input: Vec::new().into(),
        limit: Duration::from_secs(20),
        most_output: 1 << 20,
        shell: false,
    };
    session.run(order, std::future::pending()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_steals_the_key_for_the_nodes_runs_nothing_but_commands_in_our_containers() {
    let Some(node) = Node::open() else { return };
    let key = KeyPair::generate("innkeeper").unwrap();
    let line =
        format!("restrict,command=\"{} 10000 10999\" {}", program().display(), key.public_part().unwrap());
    node.sshd.authorize(&line);
    let proof = node.folder.path().join("proof");
    let touch = format!("touch {}", proof.display());
    let word = |word: &str| format!("={}", STANDARD.encode(word));
    let good = format!("pct-exec 10000 5 {} {}", word("echo"), word("$(id)"));
    let ran = ask(&node, &key, &good).await.unwrap();
    assert_eq!((ran.exit_code, ran.stdout.as_slice()), (Some(0), &b"$(id)\n"[..]));
    assert_eq!(node.asked(), ["10000"]);

    let echo = word("echo");
    let attacks = [
        String::new(),
        "sh".into(),
        touch.clone(),
        format!("{good}; {touch}"),
        format!("{good} && {touch}"),
        format!("{good}\n{touch}"),
        format!("{good}\r"),
        format!("pct-exec 10000 5 $({touch})"),
        format!("pct-exec 10000 5 `{touch}`"),
        format!("pct-exec 9999 5 {echo}"),
        format!("pct-exec 11000 5 {echo}"),
        format!("pct-exec 010000 5 {echo}"),
        format!("pct-exec 10000000000000010000 5 {echo}"),
        format!("pct-exec -1 5 {echo}"),
        format!("pct-exec 0x2710 5 {echo}"),
        format!("pct-exec 10000+1 5 {echo}"),
        format!("pct-exec 10000 0 {echo}"),
        format!("pct-exec 10000 9999 {echo}"),
        format!("pct-exec 10000 -5 {echo}"),
        "pct-exec 10000 5".into(),
        "pct-exec 10000 5 ZWNobw==".into(),
        "pct-exec 10000 5 =Z".into(),
        "pct-exec 10000 5 =ZWNobw".into(),
        "pct-exec 10000 5 =AA==".into(),
        "pct-exec 10000 5 =YWJjZB==".into(),
        format!("pct-exec 10000 5  {echo}"),
        format!(" pct-exec 10000 5 {echo}"),
        format!("pct-exec 10000 5 {echo} "),
        format!("pct-exec\t10000 5 {echo}"),
        format!("pct-exec 10000 5 {echo} *"),
        format!("pct-exec 10000 5 {echo} ~"),
        format!("pct-exec 10000 5 {echo} é"),
        format!("pct-stop 10000 5 {echo}"),
        format!("--help 10000 5 {echo}"),
        format!("pct-exec 10000 5{}", format!(" {echo}").repeat(300)),
        format!("pct-exec 10000 5 ={}", "QUFB".repeat(30_001)),
    ];
    for attack in &attacks {
        let shown: String = attack.chars().take(80).collect();
        match ask(&node, &key, attack).await {
            Ok(ran) => {
                assert_eq!(ran.exit_code, Some(97), "{shown:?}: {ran:?}");
                assert!(ran.stderr.starts_with(b"innkeeper-pct-exec: refused"), "{shown:?}");
            }
            // What is too long for one variable, sshd itself does not run.
            Err(error) => panic!("{shown:?}: {error}"),
        }
    }
    // Longer than any program can be given.
    let huge = format!("pct-exec 10000 5 ={}", "QUFB".repeat(60_000));
    let refused = ask(&node, &key, &huge).await;
    assert!(!matches!(&refused, Ok(ran) if ran.exit_code == Some(0)), "{refused:?}");
    assert_eq!(node.asked(), ["10000"], "pct was run for none of these");
    assert!(!proof.exists());
}
