//! Which findings a decision is about.

use crate::{Finding, Text, Timestamp, UserClass};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A set of findings: those that agree with every key that is given. A list agrees with any of its values.
///
/// A finding that does not say what a key asks for, such as the client of a closed day, does not agree with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// Classes of accounts.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub classes: BTreeSet<UserClass>,
    /// Detectors.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub detectors: BTreeSet<Text>,
    /// API names of objects: all that the finding names are among them.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub objects: BTreeSet<Text>,
    /// Ids or names of reports, list views, files or pages.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub resources: BTreeSet<Text>,
    /// Networks: all addresses of the finding are in them.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub networks: BTreeSet<Network>,
    /// Types of clients, such as "Chrome on macOS".
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub clients: BTreeSet<Text>,
    /// Connected apps.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub apps: BTreeSet<Text>,
    /// Hours of the day in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
}

/// What is expected of an integration; a list that is empty says nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Allowlist {
    /// Hours of the day in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// Networks that it comes from.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub networks: BTreeSet<Network>,
    /// Types of clients.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub clients: BTreeSet<Text>,
    /// API names of the objects that it reads.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub objects: BTreeSet<Text>,
    /// The most rows that it reads in a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_rows: Option<u64>,
}

/// Hours of the day, from the start of the first to the end of the last; `22-5` passes midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hours {
    /// The first hour, 0 to 23.
    pub first: u8,
    /// The last hour, 0 to 23.
    pub last: u8,
}

/// A range of addresses, written as CIDR: `203.0.113.0/24`. An address alone is the range of that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Scope {
    /// Whether it has no key, and so holds every finding of its accounts.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a finding is in the scope.
    pub fn holds(&self, finding: &Finding) -> bool {
        let one = |keys: &BTreeSet<Text>, value: Option<&Text>| {
            keys.is_empty() || value.is_some_and(|value| keys.contains(value))
        };
        let is_resource = || {
            self.resources.is_empty()
                || [&finding.resource_id, &finding.resource_name]
                    .into_iter()
                    .flatten()
                    .any(|name| self.resources.contains(name))
        };
        (self.classes.is_empty() || self.classes.contains(&finding.user_class))
            && one(&self.detectors, Some(&finding.detector))
            && all(&self.objects, &finding.objects, |objects, object| objects.contains(object))
            && is_resource()
            && all(&self.networks, &finding.addresses, is_within)
            && one(&self.clients, finding.client.as_ref())
            && one(&self.apps, finding.app.as_ref())
            && self.hours.is_none_or(|hours| hours.hold(finding.observed_at))
    }
}

impl Allowlist {
    /// Whether a finding is known to fit in all that the list names. One that says nothing of it, such as a closed day
    /// of the network, could be what the list does not expect: it is neither within nor outside.
    pub fn expects(&self, finding: &Finding) -> bool {
        let named: Vec<Fit> = self.fits(finding).into_iter().filter_map(|(_, fit)| fit).collect();
        !named.is_empty() && named.iter().all(|fit| *fit == Fit::Within)
    }

    /// Returns what about a finding is not expected, in the words of the list's keys; empty if nothing is known to be.
    /// What a finding does not say is no reason.
    pub fn unexpected(&self, finding: &Finding) -> Vec<&'static str> {
        self.keys(finding, Fit::Outside)
    }

    /// Returns of what the list names and a finding says nothing, in the words of the list's keys.
    pub fn unsaid(&self, finding: &Finding) -> Vec<&'static str> {
        self.keys(finding, Fit::Unknown)
    }

    fn keys(&self, finding: &Finding, fit: Fit) -> Vec<&'static str> {
        self.fits(finding).into_iter().filter(|(_, found)| *found == Some(fit)).map(|(key, _)| key).collect()
    }

    /// Returns how a finding fits each key; `None` if the list does not name it.
    fn fits(&self, finding: &Finding) -> [(&'static str, Option<Fit>); 5] {
        let rows = finding.measures.iter().find(|measure| measure.name == "rows").map(|measure| measure.value);
        let among = |is_named: bool, values: usize, is_within: &dyn Fn() -> bool| {
            is_named.then(|| if values == 0 { Fit::Unknown } else { Fit::of(is_within()) })
        };
        let within = || finding.addresses.iter().all(|address| is_within(&self.networks, address));
        let known = || finding.client.as_ref().is_some_and(|client| self.clients.contains(client));
        let listed = || finding.objects.iter().all(|object| self.objects.contains(object));
        let clients = usize::from(finding.client.is_some());
        [
            ("hours", self.hours.map(|hours| Fit::of(hours.hold(finding.observed_at)))),
            ("networks", among(!self.networks.is_empty(), finding.addresses.len(), &within)),
            ("clients", among(!self.clients.is_empty(), clients, &known)),
            ("objects", among(!self.objects.is_empty(), finding.objects.len(), &listed)),
            ("most_rows", self.most_rows.map(|most| rows.map_or(Fit::Unknown, |rows| Fit::of(rows <= most as f64)))),
        ]
    }
}

