//! Lists of networks that hide where somebody is: VPN providers, Tor and hosting. Operators bring them.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use model::{Anonymizer, Text};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// The section `[profile.anonymizers]`: which networks are what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Anonymizers {
    /// Exits of VPN providers.
    pub vpn: NetworkList,
    /// Exits of Tor.
    pub tor: NetworkList,
    /// Networks in which servers are rented.
    pub hosting: NetworkList,
    /// The org's own exits, such as its VPN: no network at all, whatever the other lists say.
    pub own: NetworkList,
}

/// A list of networks: in CIDR notation (`203.0.113.0/24`, `2001:db8::/32`), single addresses, or autonomous systems
/// (`AS64500`). Clones share it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkList(Arc<Listed>);

#[derive(Debug, Default, PartialEq)]
struct Listed {
    /// As they are written.
    texts: Vec<Text>,
    /// Those that are no networks.
    invalid: Vec<Text>,
    /// In ascending order and without overlaps.
    v4: Vec<Ipv4Net>,
    v6: Vec<Ipv6Net>,
    systems: Vec<u32>,
}

impl Anonymizers {
    /// Returns the kind of anonymizer that an address or its autonomous system is listed as; Tor before VPN before hosting.
    pub(crate) fn kind_of(&self, address: IpAddr, system: Option<u32>) -> Option<Anonymizer> {
        let lists = [(&self.tor, Anonymizer::Tor), (&self.vpn, Anonymizer::Vpn), (&self.hosting, Anonymizer::Hosting)];
        lists.into_iter().find(|(list, _)| list.contains(address, system)).map(|(_, kind)| kind)
    }

    /// Returns each list with its key below `profile.anonymizers.`.
    pub(crate) fn lists(&self) -> [(&'static str, &NetworkList); 4] {
        [("vpn", &self.vpn), ("tor", &self.tor), ("hosting", &self.hosting), ("own", &self.own)]
    }
}

impl NetworkList {
    /// Reads a list. Entries that are no networks match nothing, and [`NetworkList::invalid`] returns them.
    pub fn new(texts: Vec<Text>) -> Self {
        let mut listed = Listed::default();
        for text in &texts {
            match Entry::parse(text) {
                Some(Entry::V4(net)) => listed.v4.push(net),
                Some(Entry::V6(net)) => listed.v6.push(net),
                Some(Entry::System(number)) => listed.systems.push(number),
                None => listed.invalid.push(text.clone()),
            }
        }
        (listed.v4, listed.v6) = (Ipv4Net::aggregate(&listed.v4), Ipv6Net::aggregate(&listed.v6));
        listed.v4.sort_unstable();
        listed.v6.sort_unstable();
        listed.systems.sort_unstable();
        Self(Arc::new(Listed { texts, ..listed }))
    }

    /// Returns the entries that are no networks.
    pub fn invalid(&self) -> &[Text] {
        &self.0.invalid
    }

    /// Whether an address or its autonomous system is listed.
    pub(crate) fn contains(&self, address: IpAddr, system: Option<u32>) -> bool {
        let listed = &*self.0;
        system.is_some_and(|system| listed.systems.binary_search(&system).is_ok())
            || match address.to_canonical() {
                IpAddr::V4(v4) => has_v4(&listed.v4, v4),
                IpAddr::V6(v6) => has_v6(&listed.v6, v6),
            }
    }
}

/// An entry of a list.
enum Entry {
    V4(Ipv4Net),
    V6(Ipv6Net),
    System(u32),
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        if let Some(number) = text.strip_prefix("AS").or_else(|| text.strip_prefix("as")) {
            return number.parse().ok().map(Self::System);
        }
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        match net.ok()? {
            IpNet::V4(net) => Some(Self::V4(net.trunc())),
            IpNet::V6(net) => Some(Self::of_v6(net.trunc())),
        }
    }

    /// Returns a network of IPv6; one of IPv4 in the form of IPv6 (`::ffff:203.0.113.0/120`) as that of IPv4, since addresses
    /// are looked up so.
    fn of_v6(net: Ipv6Net) -> Self {
        let mapped = net.network().to_ipv4_mapped().zip(net.prefix_len().checked_sub(96));
        let v4 = mapped.and_then(|(base, length)| Ipv4Net::new(base, length).ok());
        v4.map_or(Self::V6(net), Self::V4)
    }
}

