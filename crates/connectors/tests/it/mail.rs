//! Letters through a mail server written by others (aiosmtpd), and into a folder.

use std::path::Path;
use std::time::Duration;

use innkeeper_connectors::mail::{Error, Letter, Mailer, Route, Security, Smtp};
use innkeeper_domain::time::Timestamp;
use serde_json::Value;
use tokio::process::Command;

use crate::foreign::{Server, ready, script};

const NOW: Timestamp = Timestamp(1_795_221_883_000_000);
const FROM: &str = "L'Aubergiste <desk@inn.example>";

struct House {
    server: Server,
    port: u16,
    ca: String,
    _folder: tempfile::TempDir,
}

/// A mail server for `localhost`, with a certificate of its own authority.
async fn house(python: &Path, mode: &str) -> House {
    let folder = tempfile::tempdir().unwrap();
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let (certificate_file, key_file) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate_file, certificate.pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let mut command = Command::new(python);
    command.arg(script("smtp.py")).arg(mode).arg(&certificate_file).arg(&key_file);
    let mut server = Server::start(&mut command);
    let port = server.line().await.parse().unwrap();
    House { server, port, ca, _folder: folder }
}

impl House {
    fn smtp(&self, security: Security) -> Smtp {
        Smtp {
            host: "localhost".to_owned(),
            port: Some(self.port),
            security,
            login: (security != Security::None).then(|| ("desk".to_owned(), "s3cret".into())),
            extra_ca: Some(self.ca.clone()),
            timeout: Some(Duration::from_secs(5)),
        }
    }

    fn mailer(&self, security: Security) -> Mailer {
        mailer(self.smtp(security))
    }
}

fn mailer(smtp: Smtp) -> Mailer {
    Mailer::new(FROM, Route::Smtp(Box::new(smtp))).unwrap()
}

fn letter(to: &str) -> Letter {
    Letter {
        id: "ltr_1".to_owned(),
        to: to.parse().unwrap(),
        subject: "Votre crédit touche à sa fin: 24 h".to_owned(),
        text: "Bonjour Zoé,\n.\nil reste 24 h.\n".to_owned(),
        html: Some("<p>Bonjour Zoé, il reste <b>24 h</b>.</p>".to_owned()),
    }
}

#[tokio::test]
async fn letters_arrive_over_each_kind_of_connection() {
    let Some(folder) = ready("python/bin/python") else { return };
    for (mode, security, tls) in [
        ("plain", Security::None, false),
        ("starttls", Security::StartTls, true),
        ("tls", Security::Tls, true),
    ] {
        let mut house = house(&folder.join("python/bin/python"), mode).await;
        let mailer = house.mailer(security);
        mailer.check().await.unwrap();
        mailer.send(&letter("zoe@example.org"), NOW).await.unwrap();
        let taken: Value = serde_json::from_str(&house.server.line().await).unwrap();
        assert_eq!(taken["tls"], tls, "{mode}");
        assert_eq!(taken["from"], "desk@inn.example");
        assert_eq!(taken["to"], serde_json::json!(["zoe@example.org"]));
        assert_eq!(taken["login"].as_str(), (security != Security::None).then_some("desk"));
        let content = taken["content"].as_str().unwrap();
        assert!(content.contains("Message-ID: <ltr_1@inn.example>\r\n"), "{content}");
        assert!(content.contains("Date: Sat, 21 Nov 2026 00:44:43 +0000\r\n"), "{content}");
        assert!(content.contains("Auto-Submitted: auto-generated\r\n"), "{content}");
        assert!(content.contains("multipart/alternative") && content.contains("text/html"), "{content}");
        assert!(content.contains("Subject: ") && content.contains("=?utf-8?"), "{content}");
    }
}

#[tokio::test]
async fn errors_are_sorted_by_what_is_to_be_done() {
    let Some(folder) = ready("python/bin/python") else { return };
    let python = folder.join("python/bin/python");
    let house = house(&python, "starttls").await;
    let good = house.mailer(Security::StartTls);
    let gone = good.send(&letter("gone@example.org"), NOW).await.unwrap_err();
    assert!(matches!(&gone, Error::Lasting(text) if text.contains("no such mailbox")), "{gone:?}");
    let full = good.send(&letter("full@example.org"), NOW).await.unwrap_err();
    assert!(matches!(&full, Error::Passing(text) if text.contains("mailbox full")), "{full:?}");

    let stranger = Smtp { login: Some(("desk".into(), "wrong".into())), ..house.smtp(Security::StartTls) };
    let refused = mailer(stranger).send(&letter("zoe@example.org"), NOW).await.unwrap_err();
    assert!(matches!(refused, Error::Settings(_)), "{refused:?}");
    assert!(!refused.to_string().contains("wrong"), "{refused}");

    // The certificate is for localhost, and of an authority that only we trust.
    for smtp in [
        Smtp { extra_ca: None, ..house.smtp(Security::StartTls) },
        Smtp { host: "127.0.0.1".to_owned(), ..house.smtp(Security::StartTls) },
    ] {
        let refused = mailer(smtp).check().await.unwrap_err();
        assert!(matches!(refused, Error::Settings(_)), "{refused:?}");
    }
    // A server that wants protection, spoken to without.
    let plain = mailer(Smtp { login: None, ..house.smtp(Security::None) });
    let refused = plain.send(&letter("zoe@example.org"), NOW).await.unwrap_err();
    assert!(matches!(refused, Error::Settings(_)), "{refused:?}");

    let nobody = Smtp { port: Some(9), ..house.smtp(Security::None) };
    let passing = mailer(nobody).send(&letter("zoe@example.org"), NOW).await.unwrap_err();
    assert!(matches!(passing, Error::Passing(_)), "{passing:?}");
}

