use super::*;
use proptest::prelude::*;

#[test]
fn reads_a_recorded_disk_and_net() {
    let disk: PropertyString = "local:101/vm-101-disk-0.raw,size=8G,ssd=1".parse().unwrap();
    assert_eq!(disk.default_value(), Some("local:101/vm-101-disk-0.raw"));
    assert_eq!(disk.get("size"), Some("8G"));
    assert_eq!(disk.get_flag("ssd"), Some(true));
    assert_eq!(disk.get_flag("size"), None);

    let net: PropertyString = "virtio=BC:24:11:00:00:01,bridge=vmbr0,,firewall=1".parse().unwrap();
    assert_eq!(net.default_value(), None);
    assert_eq!(net.get("virtio"), Some("BC:24:11:00:00:01"));
    assert_eq!(net.entries().count(), 3);
}

#[test]
fn what_cannot_be_escaped_is_refused() {
    assert!(PropertyString::new().set("name", "a,b=c").print().is_err());
    assert!(PropertyString::with_default("a=b").print().is_err());
    assert!(PropertyString::new().set("x", "a\nb").print().is_err());
    assert!("a=1,a=2".parse::<PropertyString>().is_err());
    let fine = PropertyString::with_default("local-lvm:8").flag("ssd", true).set("ssd", 0);
    assert_eq!(fine.print().unwrap(), "local-lvm:8,ssd=0");
}

#[test]
fn sizes_are_powers_of_1024() {
    assert_eq!("8G".parse(), Ok(Size::gib(8)));
    assert_eq!("0.5G".parse(), Ok(Size::bytes(512 << 20)));
    assert_eq!("1536M".parse::<Size>().unwrap().to_string(), "1536M");
    assert_eq!(Size::bytes(2048 << 20).to_string(), "2G");
    assert_eq!(Size::bytes((2 << 30) + 1).as_gib(), 3);
    assert_eq!(Size::bytes(0).to_string(), "0");
    for bad in ["", "G", "-1G", "8GB", "1e3", "8 G", "99999999999999999T", "8GG"] {
        assert_eq!(bad.parse::<Size>(), Err(InvalidSize), "{bad}");
    }
}

#[test]
fn tags_are_a_lower_case_set() {
    let tags = Tags::parse("Web;prod, web  x");
    assert_eq!(tags.to_string(), "prod;web;x");
    assert!(tags.contains("WEB"));
    assert_eq!(tags, Tags::parse("x;web;PROD"));
    assert_eq!(serde_json::from_str::<Tags>("null").unwrap(), Tags::default());
}

#[test]
fn ssh_keys_are_encoded_for_cloud_init_only() {
    let keys = ["ssh-ed25519 AAAA+/= me@home\n", "ssh-rsa BB x"];
    assert_eq!(ssh_keys_lxc(keys), "ssh-ed25519 AAAA+/= me@home\nssh-rsa BB x");
    assert_eq!(ssh_keys_qemu(keys), "ssh-ed25519%20AAAA%2B%2F%3D%20me%40home%0Assh-rsa%20BB%20x");
}

proptest! {
    #[test]
    fn every_size_survives_printing(bytes in 0_u64..(1 << 50)) {
        prop_assert_eq!(Size::bytes(bytes).to_string().parse(), Ok(Size::bytes(bytes)));
    }

    #[test]
    fn property_strings_survive_printing(pairs in proptest::collection::btree_map("[a-z]{1,8}", "[a-zA-Z0-9:/._=;+ü-]{1,12}", 0..6)) {
        let mut built = PropertyString::with_default("disk:1");
        for (key, value) in &pairs {
            built = built.set(key.clone(), value);
        }
        let read: PropertyString = built.print().unwrap().parse().unwrap();
        prop_assert_eq!(read, built);
    }

    #[test]
    fn no_text_breaks_the_readers(text in ".{0,60}") {
        let _ = (text.parse::<PropertyString>(), text.parse::<Size>(), Tags::parse(&text));
        let _ = crate::endpoint::parse_url(&text);
    }
}
