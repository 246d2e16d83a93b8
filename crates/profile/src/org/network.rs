//! The network of an address.

use super::names;
use crate::Anonymizers;
use model::{Activity, Anonymizer, SourceIp, Text};
use std::net::IpAddr;

/// The network of an address: its autonomous system if known, otherwise its prefix, /24 of IPv4 and /64 of IPv6.
///
/// The prefixes are choices: the smallest that is announced on its own in IPv4, and one link in IPv6 (RFC 4291, section
/// 2.5.4), within which a client changes its address daily (RFC 8981).
#[derive(Clone, Copy)]
pub(super) struct Network {
    /// Hash of the network.
    pub(super) key: u64,
    asn: Option<u32>,
    address: IpAddr,
}

impl Network {
    /// Returns the network of an activity; `None` without an address, as for traffic from inside Salesforce, and for an exit
    /// of the org's own.
    pub(super) fn of(activity: &Activity, anonymizers: &Anonymizers) -> Option<Self> {
        let asn = activity.asn;
        let address = match activity.source_ip.as_ref()? {
            SourceIp::Address(address) => *address,
            SourceIp::Salesforce | SourceIp::Other(_) => return None,
        };
        if anonymizers.own.contains(address, asn) {
            return None;
        }
        let mut bytes = [names::NETWORK, 0, 0, 0, 0, 0, 0, 0, 0];
        let [_, rest @ ..] = &mut bytes;
        match (asn, address) {
            (Some(asn), _) => {
                let [a, b, c, d] = asn.to_be_bytes();
                *rest = [255, 255, a, b, c, d, 0, 0];
            }
            (None, IpAddr::V4(v4)) => {
                let [a, b, c, _] = v4.octets();
                *rest = [4, 0, 0, a, b, c, 0, 0];
            }
            (None, IpAddr::V6(v6)) => {
                let [a, b, c, d, e, f, g, h, ..] = v6.octets();
                *rest = [a, b, c, d, e, f, g, h];
            }
        }
        // The others were stored before IPv6 had four bytes more.
        let length = if asn.is_none() && address.is_ipv6() { bytes.len() } else { 7 };
        Some(Self { key: model::id::hash(bytes.get(..length).unwrap_or(&bytes)), asn, address })
    }

    /// Returns the kind of anonymizer that the address is listed as.
    pub(super) fn anonymizer(self, anonymizers: &Anonymizers) -> Option<Anonymizer> {
        anonymizers.kind_of(self.address, self.asn)
    }

    /// Returns whether this is a prefix of IPv6 and `name` that of one of IPv4, or the other way around. Two autonomous
    /// systems are never twins: both protocols of one place have the same.
    pub(super) fn is_twin_of(self, name: &str) -> bool {
        let is_v4 = name.ends_with("/24");
        self.asn.is_none() && (is_v4 || name.ends_with("/64")) && is_v4 != self.address.is_ipv4()
    }