#[tokio::test]
async fn no_letter_goes_where_starttls_is_missing() {
    let Some(folder) = ready("python/bin/python") else { return };
    let house = house(&folder.join("python/bin/python"), "plain").await;
    let refused = house.mailer(Security::StartTls).send(&letter("zoe@example.org"), NOW).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let smtp = Smtp {
        host: "127.0.0.1".to_owned(),
        port: Some(listener.local_addr().unwrap().port()),
        security: Security::None,
        login: None,
        extra_ca: None,
        timeout: Some(Duration::from_millis(200)),
    };
    let error = mailer(smtp).send(&letter("zoe@example.org"), NOW).await.unwrap_err();
    assert!(matches!(error, Error::Passing(_)), "{error:?}");
}

#[test]
fn settings_that_would_show_letters_to_a_network_are_refused() {
    let smtp = Smtp {
        host: "mail.example.org".to_owned(),
        port: None,
        security: Security::None,
        login: None,
        extra_ca: None,
        timeout: None,
    };
    let route = |smtp: &Smtp| Route::Smtp(Box::new(smtp.clone()));
    let refused = Mailer::new(FROM, route(&smtp)).unwrap_err();
    assert!(refused.to_string().contains("starttls"), "{refused}");
    let protected = Smtp { security: Security::Tls, ..smtp };
    assert!(Mailer::new(FROM, route(&protected)).is_ok());
    assert!(Mailer::new("nobody", route(&protected)).is_err());
    assert!(Mailer::new("a@b.c\r\nBcc: all@b.c", route(&protected)).is_err());
    let empty = Smtp { login: Some(("desk".into(), "".into())), ..protected.clone() };
    assert!(Mailer::new(FROM, route(&empty)).is_err());
    assert!(Mailer::new(FROM, route(&Smtp { host: String::new(), ..protected })).is_err());
}

#[tokio::test]
async fn a_folder_keeps_whole_letters_and_text_never_becomes_a_header() {
    let folder = tempfile::tempdir().unwrap();
    let mailer = Mailer::new(FROM, Route::Folder(folder.path().join("out"))).unwrap();
    mailer.send(&letter("zoe@example.org"), NOW).await.unwrap();
    let files: Vec<_> =
        std::fs::read_dir(folder.path().join("out")).unwrap().map(|f| f.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].extension().unwrap(), "eml");
    let text = std::fs::read_to_string(&files[0]).unwrap();
    assert!(text.contains("To: zoe@example.org\r\n"), "{text}");

    let encoded = Letter {
        id: "ltr_2".to_owned(),
        subject: "of =?utf-8?q?=0D=0ABcc=3A_x=40y?= é".to_owned(),
        ..letter("zoe@example.org")
    };
    mailer.send(&encoded, NOW).await.unwrap();
    let files: Vec<_> =
        std::fs::read_dir(folder.path().join("out")).unwrap().map(|f| f.unwrap().path()).collect();
    let file = files.iter().find(|file| file.to_str().unwrap().contains("ltr_2")).unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains("Subject: of = ?utf-8?q?=0D") && !text.contains("=?utf-8?q?"), "{text}");

    for subject in ["a\r\nBcc: all@example.org", "a\nBcc: all@example.org", "a\rb", "a\0b"] {
        let bad = Letter { subject: subject.to_owned(), ..letter("zoe@example.org") };
        assert!(matches!(mailer.send(&bad, NOW).await, Err(Error::Lasting(_))), "{subject:?}");
    }
    for id in ["", "../x", "a b", "a>\r\nBcc: b"] {
        let bad = Letter { id: id.to_owned(), ..letter("zoe@example.org") };
        assert!(matches!(mailer.send(&bad, NOW).await, Err(Error::Lasting(_))), "{id:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path().join("out")).unwrap().count(), 2);
}
