//! The form of template volumes.

use innkeeper_domain::templates::check_volume;
use proptest::prelude::*;

#[test]
fn volumes_as_proxmox_lists_them_are_taken() {
    for good in [
        "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst",
        "local:vztmpl/alpine-3.20-default_20240908_amd64.tar.xz",
        "nfs-1.b:vztmpl/x",
        "store_2:vztmpl/a+b~c.tar.gz",
    ] {
        assert!(check_volume(good).is_ok(), "{good}");
    }
}

#[test]
fn nothing_that_could_be_a_path_or_another_kind_of_volume_is_taken() {
    for bad in [
        "",
        "debian.tar.zst",
        "/var/lib/vz/template/cache/debian.tar.zst",
        "local:",
        "local:vztmpl",
        "local:vztmpl/",
        ":vztmpl/debian.tar.zst",
        "local:iso/debian.iso",
        "local:backup/vzdump-lxc-100.tar.zst",
        "local:vztmpl/..",
        "local:vztmpl/.hidden",
        "local:vztmpl/../../etc/shadow",
        "local:vztmpl/a/b.tar.zst",
        "local:vztmpl/a:vztmpl/b",
        "local:vztmpl/a b",
        "local:vztmpl/a,mp0=/etc",
        "local:vztmpl/a\n",
        "local:vztmpl/a%2e%2e",
        "local:vztmpl/é.tar.zst",
        "../x:vztmpl/a",
        "a b:vztmpl/a",
        " local:vztmpl/a",
        &format!("local:vztmpl/{}", "a".repeat(201)),
    ] {
        assert!(check_volume(bad).is_err(), "{bad:?} was accepted");
    }
}

proptest! {
    #[test]
    fn what_is_taken_holds_no_path(text in "[a-z]{0,3}:?(vztmpl)?/?[ -~]{0,12}|.*") {
        if check_volume(&text).is_ok() {
            prop_assert!(text.is_ascii() && !text.contains(char::is_whitespace) && !text.contains(','));
            prop_assert_eq!(text.matches('/').count(), 1);
            prop_assert_eq!(text.matches(':').count(), 1);
            prop_assert!(!text.contains("/."));
        }
    }
}
