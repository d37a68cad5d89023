//! People use the portal: `web/tests/e2e` in a real browser, on a desktop and on a phone, against the real program with
//! its demo house. One test for each file and device, with a house of its own, so that they can run beside each other.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

const BINARY: &str = env!("CARGO_BIN_EXE_innkeeper");

fn web() -> PathBuf {
    std::fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web")).unwrap()
}

/// The browser; none where what it takes is not here and need not be.
fn browser() -> Option<PathBuf> {
    let browser = std::env::var_os("CHROMIUM").map_or_else(|| "/usr/bin/chromium".into(), PathBuf::from);
    let lacks = [
        (!browser.exists(), "there is no Chromium: install it, or name it by CHROMIUM"),
        (
            !web().join("node_modules/@playwright/test/cli.js").exists(),
            "there is no Playwright: run `npm ci` in web",
        ),
        (
            !innkeeper_webui::BUILT,
            "the program has no portal in it: build it with Node, and without INNKEEPER_UI",
        ),
    ];
    let Some((_, say)) = lacks.into_iter().find(|(lacks, _)| *lacks) else { return Some(browser) };
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{say}");
    println!("skipped: {say}");
    None
}

/// A demo house, and how one gets in.
struct Demo {
    child: Child,
    url: String,
    password: String,
    mails: String,
}

impl Demo {
    async fn start() -> Self {
        let mut child = Command::new(BINARY)
            .args(["demo", "--no-chain", "--latency", "0.1", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = String::new();
        while let Some(line) = lines.next_line().await.unwrap()
            && !line.starts_with("Ctrl-C")
        {
            told = told + line.trim() + "\n";
        }
        let line = |word: &str| told.lines().find(|line| line.starts_with(word)).unwrap();
        let port = line("address").rsplit(':').next().unwrap();
        let password = line("sign in").rsplit(' ').next().unwrap().to_owned();
        let mails = line("mails").split_whitespace().nth(1).unwrap().to_owned();
        // It goes on talking to somebody.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        // A name rather than an address, since passkeys need one.
        Self { child, url: format!("http://localhost:{port}"), password, mails }
    }

    /// Ends it as Ctrl-C does, so that it takes its folder with it.
    async fn end(mut self) {
        let number = i32::try_from(self.child.id().unwrap()).unwrap();
        let process = rustix::process::Pid::from_raw(number).unwrap();
        rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
        self.child.wait().await.unwrap();
    }
}

async fn story(file: &str, device: &str) {
    let Some(browser) = browser() else { return };
    let demo = Demo::start().await;
    let results = tempfile::tempdir().unwrap();
    let mut suite = Command::new("node")
        .args(["node_modules/@playwright/test/cli.js", "test", &format!("/{file}.spec.ts"), "--forbid-only"])
        .arg(format!("--project={device}"))
        .arg("--output")
        .arg(results.path())
        .current_dir(web())
        .env("CHROMIUM", browser)
        .env("INNKEEPER_BIN", BINARY)
        .env("INNKEEPER_URL", &demo.url)
        .env("INNKEEPER_PASSWORD", &demo.password)
        .env("INNKEEPER_MAILS", &demo.mails)
        .env("NO_COLOR", "1")
        .env_remove("FORCE_COLOR")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = String::new();
    suite.stdout.take().unwrap().read_to_string(&mut said).await.unwrap();
    let passed = suite.wait().await.unwrap().success();
    demo.end().await;
    println!("{said}");
    if !passed {
        for folder in std::fs::read_dir(results.path()).unwrap() {
            let shown = std::fs::read_to_string(folder.unwrap().path().join("error-context.md"));
            println!("{}", shown.unwrap_or_default());
        }
    }
    assert!(passed, "{file} on a {device}: see above");
}

macro_rules! stories {
    ($($file:ident),+ $(,)?) => {
        $(mod $file {
            #[tokio::test(flavor = "multi_thread")]
            async fn on_a_desktop() {
                super::story(stringify!($file), "desktop").await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_a_phone() {
                super::story(stringify!($file), "phone").await;
            }
        })+

        const STORIES: &[&str] = &[$(stringify!($file)),+];
    };
}
stories!(
    account,
    admin,
    admin_pages,
    announcements,
    discord,
    hosts,
    instances,
    newcomer,
    notifications,
    pages,
    payer,
    webhooks
);

#[test]
fn every_file_of_the_suite_is_told() {
    let files = std::fs::read_dir(web().join("tests/e2e")).unwrap();
    let mut found: Vec<String> = files
        .filter_map(|file| {
            file.unwrap().file_name().to_str()?.strip_suffix(".spec.ts").map(ToOwned::to_owned)
        })
        .collect();
    found.sort();
    assert_eq!(found, STORIES, "name it in `stories!`");
}
