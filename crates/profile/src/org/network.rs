//! The network of an address.

use super::names;
use model::{Activity, SourceIp, Text};
use std::net::IpAddr;

/// The network of an address: its autonomous system if known, otherwise its prefix, /24 of IPv4 and /48 of IPv6.
///
/// The prefixes are choices: the smallest that is announced on its own in IPv4, and what one site usually gets in IPv6
/// (RFC 6177, section 2).
#[derive(Clone, Copy)]
pub(super) struct Network {
    /// Hash of the network.
    pub(super) key: u64,
    asn: Option<u32>,
    address: IpAddr,
}

impl Network {
    /// Returns the network of an activity; `None` without an address, as for traffic from inside Salesforce.
    pub(super) fn of(activity: &Activity) -> Option<Self> {
        let asn = activity.asn;
        let address = match activity.source_ip.as_ref()? {
            SourceIp::Address(address) => *address,
            SourceIp::Salesforce | SourceIp::Other(_) => return None,
        };
        let mut bytes = [names::NETWORK, 0, 0, 0, 0, 0, 0];
        let [_, rest @ ..] = &mut bytes;
        match (asn, address) {
            (Some(asn), _) => {
                let [a, b, c, d] = asn.to_be_bytes();
                *rest = [255, 255, a, b, c, d];
            }
            (None, IpAddr::V4(v4)) => {
                let [a, b, c, _] = v4.octets();
                *rest = [4, 0, 0, a, b, c];
            }
            (None, IpAddr::V6(v6)) => {
                let [a, b, c, d, e, f, ..] = v6.octets();
                *rest = [a, b, c, d, e, f];
            }
        }
        Some(Self { key: model::id::hash(&bytes), asn, address })
    }

    /// Returns whether this is a prefix of IPv6 and `name` that of one of IPv4, or the other way around. Two autonomous
    /// systems are never twins: both protocols of one place have the same.
    pub(super) fn is_twin_of(self, name: &str) -> bool {
        let is_v4 = name.ends_with("/24");
        self.asn.is_none() && (is_v4 || name.ends_with("/48")) && is_v4 != self.address.is_ipv4()
    }

    /// Names the network: `AS64500`, `198.51.100.0/24`, `2001:db8:1::/48`.
    pub(super) fn name(self) -> Text {
        match (self.asn, self.address) {
            (Some(asn), _) => Text::from(format!("AS{asn}")),
            (None, IpAddr::V4(v4)) => {
                let [a, b, c, _] = v4.octets();
                Text::from(format!("{a}.{b}.{c}.0/24"))
            }
            (None, IpAddr::V6(v6)) => {
                let [a, b, c, ..] = v6.segments();
                Text::from(format!("{a:x}:{b:x}:{c:x}::/48"))
            }
        }
    }
}
