use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{Org, org, standard};
use crate::WorldKind;
use crate::mechanism::Mechanism;

/// Returns the share of days of people, after two weeks, on which the person has an address for the first time.
fn new_addresses(org: &Org, is_such: impl Fn(&str) -> bool) -> f64 {
    let mut seen = HashSet::new();
    let (mut days, mut firsts) = (BTreeSet::new(), BTreeSet::new());
    for (day, event) in org.people() {
        let new = seen.insert((event.user_id(), event.session.ip.as_str()));
        if day >= 14 {
            days.insert((event.user_id(), day));
            if new && is_such(&event.session.ip) {
                firsts.insert((event.user_id(), day));
            }
        }
    }
    firsts.len() as f64 / days.len() as f64
}

#[test]
fn phones_have_another_address_each_time() {
    let is_pool = |ip: &str| ip.starts_with("100.");
    let roaming = new_addresses(&org(WorldKind::Roaming, Mechanism::Phones), is_pool);
    let usual = new_addresses(&standard(), is_pool);
    assert!(roaming > 0.3 && usual < 0.08, "{roaming}, {usual}");
}

#[test]
fn everybody_shares_the_vpn() {
    let org = org(WorldKind::Roaming, Mechanism::Vpn);
    let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (_, event) in org.people().filter(|(_, event)| event.session.ip.starts_with("198.18.230.")) {
        users.entry(&event.session.ip).or_default().insert(event.user_id());
    }
    assert!((2..=12).contains(&users.len()));
    assert!(users.values().all(|users| users.len() > 8), "{users:?}");
}

#[test]
fn private_addresses_change_daily_within_their_prefix() {
    let org = org(WorldKind::Roaming, Mechanism::Ipv6);
    let mut suffixes: BTreeMap<(&str, String), BTreeSet<&str>> = BTreeMap::new();
    for (_, event) in org.people().filter(|(_, event)| event.session.ip.matches(':').count() == 7) {
        let prefix = event.session.ip.split(':').take(4).collect::<Vec<_>>().join(":");
        assert!(event.session.ip.parse::<std::net::Ipv6Addr>().is_ok());
        suffixes.entry((event.user_id(), prefix)).or_default().insert(&event.session.ip);
    }
    assert!(suffixes.values().filter(|ips| ips.len() > 8).count() > 5, "{suffixes:?}");
}

#[test]
fn sessions_alternate_between_both_stacks() {
    let both = |org: &Org| {
        let mut stacks: BTreeMap<&str, BTreeSet<bool>> = BTreeMap::new();
        for (_, event) in org.people().filter(|(_, event)| !event.session.ip.starts_with("100.")) {
            stacks.entry(&event.session.session_key).or_default().insert(event.session.ip.contains(':'));
        }
        stacks.values().filter(|stacks| stacks.len() == 2).count() as f64 / stacks.len() as f64
    };
    let (roaming, usual) = (both(&org(WorldKind::Roaming, Mechanism::DualStack)), both(&standard()));
    assert!(roaming > 0.1 && usual < 0.02, "{roaming}, {usual}");
}

#[test]
fn people_roam() {
    let away = |org: &Org| {
        let abroad = |ip: &str| {
            ["203.0.113.", "192.0.2.", "198.51.100.", "198.18.200.", "198.18.201."]
                .iter()
                .any(|net| ip.starts_with(net))
        };
        let days: BTreeSet<(&str, u32)> = org
            .people()
            .filter(|(_, event)| abroad(&event.session.ip))
            .map(|(day, event)| (event.user_id(), day))
            .collect();
        days.len()
    };
    assert!(new_addresses(&org(WorldKind::Roaming, Mechanism::Roaming), |ip| ip.starts_with("198.19.")) > 0.04);
    assert!(new_addresses(&standard(), |ip| ip.starts_with("198.19.")) < 0.03);
    assert!(away(&org(WorldKind::Roaming, Mechanism::Roaming)) > 20);
}
