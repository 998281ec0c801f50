use super::*;

fn policy(loopback: bool, networks: &[&str]) -> AddressPolicy {
    AddressPolicy {
        loopback,
        networks: networks.iter().map(|it| it.parse().unwrap()).collect(),
    }
}

/// Why nothing is sent to an address; `sent` if something is.
fn told(url: &str, policy: &AddressPolicy) -> String {
    match Target::read(url, policy) {
        Ok(_) => "sent".to_owned(),
        Err(AddressError::Private { what, .. }) => what.to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn nothing_is_sent_where_only_this_machine_can_reach() {
    let strict = policy(false, &[]);
    for (url, expected) in [
        ("https://hooks.example.com/x?y=z", "sent"),
        ("https://8.8.8.8/", "sent"),
        ("http://[2606:4700::1111]/", "sent"),
        ("http://127.0.0.1:9/", LOOPBACK),
        ("http://localhost:9/", LOOPBACK),
        ("http://a.localhost/", LOOPBACK),
        ("http://2130706433/", LOOPBACK),
        ("http://0x7f000001/", LOOPBACK),
        ("http://0177.0.0.1/", LOOPBACK),
        ("http://127.1/", LOOPBACK),
        ("http://[::1]/", LOOPBACK),
        ("http://[::ffff:127.0.0.1]/", LOOPBACK),
        ("http://10.0.0.1/", PRIVATE),
        ("http://172.16.0.1/", PRIVATE),
        ("http://172.32.0.1/", "sent"),
        ("http://192.168.1.1/", PRIVATE),
        ("http://167772161/", PRIVATE),
        ("http://[::ffff:10.0.0.1]/", PRIVATE),
        ("http://[fd00::1]/", PRIVATE),
        ("http://169.254.169.254/latest/meta-data", LINK),
        ("http://[fe80::1]/", LINK),
        ("http://[::ffff:169.254.169.254]/", LINK),
        ("http://100.100.100.200/", SHARED),
        ("http://0.0.0.0/", SPECIAL),
        ("http://0/", SPECIAL),
        ("http://[::]/", SPECIAL),
        ("http://224.0.0.1/", SPECIAL),
        ("http://255.255.255.255/", SPECIAL),
        ("http://198.18.0.1/", SPECIAL),
        ("http://[64:ff9b::7f00:1]/", WRAPPED),
        ("http://[64:ff9b::a9fe:a9fe]/", WRAPPED),
        ("http://[64:ff9b:1::1]/", WRAPPED),
        ("http://[64:ff9b::808:808]/", "sent"),
        ("http://[2002:7f00:1::]/", WRAPPED),
        ("http://[::127.0.0.1]/", SPECIAL),
        ("http://[2001:0:7f00:1::]/", SPECIAL),
        ("http://[2001:db8::1]/", SPECIAL),
        ("http://[ff02::1]/", SPECIAL),
        (
            "https://me@example.com/",
            "must not hold a name or a password",
        ),
        (
            "https://me:pass@example.com/",
            "must not hold a name or a password",
        ),
        ("https://example.com/#a", "must not hold a fragment"),
        ("ftp://example.com/", "begins with https:// or http://"),
        ("file:///etc/passwd", "begins with https:// or http://"),
        (
            "example.com",
            "is not an address: relative URL without a base",
        ),
        ("http://", "is not an address: empty host"),
    ] {
        assert_eq!(told(url, &strict), expected, "{url}");
    }
}

#[test]
fn what_is_permitted_is_permitted_and_nothing_beside_it() {
    let own = policy(true, &[]);
    assert_eq!(told("http://127.0.0.1:9/", &own), "sent");
    assert_eq!(told("http://[::1]/", &own), "sent");
    assert_eq!(told("http://localhost/", &own), "sent");
    assert_eq!(told("http://[::ffff:127.0.0.1]/", &own), "sent");
    assert_eq!(told("http://[64:ff9b::7f00:1]/", &own), WRAPPED);
    assert_eq!(told("http://10.0.0.1/", &own), PRIVATE);
    let some = policy(false, &["10.1.0.0/16", "fd00:1::/32", "192.168.7.7"]);
    assert_eq!(told("http://10.1.255.1/", &some), "sent");
    assert_eq!(told("http://10.2.0.1/", &some), PRIVATE);
    assert_eq!(told("http://[fd00:1:2::3]/", &some), "sent");
    assert_eq!(told("http://[fd00:2::3]/", &some), PRIVATE);
    assert_eq!(told("http://192.168.7.7/", &some), "sent");
    assert_eq!(told("http://192.168.7.8/", &some), PRIVATE);
    assert_eq!(told("http://127.0.0.1/", &some), LOOPBACK);
}

#[test]
fn a_network_is_an_address_and_its_bits() {
    for wrong in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "a/8", "10.0.0.0/x"] {
        assert!(wrong.parse::<Network>().is_err(), "{wrong}");
    }
    let all: Network = "0.0.0.0/0".parse().unwrap();
    assert!(all.holds("10.0.0.1".parse().unwrap()));
    assert!(!all.holds("::1".parse().unwrap()));
}

#[test]
fn the_endpoint_shows_neither_path_nor_query() {
    let target = Target::read(
        "https://Hooks.Example.com:8443/services/T0/secret?token=secret",
        &AddressPolicy::default(),
    );
    assert_eq!(target.unwrap().endpoint(), "https://hooks.example.com:8443");
}