/// Finds the last network that begins at the address or before: as none overlaps another one, no other can hold it.
fn has_v4(nets: &[Ipv4Net], address: Ipv4Addr) -> bool {
    let after = nets.partition_point(|net| net.network() <= address);
    after.checked_sub(1).and_then(|last| nets.get(last)).is_some_and(|net| net.contains(&address))
}

fn has_v6(nets: &[Ipv6Net], address: Ipv6Addr) -> bool {
    let after = nets.partition_point(|net| net.network() <= address);
    after.checked_sub(1).and_then(|last| nets.get(last)).is_some_and(|net| net.contains(&address))
}

impl Serialize for NetworkList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.texts.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for NetworkList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Text>::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(texts: &[&str]) -> NetworkList {
        NetworkList::new(texts.iter().map(|text| Text::from(*text)).collect())
    }

    fn is_in(list: &NetworkList, address: &str) -> bool {
        list.contains(address.parse().unwrap(), None)
    }

    #[test]
    fn networks_addresses_and_systems_are_found() {
        let list = list(&[
            "203.0.113.0/25",
            "198.51.100.7",
            "2001:db8::/32",
            "AS64500",
            "192.0.2.9/24",
            "::ffff:10.1.0.0/112",
            "::ffff:10.3.0.1",
        ]);
        assert_eq!(list.invalid(), [""; 0]);
        let check = |address, expect| assert_eq!(is_in(&list, address), expect, "{address}");
        check("203.0.113.127", true);
        check("203.0.113.128", false);
        check("198.51.100.7", true);
        check("198.51.100.8", false);
        check("2001:db8:ffff::1", true);
        check("2001:db9::1", false);
        check("::ffff:203.0.113.1", true);
        check("192.0.2.200", true);
        check("10.1.255.255", true);
        check("::ffff:10.1.0.9", true);
        check("10.2.0.0", false);
        check("10.3.0.1", true);
        check("10.3.0.2", false);
        assert!(list.contains("8.8.8.8".parse().unwrap(), Some(64_500)));
        assert!(!list.contains("8.8.8.8".parse().unwrap(), Some(64_501)));
    }

    #[test]
    fn what_is_no_network_is_named() {
        assert_eq!(
            list(&["203.0.113.0/33", "AS", "example.com", "10.0.0.0/8"]).invalid(),
            ["203.0.113.0/33", "AS", "example.com"]
        );
    }

    #[test]
    fn a_kind_that_says_more_comes_first() {
        let anonymizers = Anonymizers {
            hosting: list(&["203.0.113.0/24", "AS64500"]),
            tor: list(&["203.0.113.9"]),
            ..Anonymizers::default()
        };
        let kind = |address: &str, system| anonymizers.kind_of(address.parse().unwrap(), system);
        assert_eq!(kind("203.0.113.9", None), Some(Anonymizer::Tor));
        assert_eq!(kind("203.0.113.10", None), Some(Anonymizer::Hosting));
        assert_eq!(kind("198.51.100.1", Some(64_500)), Some(Anonymizer::Hosting));
        assert_eq!(kind("198.51.100.1", None), None);
    }

    proptest! {
        #[test]
        fn an_address_is_in_a_list_if_it_is_in_an_entry(
            nets in prop::collection::vec((any::<u32>(), 4u8..=32), 0..40),
            address in any::<u32>(),
        ) {
            let nets: Vec<Ipv4Net> = nets.iter().map(|(base, len)| Ipv4Net::new((*base).into(), *len).unwrap()).collect();
            let list = NetworkList::new(nets.iter().map(|net| Text::from(net.to_string())).collect());
            let address = Ipv4Addr::from(address);
            prop_assert_eq!(list.contains(address.into(), None), nets.iter().any(|net| net.contains(&address)));
            for net in &nets {
                prop_assert!(list.contains(net.network().into(), None) && list.contains(net.broadcast().into(), None));
            }
        }
    }
}
