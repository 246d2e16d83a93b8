//! Sessions of clients that use IPv4 and IPv6.

use super::copies::tomorrow;
use super::*;
use model::Feature;
use std::net::IpAddr;

/// Opens pages from `addresses`, in one session and one after the other. Returns how often the session is said to move.
fn moves(addresses: &[&str]) -> usize {
    let mut org = small_org();
    let mut out = Vec::new();
    for (n, address) in (9_000..).zip(addresses) {
        let address: IpAddr = address.parse().unwrap();
        org.observe(
            &Activity { source_ip: Some(SourceIp::Address(address)), ..tomorrow(n, Kind::LightningUri) },
            &mut out,
        );
    }
    let features = out.iter().flat_map(|observation| &observation.features);
    features.filter(|feature| matches!(feature, Feature::Session(_))).count()
}

/// The account's usual network, and networks that it has never used.
const USUAL: &str = "198.51.100.9";
const OTHER: &str = "203.0.113.7";
const WIDE: &str = "2001:db8:77::1";
const OTHER_WIDE: &str = "2001:db8:99::1";

#[test]
fn a_client_with_both_protocols_is_one_place() {
    assert_eq!(moves(&[USUAL, WIDE, USUAL, WIDE, "2001:db8:77::9", USUAL]), 1, "only to the network that is new");
}

#[test]
fn a_network_that_the_account_has_never_used_is_another_place() {
    assert_eq!(moves(&[USUAL, OTHER]), 1);
    assert_eq!(moves(&[USUAL, OTHER_WIDE]), 1);
    assert_eq!(moves(&[USUAL, WIDE, USUAL, OTHER_WIDE]), 2);
    assert_eq!(moves(&[USUAL, WIDE, OTHER]), 2);
    assert_eq!(moves(&[USUAL, OTHER, USUAL]), 2, "of the same protocol");
}
