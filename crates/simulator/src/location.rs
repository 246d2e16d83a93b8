//! Locations, network addresses, browsers and programs.
//!
//! All addresses are from ranges reserved for benchmarks (RFC 2544), documentation (RFC 5737, RFC 3849) and carriers'
//! networks (RFC 6598).

use crate::dice::mix;

/// A place on earth, as login events describe it.
#[derive(Debug, PartialEq)]
pub(crate) struct Location {
    pub(crate) country: &'static str,
    pub(crate) iso: &'static str,
    pub(crate) subdivision: &'static str,
    pub(crate) city: &'static str,
    pub(crate) postal_code: &'static str,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
    /// Minutes east of UTC.
    pub(crate) zone: i64,
    /// The first three bytes of the addresses of the location.
    office: &'static str,
}

const fn location(
    names: [&'static str; 5],
    latitude: f64,
    longitude: f64,
    zone: i64,
    office: &'static str,
) -> Location {
    let [country, iso, subdivision, city, postal_code] = names;
    Location { country, iso, subdivision, city, postal_code, latitude, longitude, zone, office }
}

/// Locations of the org's offices.
pub(crate) static OFFICES: [Location; 6] = [
    location(["United States", "US", "California", "San Francisco", "94105"], 37.7898, -122.3942, -480, "198.18.250"),
    location(["United States", "US", "Illinois", "Chicago", "60606"], 41.8827, -87.6372, -360, "198.18.251"),
    location(["United Kingdom", "GB", "England", "London", "EC2A"], 51.5237, -0.0831, 0, "198.18.252"),
    location(["Ireland", "IE", "Leinster", "Dublin", "D02"], 53.3389, -6.2595, 0, "198.18.253"),
    location(["Germany", "DE", "Berlin", "Berlin", "10117"], 52.5170, 13.3889, 60, "198.18.254"),
    location(["India", "IN", "Karnataka", "Bengaluru", "560001"], 12.9758, 77.6045, 330, "198.18.255"),
];

/// Locations to which people travel, and where attackers rent machines.
pub(crate) static ABROAD: [Location; 5] = [
    location(["Netherlands", "NL", "North Holland", "Amsterdam", "1012"], 52.3740, 4.8897, 60, "203.0.113"),
    location(["Spain", "ES", "Catalonia", "Barcelona", "08001"], 41.3797, 2.1682, 60, "192.0.2"),
    location(["Singapore", "SG", "Singapore", "Singapore", "018989"], 1.2831, 103.8513, 480, "198.51.100"),
    location(["Romania", "RO", "Bucharest", "Bucharest", "010011"], 44.4396, 26.0963, 120, "198.18.200"),
    location(["Brazil", "BR", "Sao Paulo", "Sao Paulo", "01310"], -23.5614, -46.6559, -180, "198.18.201"),
];

/// Regions of cloud providers, where programs of strangers run.
pub(crate) static CLOUDS: [Location; 2] = [
    location(["United States", "US", "Virginia", "Ashburn", "20147"], 39.0438, -77.4874, -300, "198.18.210"),
    location(["Germany", "DE", "Hesse", "Frankfurt", "60313"], 50.1109, 8.6821, 60, "198.18.211"),
];

impl Location {
    /// Returns one of the four addresses that an office shares.
    pub(crate) fn office_ip(&self, number: u64) -> String {
        format!("{}.{}", self.office, 20 + number % 4)
    }

    /// Returns the address of a hotel or a rented machine.
    pub(crate) fn rented_ip(&self, number: u64) -> String {
        format!("{}.{}", self.office, 2 + mix(number) % 250)
    }
}

/// Returns the fixed address of a home.
pub(crate) fn home_ip(number: u64) -> String {
    let bits = mix(number);
    format!("198.19.{}.{}", bits >> 8 & 255, 1 + (bits >> 16 & 255) % 254)
}

/// Returns an address of a mobile carrier, which changes with `time`. The carrier of every fifth user has IPv6.
pub(crate) fn mobile_ip(user: u64, time: u64) -> String {
    let bits = mix(user);
    let moment = mix(time);
    if bits.is_multiple_of(5) {
        return format!("2001:db8:{:x}:{:x}::{:x}", bits >> 48, moment >> 48, moment >> 32 & 0xffff);
    }
    format!("100.{}.{}.{}", 64 + bits % 64, moment & 255, 1 + (moment >> 8 & 255) % 254)
}

/// A browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Browser {
    Chrome,
    Edge,
    Firefox,
    Safari,
}

/// An operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    Windows,
    Mac,
}

/// A client program, as events describe it.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) user_agent: String,
    /// `LoginEvent.Browser`.
    pub(crate) browser: String,
    pub(crate) platform: &'static str,
}

/// Days between browser releases: four weeks, as for Chrome and Firefox.
pub(crate) const UPGRADE_EVERY: u32 = 28;
/// Day of the first release. A choice.
pub(crate) const UPGRADE_OFFSET: u32 = 10;

/// Returns a person's browser on a day. `stagger` spreads each upgrade over a week.
pub(crate) fn browser(browser: Browser, system: System, day: u32, stagger: u32) -> Client {
    let age = (day + UPGRADE_EVERY).saturating_sub(UPGRADE_OFFSET + stagger % 7) / UPGRADE_EVERY;
    let (platform, os) = match system {
        System::Windows => ("Windows 11", "Windows NT 10.0; Win64; x64"),
        System::Mac => ("Mac OSX", "Macintosh; Intel Mac OS X 10_15_7"),
    };
    let (user_agent, name) = match browser {
        Browser::Chrome => {
            let version = 142 + age;
            (
                format!(
                    "Mozilla/5.0 ({os}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
                ),
                format!("Chrome {version}"),
            )
        }
        Browser::Edge => {
            let version = 142 + age;
            (
                format!(
                    "Mozilla/5.0 ({os}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36 Edg/{version}.0.0.0"
                ),
                format!("Edge {version}"),
            )
        }
        Browser::Firefox => {
            let version = 145 + age;
            (
                format!("Mozilla/5.0 ({os}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"),
                format!("Firefox {version}"),
            )
        }
        Browser::Safari => {
            let version = 1 + age / 2;
            (
                format!(
                    "Mozilla/5.0 ({os}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.{version} Safari/605.1.15"
                ),
                format!("Safari 26.{version}"),
            )
        }
    };
    Client { user_agent, browser: name, platform }
}

/// Returns a program that calls the API.
pub(crate) fn program(user_agent: &str) -> Client {
    Client { user_agent: user_agent.to_owned(), browser: "Unknown".to_owned(), platform: "Unknown" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_parse() {
        for number in 0..500_u64 {
            for ip in [
                home_ip(number),
                mobile_ip(number, number * 7),
                OFFICES[0].office_ip(number),
                ABROAD[1].rented_ip(number),
            ] {
                assert!(ip.parse::<std::net::IpAddr>().is_ok(), "{ip}");
            }
        }
        assert_eq!(home_ip(3), home_ip(3));
    }

    #[test]
    fn upgrades_reach_everybody_within_a_week() {
        let version = |day, stagger| browser(Browser::Chrome, System::Mac, day, stagger).browser;
        assert_eq!(version(0, 0), version(UPGRADE_OFFSET - 1, 0));
        assert_ne!(version(UPGRADE_OFFSET - 1, 0), version(UPGRADE_OFFSET, 0));
        assert_eq!(version(UPGRADE_OFFSET - 1, 6), version(UPGRADE_OFFSET, 6));
        assert_eq!(version(UPGRADE_OFFSET + 6, 0), version(UPGRADE_OFFSET + 6, 6));
    }
}