    /// Names the network: `AS64500`, `198.51.100.0/24`, `2001:db8:1:2::/64`.
    pub(super) fn name(self) -> Text {
        match (self.asn, self.address) {
            (Some(asn), _) => Text::from(format!("AS{asn}")),
            (None, IpAddr::V4(v4)) => {
                let [a, b, c, _] = v4.octets();
                Text::from(format!("{a}.{b}.{c}.0/24"))
            }
            (None, IpAddr::V6(v6)) => {
                let [a, b, c, d, ..] = v6.segments();
                Text::from(format!("{a:x}:{b:x}:{c:x}:{d:x}::/64"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Network;
    use crate::{Anonymizers, NetworkList, Org, Settings};
    use model::time::{DAY, HOUR};
    use model::{
        Activity, Anonymizer, Channel, Feature, Kind, Observation, OrgId, Rarity, SourceIp, Text, Timestamp, UserId,
        Uuid,
    };

    struct World {
        org: Org,
        count: u128,
    }

    impl World {
        /// Returns an org of 20 accounts that worked from one network for 20 days.
        fn new() -> Self {
            let list = |text: &str| NetworkList::new(vec![Text::from(text)]);
            let anonymizers = Anonymizers {
                vpn: list("203.0.113.0/25"),
                tor: list("203.0.113.200"),
                own: list("192.0.2.0/24"),
                ..Anonymizers::default()
            };
            let settings = Settings { anonymizers, ..Settings::default() };
            let mut world = Self { org: Org::new(OrgId::new("00Dhn0000018hrcEAA"), &settings).unwrap(), count: 0 };
            for day in 0..20 {
                (0..20).for_each(|user| drop(world.at(day, user, [198, 51, 100, 7])));
            }
            world
        }

        fn at(&mut self, day: i64, user: u32, address: [u8; 4]) -> Vec<Rarity> {
            self.count += 1;
            let (id, org) = (Uuid::from_u128(self.count), self.org.id().clone());
            let at = Timestamp::parse("2026-01-05").unwrap().plus(day * DAY + 9 * HOUR + self.count as i64);
            let user = UserId::new(&format!("user{user}"));
            let mut activity = Activity::new(id, org, user, at, Channel::Stored, Kind::ListView);
            activity.source_ip = Some(SourceIp::Address(address.into()));
            let mut out: Vec<Observation> = Vec::new();
            self.org.observe(&activity, &mut out);
            let features = out.into_iter().flat_map(|observation| observation.features);
            features
                .filter_map(|feature| if let Feature::Network(rarity) = feature { Some(rarity) } else { None })
                .collect()
        }

        fn kind(&mut self, day: i64, user: u32, address: [u8; 4]) -> Option<(Anonymizer, bool)> {
            let rarity = self.at(day, user, address).pop().unwrap();
            rarity.anonymizer.map(|anonymizer| (anonymizer.kind, anonymizer.seen > 0.0))
        }
    }

    #[test]
    fn listed_networks_are_marked_and_known_by_their_kind_later() {
        let mut world = World::new();
        assert_eq!(world.kind(20, 1, [203, 0, 113, 7]), Some((Anonymizer::Vpn, false)));
        assert_eq!(world.kind(20, 2, [203, 0, 113, 200]), Some((Anonymizer::Tor, false)));
        assert_eq!(world.kind(20, 3, [203, 0, 113, 150]), None);
        assert_eq!(world.kind(21, 1, [203, 0, 113, 7]), Some((Anonymizer::Vpn, true)));
    }

    #[test]
    fn the_orgs_own_exits_are_no_networks() {
        let mut world = World::new();
        assert_eq!(world.at(20, 1, [192, 0, 2, 9]), []);
        assert_eq!(world.at(20, 1, [192, 0, 3, 9]).len(), 1);
    }

    #[test]
    fn the_share_of_accounts_that_use_the_kind_is_known() {
        let mut world = World::new();
        for day in 20..22 {
            (0..10).for_each(|user| drop(world.at(day, user, [203, 0, 113, 7])));
        }
        let rarity = world.at(22, 15, [203, 0, 113, 7]).pop().unwrap();
        assert!(rarity.anonymizer.unwrap().peer_share > 0.4, "{rarity:?}");
    }

    fn network(address: &str) -> Network {
        let (org, user) = (OrgId::new("00Dhn0000018hrcEAA"), UserId::new("emma"));
        let mut activity = Activity::new(Uuid::from_u128(1), org, user, Timestamp(0), Channel::Stream, Kind::ListView);
        activity.source_ip = Some(SourceIp::Address(address.parse().unwrap()));
        Network::of(&activity, &Anonymizers::default()).unwrap()
    }

    #[test]
    fn a_link_of_ipv6_is_one_network_and_the_next_is_another() {
        let [home, tomorrow, neighbor] =
            ["2001:db8:1:2:aaaa::1", "2001:db8:1:2:bbbb::9", "2001:db8:1:3::1"].map(network);
        assert_eq!((home.key, home.name().as_str()), (tomorrow.key, "2001:db8:1:2::/64"));
        assert_ne!(home.key, neighbor.key);
    }

    #[test]
    fn both_protocols_of_one_place_are_twins() {
        let (old, new) = (network("198.51.100.7"), network("2001:db8:1:2::1"));
        assert!(old.is_twin_of(&new.name()) && new.is_twin_of(&old.name()));
        assert!(
            !old.is_twin_of("203.0.113.0/24") && !new.is_twin_of("2001:db8:9:9::/64") && !new.is_twin_of("AS64500")
        );
    }
}
