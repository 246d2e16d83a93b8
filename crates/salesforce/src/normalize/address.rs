//! Reads addresses as Salesforce and other tools write them.

use model::{SourceIp, Text};
use std::net::{IpAddr, SocketAddr};

/// Reads an address; one place has one form.
///
/// IPv4 addresses that are mapped into IPv6 become IPv4. A port, brackets and a zone are dropped. Of a list, as proxies
/// forward it, the first address counts: that of the client.
pub(super) fn read(text: &str) -> SourceIp {
    if let Ok(address) = text.parse::<IpAddr>() {
        return SourceIp::Address(address.to_canonical());
    }
    let client = text.split([',', ';']).next().unwrap_or_default();
    match address(client.trim().trim_matches('"')) {
        Some(address) => SourceIp::Address(address.to_canonical()),
        None if text.eq_ignore_ascii_case("Salesforce.com IP") => SourceIp::Salesforce,
        None => SourceIp::Other(Text::new(crate::record::cut(text, 256))),
    }
}

fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Ok(with_port) = text.parse::<SocketAddr>() {
        return Some(with_port.ip());
    }
    let inner = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(text, |(inner, _)| inner);
    inner.split('%').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_place_has_one_form() {
        for text in [
            "203.0.113.9",
            "203.0.113.9:443",
            "::ffff:203.0.113.9",
            "[::ffff:203.0.113.9]:8080",
            "::FFFF:cb00:7109",
            "203.0.113.9, 10.1.2.3",
            "203.0.113.9:5000,10.1.2.3",
            "\"203.0.113.9\"",
        ] {
            assert_eq!(read(text), SourceIp::Address("203.0.113.9".parse().unwrap()), "{text}");
        }
        for text in ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443", "2001:0DB8:0::1", "2001:db8::1%eth0"] {
            assert_eq!(read(text), SourceIp::Address("2001:db8::1".parse().unwrap()), "{text}");
        }
        assert_eq!(read("Salesforce.com IP"), SourceIp::Salesforce);
        for text in ["unknown", "203.0.113", "203.0.113.9.1", "host:443", ""] {
            assert!(matches!(read(text), SourceIp::Other(_)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_form_of_an_address_is_the_address(bits in any::<u32>(), wide in any::<u128>(), port in any::<u16>()) {
            let (v4, v6) = (std::net::Ipv4Addr::from(bits), std::net::Ipv6Addr::from(wide));
            let plain = SourceIp::Address(v4.into());
            for text in [format!("{v4}:{port}"), v4.to_ipv6_mapped().to_string(), format!("{v4}, {v6}")] {
                prop_assert_eq!(read(&text), plain.clone());
            }
            let wide = SourceIp::Address(IpAddr::from(v6).to_canonical());
            for text in [format!("[{v6}]:{port}"), format!("[{v6}]"), format!("{v6},{v4}")] {
                prop_assert_eq!(read(&text), wide.clone());
            }
        }
    }
}
