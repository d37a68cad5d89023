//! What a configuration of leases becomes, and what is refused.

use innkeeper_connectors::x402::eip712::checksummed;

use super::*;

const PAY: &str = "[[pay]]\nnetwork = 'eip155:84532'\npay_to = '0x16FB872ad757d3F272356984ab5Ee9ef0aaFfc0b'\n\
    rpc_url = 'http://127.0.0.1:1/a-key'\nfacilitator_url = 'https://pay.example/x402'\n";

fn options(text: &str) -> Result<Arc<LeaseOptions>, String> {
    let read: Leases = toml::from_str(text).map_err(|error| error.to_string())?;
    read.options(Some("https://inn.example")).map_err(|error| format!("{error:#}"))
}

#[test]
fn nothing_said_is_the_houses_own_terms_and_credits_only() {
    let options = options("").unwrap();
    assert_eq!(options.terms, Terms::default());
    assert!(options.desks.is_empty());
    assert_eq!(options.egress, innkeeper_engine::Egress::Internet);
    assert_eq!((options.wait.as_secs(), options.payable.as_secs()), (30, 120));
}

#[test]
fn everything_that_is_said_arrives() {
    let text = format!(
        "base_micros = 1\ncall_micros = 2\nleast_minutes = 3\nmost_minutes = 4\nhorizon_minutes = 5\nper_wallet = 6\n\
         notices_s = [60, 3600, 60]\ngrace_s = 7\nnetwork = '{}'\n\
         egress = 'closed'\nwait_s = 8\npayable_s = 31\nlook_every_s = 9\n\
         [largest]\ncores = 2\nmemory_mib = 1024\ndisk_gib = 10\n{PAY}credit_price = 11\nconfirmations = 12\n",
        innkeeper_domain::ids::NetworkId::new()
    );
    let options = options(&text).unwrap();
    let terms = &options.terms;
    assert_eq!((terms.base, terms.call, terms.grace.as_secs()), (Micros(1), Micros(2), 7));
    assert_eq!(
        (terms.least_minutes, terms.most_minutes, terms.horizon_minutes, terms.per_wallet),
        (3, 4, 5, 6)
    );
    assert_eq!(
        terms.notices,
        [Duration::from_mins(60), Duration::from_mins(1)],
        "the longest first, each once"
    );
    assert_eq!(terms.largest, Size { cores: 2, memory_mib: 1024, disk_gib: 10 });
    assert_eq!(options.egress, innkeeper_engine::Egress::Closed);
    assert!(options.network.is_some());
    assert_eq!((options.wait.as_secs(), options.payable.as_secs(), options.look_every.as_secs()), (8, 31, 9));
    let [desk] = &options.desks[..] else { panic!("{:?}", options.desks) };
    assert_eq!((desk.credit_price, desk.confirmations), (11, 12));
}

#[test]
fn the_dollars_of_base_are_known_by_the_names_that_their_contracts_have() {
    for (network, name, asset) in [
        ("eip155:8453", "USD Coin", "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"),
        ("eip155:84532", "USDC", "0x036CbD53842c5426634e7929541eC2318f3dCF7e"),
    ] {
        let text = PAY.replace("eip155:84532", network);
        // Written out, in small letters too, it is the same.
        for text in [text.clone(), format!("{text}asset = '{}'", asset.to_lowercase())] {
            let desk = options(&text).unwrap().desks[0].clone();
            assert_eq!((desk.token_name.as_str(), desk.token_version.as_str()), (name, "2"));
            assert_eq!(checksummed(desk.asset), asset);
            assert_eq!((desk.credit_price, desk.confirmations), (1_000_000, 1));
        }
    }
    let other = format!(
        "{}asset = '0x{}'\ntoken_name = 'Coin'\ntoken_version = '1'",
        PAY.replace("84532", "10"),
        "ab".repeat(20)
    );
    assert_eq!(options(&other).unwrap().desks[0].token_name, "Coin");
}

