//! The remote console, against a double as strict as the game; and the double against a client written by others.

use std::time::Duration;

use innkeeper_connectors::minecraft::Error;
use innkeeper_connectors::minecraft::rcon::Rcon;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;

use super::PATIENCE;
use crate::doubles::rcon::Double;
use crate::foreign::{ready, script};

async fn double() -> Double {
    Double::start("s3cret", |command| match command {
        "stop" => None,
        "list" => Some("There are 1 of a max of 12 players online: Zoé".to_owned()),
        "save-all flush" => Some("Saved the game".to_owned()),
        long if long.starts_with("long ") => Some("é".repeat(long[5..].parse().unwrap())),
        _ => Some(String::new()),
    })
    .await
}

async fn open(double: &Double, password: &str) -> Result<Rcon, Error> {
    let port = double.address.port();
    Rcon::open("127.0.0.1", port, &password.to_owned().into(), PATIENCE).await
}

#[tokio::test]
async fn commands_are_answered_whole_however_long() {
    let double = double().await;
    let mut console = open(&double, "s3cret").await.unwrap();
    assert_eq!(console.command("list").await.unwrap(), "There are 1 of a max of 12 players online: Zoé");
    // Around the length of a piece, in letters of two bytes.
    for length in [2047, 2048, 4095, 4096, 4097, 8192, 30_000] {
        assert_eq!(console.command(&format!("long {length}")).await.unwrap(), "é".repeat(length), "{length}");
    }
    assert_eq!(console.save_all().await.unwrap(), "Saved the game");
    assert_eq!(console.say("Redémarrage dans 10 s\nstop @a").await.unwrap(), "");
    let told = double.told.lock().unwrap().clone();
    assert_eq!(told[told.len() - 2..], ["save-all flush", "say Redémarrage dans 10 s stop ＠a"]);
    console.stop().await.unwrap();
    assert_eq!(double.told.lock().unwrap().last().unwrap(), "stop");
}

#[tokio::test]
async fn a_wrong_password_is_its_own_error_and_does_nothing() {
    let double = double().await;
    for wrong in ["wrong", "", "s3cret\0"] {
        let error = open(&double, wrong).await.unwrap_err();
        assert!(matches!(error, Error::WrongPassword), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("s3cret"));
    }
    assert!(double.told.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_no_command_is_not_sent() {
    let double = double().await;
    let mut console = open(&double, "s3cret").await.unwrap();
    for bad in ["", "  ", "list\nstop", "list\0", "say \u{7f}", &"x".repeat(1447)] {
        let error = console.command(bad).await.unwrap_err();
        assert!(matches!(error, Error::BadCommand(_)), "{bad:?}: {error:?}");
    }
    assert!(double.told.lock().unwrap().is_empty());
    // The longest that the game reads in one go still arrives.
    console.command(&"x".repeat(1446)).await.unwrap();
    assert_eq!(double.told.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_connection_that_breaks_is_success_for_stop_only() {
    let double = double().await;
    let mut console = open(&double, "s3cret").await.unwrap();
    let error = console.command("stop").await.unwrap_err();
    assert!(matches!(error, Error::Lost(_)), "{error:?}");
    let error = console.command("list").await.unwrap_err();
    assert!(matches!(error, Error::Lost(_)), "{error:?}");
    let error = console.stop().await.unwrap_err();
    assert!(matches!(error, Error::Lost(_)), "it was never sent: {error:?}");
    assert_eq!(*double.told.lock().unwrap(), ["stop"]);
}

#[tokio::test]
async fn an_answer_that_never_comes_ends_with_the_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let patience = Duration::from_millis(300);
    let error = Rcon::open("127.0.0.1", port, &"s3cret".to_owned().into(), patience).await.unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error:?}");
}

#[tokio::test]
async fn the_double_is_taken_for_a_console_by_a_client_written_by_others() {
    let Some(folder) = ready("python/bin/python") else { return };
    let double = double().await;
    let run = async |password: &str, commands: &[&str]| -> Value {
        let mut client = Command::new(folder.join("python/bin/python"));
        client.arg(script("rcon.py")).arg(double.address.port().to_string()).arg(password).args(commands);
        let done = client.kill_on_drop(true).output().await.unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice(&done.stdout).unwrap()
    };
    let said = run("s3cret", &["list", "save-all flush", "long 4096", "long 9000"]).await;
    let answers = [
        "There are 1 of a max of 12 players online: Zoé",
        "Saved the game",
        &"é".repeat(4096),
        &"é".repeat(9000),
    ];
    assert_eq!(said, json!({"taken": true, "answers": answers}));
    assert_eq!(run("wrong", &["list"]).await, json!({"taken": false, "answers": []}));
}