/// How a finding fits what an allowlist names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Within,
    Outside,
    /// The finding says nothing of it.
    Unknown,
}

impl Fit {
    fn of(is_within: bool) -> Self {
        if is_within { Self::Within } else { Self::Outside }
    }
}

/// Whether there is a value and every one is among the keys; true without keys.
fn all<K, V>(keys: &BTreeSet<K>, values: &[V], is_among: impl Fn(&BTreeSet<K>, &V) -> bool) -> bool {
    keys.is_empty() || (!values.is_empty() && values.iter().all(|value| is_among(keys, value)))
}

fn is_within(networks: &BTreeSet<Network>, address: &Text) -> bool {
    address.parse().is_ok_and(|address| networks.iter().any(|network| network.contains(address)))
}

impl Hours {
    /// Whether a time is within the hours, in UTC.
    pub fn hold(self, at: Timestamp) -> bool {
        let hour = at.0.div_euclid(crate::time::HOUR).rem_euclid(24) as u8;
        if self.first <= self.last {
            (self.first..=self.last).contains(&hour)
        } else {
            hour >= self.first || hour <= self.last
        }
    }

    /// Reads `8-17`; `None` if it is not two hours from 0 to 23.
    pub fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        let hour = |text: &str| text.trim().parse().ok().filter(|hour| *hour < 24);
        Some(Self { first: hour(first)?, last: hour(last)? })
    }
}

impl Network {
    /// Reads CIDR or a single address; `None` if it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        (bits <= width).then_some(Self { address, bits })
    }

    /// Whether an address is in the range. An IPv4 address in the form of IPv6 is that address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let shared = |a: u128, b: u128, width: u32| {
            let rest = width - u32::from(self.bits);
            (a ^ b).checked_shr(rest).unwrap_or_default() == 0
        };
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => shared(u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => shared(a.to_bits(), b.to_bits(), 128),
            _ => false,
        }
    }
}

/// Implements JSON as text for a type with `parse` and `Display`.
macro_rules! as_text {
    ($type:ident, $what:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| D::Error::custom(format!(concat!("not ", $what, ": {:?}"), text)))
            }
        }
    };
}
as_text!(Hours, "hours such as 8-17");
as_text!(Network, "a network such as 203.0.113.0/24");