#[test]
fn half_a_configuration_is_told_in_one_sentence() {
    let without =
        |key: &str| -> String { PAY.split_inclusive('\n').filter(|line| !line.starts_with(key)).collect() };
    let with = |line: &str| format!("{PAY}{line}");
    for (text, word) in [
        (without("network"), "network is missing"),
        (without("pay_to"), "pay_to is missing"),
        (without("rpc_url"), "rpc_url is missing"),
        (without("facilitator_url"), "facilitator_url is missing"),
        (PAY.replace("eip155:84532", "base"), "eip155:8453"),
        (PAY.replace("eip155:84532", "eip155:10"), "asset is missing"),
        (format!("{}asset = '0x{}'", PAY.replace("84532", "10"), "ab".repeat(20)), "token_name is missing"),
        (PAY.replace("0x16FB872a", "0x16FB872A"), "mistyped"),
        (
            PAY.replace("0x16FB872ad757d3F272356984ab5Ee9ef0aaFfc0b", &format!("0x{}", "0".repeat(40))),
            "zero address",
        ),
        (PAY.replace("0x16FB872a", "0x16FB"), "40 hexadecimal"),
        (
            PAY.replace(
                "0x16FB872ad757d3F272356984ab5Ee9ef0aaFfc0b",
                "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
            ),
            "own contract",
        ),
        (with("asset = '0x036CbD53842c5426634e7929541eC2318f3dCF7E'"), "asset: the capital"),
        (format!("{PAY}{PAY}"), "leases.pay[1]: network eip155:84532"),
        (
            PAY.replace("https://pay", "http://pay"),
            "facilitator_url: the facilitator's address must begin with https",
        ),
        (PAY.replace("http://127.0.0.1:1", "http://node.example"), "rpc_url"),
        (with("cdp_key_id = 'organizations/1'"), "without cdp_key_secret"),
        (with("cdp_key_secret = 'hush'"), "without cdp_key_id"),
        (with("cdp_key_id = 'x'\ncdp_key_secret = 'hush'"), "Coinbase's key"),
        (with("cdp_key_id = 'x'\ncdp_key_secret_file = '/nonexistent'"), "cdp_key_secret_file"),
        (with("rpc_url_file = '/nonexistent'"), "both given"),
        (with("credit_price = 0"), "credit_price"),
        (with("confirmations = 0"), "confirmations"),
        (with("timeout_s = 0"), "timeout_s"),
        (with("colour = 'red'"), "colour"),
        ("colour = 'red'".to_owned(), "colour"),
        ("egress = 'all'".to_owned(), "egress"),
        ("network = 'vmbr0'".to_owned(), "leases.network"),
        ("least_minutes = 0".to_owned(), "least_minutes"),
        ("least_minutes = 20\nmost_minutes = 10".to_owned(), "most_minutes"),
        ("most_minutes = 20\nhorizon_minutes = 10".to_owned(), "horizon_minutes"),
        ("base_micros = -1".to_owned(), "base_micros"),
        ("per_wallet = 0".to_owned(), "per_wallet"),
        ("payable_s = 5".to_owned(), "payable_s"),
        ("notices_s = [0]".to_owned(), "notices_s"),
        ("[largest]\ncores = 0".to_owned(), "leases.largest"),
    ] {
        let error = options(&text).unwrap_err();
        assert!(error.contains(word), "{text}: {error}");
        assert!(!error.contains("hush") && !error.contains("a-key"), "{error}");
    }
}

#[test]
fn payments_do_not_travel_where_others_can_read_them() {
    let read: Leases = toml::from_str(PAY).unwrap();
    let refused = |url| format!("{:#}", read.options(url).unwrap_err());
    assert!(refused(None).contains("server.public_url"));
    assert!(refused(Some("http://inn.example")).contains("https"));
    for here in ["http://localhost:8080", "http://127.0.0.1:8080", "https://inn.example"] {
        assert!(read.options(Some(here)).is_ok(), "{here}");
    }
    let credits: Leases = toml::from_str("").unwrap();
    assert!(credits.options(Some("http://inn.example")).is_ok());
    assert!(credits.options(None).is_err());
}

#[test]
fn secrets_come_from_files_too_and_are_shown_to_nobody() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "http://127.0.0.1:2/secret-node\n").unwrap();
    let text = PAY.replace(
        "rpc_url = 'http://127.0.0.1:1/a-key'",
        &format!("rpc_url_file = '{}'", file.path().display()),
    );
    let options = options(&text).unwrap();
    assert!(!format!("{options:?}").contains("secret-node"));
    std::fs::write(file.path(), "\n").unwrap();
    assert!(super::tests::options(&text).unwrap_err().contains("is empty"));
    let read: Leases = toml::from_str(PAY).unwrap();
    let shown = format!("{read:?}{}", toml::to_string_pretty(&read).unwrap());
    assert!(!shown.contains("a-key") && shown.contains('…'), "{shown}");
}

#[test]
fn the_environment_can_say_all_of_it() {
    let read = |pairs: &[(&str, &str)]| {
        let given =
            pairs.iter().map(|(key, value)| (format!("INNKEEPER__LEASES__{key}"), (*value).to_owned()));
        let source = config::Environment::with_prefix("INNKEEPER")
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true)
            .source(Some(given.collect()));
        let whole: crate::config::Config =
            config::Config::builder().add_source(source).build().unwrap().try_deserialize().unwrap();
        whole.leases.unwrap()
    };
    let leases = read(&[
        ("NOTICES_S", "3600,60"),
        ("PAY__0__NETWORK", "eip155:84532"),
        ("PAY__0__PAY_TO", "0x16FB872ad757d3F272356984ab5Ee9ef0aaFfc0b"),
        ("PAY__0__TOKEN_VERSION", "2"),
        ("PAY__0__RPC_URL", "http://127.0.0.1:1"),
        ("PAY__0__FACILITATOR_URL", "http://127.0.0.1:2"),
        ("LARGEST__CORES", "2"),
    ]);
    assert_eq!(leases.notices_s, [3600, 60]);
    assert_eq!((leases.pay.len(), leases.largest.cores), (1, 2));
    assert_eq!(leases.options(Some("https://inn.example")).unwrap().desks.len(), 1);
}