impl std::fmt::Display for Hours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::HOUR;
    use crate::{Finding, Measure, OrgId};
    use proptest::prelude::*;

    fn finding() -> Finding {
        let at = Timestamp(0);
        let unseen =
            crate::operational::Unseen { subject: "", since: at, noticed: at, score: 8.0, summary: String::new() };
        let mut finding = unseen.finding(&OrgId::new("00D000000000001AAA"), 1, at);
        finding.detector = "row_spike".into();
        finding.objects = vec!["Contact".into(), "Lead".into()];
        finding.addresses = vec!["203.0.113.7".into()];
        finding.client = Some("Chrome on macOS".into());
        finding.resource_name = Some("All contacts".into());
        finding.observed_at = Timestamp(23 * HOUR);
        finding.measures = vec![Measure { name: "rows".into(), value: 500.0 }];
        finding
    }

    fn scope(json: &str) -> Scope {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_scope_holds_what_agrees_with_every_key() {
        let holds = |json: &str| scope(json).holds(&finding());
        for json in [
            "{}",
            r#"{"detectors":["row_spike","new_access"],"objects":["Contact","Lead","Case"]}"#,
            r#"{"resources":["All contacts"],"clients":["Chrome on macOS"]}"#,
            r#"{"networks":["203.0.113.0/24","198.51.100.1"],"hours":"22-5"}"#,
        ] {
            assert!(holds(json), "{json}");
        }
        for json in [
            r#"{"detectors":["new_access"]}"#,
            r#"{"objects":["Contact"]}"#,
            r#"{"apps":["Data Loader"]}"#,
            r#"{"networks":["203.0.113.8"]}"#,
            r#"{"hours":"8-17"}"#,
            r#"{"classes":["guest"]}"#,
        ] {
            assert!(!holds(json), "{json}");
        }
        assert!(scope("{}").is_everything() && !scope(r#"{"hours":"8-17"}"#).is_everything());
    }

    #[test]
    fn an_allowlist_names_what_is_not_expected() {
        let unexpected = |json: &str| serde_json::from_str::<Allowlist>(json).unwrap().unexpected(&finding());
        assert_eq!(unexpected(r#"{"hours":"20-23","networks":["203.0.113.0/24"],"most_rows":500}"#), [""; 0]);
        let narrow =
            r#"{"hours":"1-4","networks":["198.51.100.0/24"],"clients":["curl"],"objects":["Lead"],"most_rows":499}"#;
        assert_eq!(unexpected(narrow), ["hours", "networks", "clients", "objects", "most_rows"]);
    }

    #[test]
    fn what_cannot_be_checked_is_neither_expected_nor_unexpected() {
        let list = |json: &str| serde_json::from_str::<Allowlist>(json).unwrap();
        let of_day = Finding { addresses: vec![], client: None, ..finding() };
        let networks = list(r#"{"networks":["203.0.113.0/24"]}"#);
        assert!(networks.expects(&finding()));
        assert_eq!((networks.expects(&of_day), networks.unexpected(&of_day)), (false, vec![]));
        // Its objects are known to fit, but not where it came from.
        let both = list(r#"{"networks":["203.0.113.0/24"],"objects":["Contact","Lead"]}"#);
        assert_eq!((both.expects(&of_day), both.unsaid(&of_day)), (false, vec!["networks"]));
        assert!(both.expects(&finding()) && list(r#"{"objects":["Contact","Lead"],"most_rows":500}"#).expects(&of_day));
        assert!(!list("{}").expects(&finding()), "what names nothing expects nothing");
    }

    fn any_finding() -> impl Strategy<Value = Finding> {
        let addresses = prop::collection::vec(prop::sample::select(vec!["203.0.113.7", "198.51.100.1", "?"]), 0..3);
        let client = prop::option::of(prop::sample::select(vec!["curl", "Chrome on macOS"]));
        let objects = prop::collection::vec(prop::sample::select(vec!["Contact", "Lead", "Case"]), 0..3);
        (addresses, client, objects, 0i64..24, prop::option::of(0.0f64..900.0)).prop_map(
            |(addresses, client, objects, hour, rows)| Finding {
                addresses: addresses.into_iter().map(Text::from).collect(),
                client: client.map(Text::from),
                objects: objects.into_iter().map(Text::from).collect(),
                observed_at: Timestamp(hour * HOUR),
                measures: rows.map(|value| Measure { name: "rows".into(), value }).into_iter().collect(),
                ..finding()
            },
        )
    }

    fn any_allowlist() -> impl Strategy<Value = Allowlist> {
        let hours = prop::option::of((0u8..24, 0u8..24).prop_map(|(first, last)| Hours { first, last }));
        let networks = prop::collection::btree_set(prop::sample::select(vec!["203.0.113.0/24", "0.0.0.0/0"]), 0..2);
        let clients = prop::collection::btree_set(Just(Text::from("curl")), 0..2);
        let objects = prop::collection::btree_set(prop::sample::select(vec!["Contact", "Lead"]), 0..3);
        (hours, networks, clients, objects, prop::option::of(0u64..900)).prop_map(
            |(hours, networks, clients, objects, most_rows)| Allowlist {
                hours,
                networks: networks.into_iter().map(|network| Network::parse(network).unwrap()).collect(),
                clients,
                objects: objects.into_iter().map(Text::from).collect(),
                most_rows,
            },
        )
    }

    proptest! {
        #[test]
        fn nothing_is_hidden_that_cannot_be_checked(list in any_allowlist(), finding in any_finding()) {
            let (outside, unsaid) = (list.unexpected(&finding), list.unsaid(&finding));
            let names_something = list != Allowlist::default();
            prop_assert_eq!(list.expects(&finding), names_something && outside.is_empty() && unsaid.is_empty());
            // Naming one thing more never hides more.
            let wider = Allowlist { networks: [].into(), ..list.clone() };
            prop_assert!(wider == Allowlist::default() || !list.expects(&finding) || wider.expects(&finding));
            // A finding that loses its address is not hidden by a list that names networks.
            let silent = Finding { addresses: vec![], ..finding };
            prop_assert!(list.networks.is_empty() || !list.expects(&silent));
        }
    }

    #[test]
    fn networks_are_read_and_compared() {
        let holds = |network: &str, address: &str| Network::parse(network).unwrap().contains(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("0.0.0.0/0", "192.0.2.1") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("2001:db8::/32", "2001:db8:1::7") && holds("::/0", "2001:db8::1"));
        assert!(holds("192.0.2.1", "::ffff:192.0.2.1"), "IPv4 in the form of IPv6");
        for text in ["", "10.0.0.0/33", "10.0.0.0/x", "office", "2001:db8::/129"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
        assert_eq!(
            [Hours::parse("22-5").is_some(), Hours::parse("8-24").is_some(), Hours::parse("8").is_some()],
            [true, false, false]
        );
    }
}
