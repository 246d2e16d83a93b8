//! Settings without what they say of orgs that a session does not see.

use model::OrgId;
use store::Session;

/// Returns settings, a text in TOML, without the keys of other orgs; `None` if the text cannot be read. Their hash is that of
/// the whole text.
pub(crate) fn without_other_orgs(toml: &str, session: &Session) -> Option<String> {
    let mut settings: toml::Table = toml.parse().ok()?;
    let is_seen = |org: &str| session.role_in(&OrgId::new(org)).is_some();
    if let Some(orgs) = settings.get_mut("orgs").and_then(toml::Value::as_table_mut) {
        orgs.retain(|org, _| is_seen(org));
    }
    let partitions = settings.get_mut("partitions").and_then(|partitions| partitions.get_mut("spread"));
    if let Some(spread) = partitions.and_then(toml::Value::as_table_mut) {
        spread.retain(|org, _| is_seen(org));
    }
    Some(settings.to_string())
}

/// Whether a key of settings, with its sections, is no other org's than those of the session.
pub(crate) fn is_seen(key: &str, session: &Session) -> bool {
    let of_orgs = ["orgs.", "partitions.spread."].iter().find_map(|section| key.strip_prefix(section));
    let org = of_orgs.map(|rest| rest.split_once('.').map_or(rest, |(org, _)| org));
    org.is_none_or(|org| session.role_in(&OrgId::new(org)).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Timestamp, Uuid};
    use store::Role;

    #[test]
    fn keys_of_other_orgs_are_left_out() {
        let session = Session {
            session_id: Uuid::nil(),
            kind: "token".to_owned(),
            name: "a".to_owned(),
            subject: "a".to_owned(),
            created_at: Timestamp(0),
            expires_at: Timestamp(0),
            is_noted: true,
            is_check_due: false,
            roles: [("00Dhn0000018hrcMAU".to_owned(), Role::Viewer)].into(),
        };
        let toml = "[risk]\nmodel = \"sum\"\n[orgs.00Dhn0000018hrcMAU]\ntime_zone = \"UTC\"\n[orgs.00Dhn0000018hreMAE]\n\
                    time_zone = \"UTC\"\n[partitions.spread]\n00Dhn0000018hreMAE = 2\n";
        let seen = without_other_orgs(toml, &session).unwrap();
        assert!(seen.contains("00Dhn0000018hrcMAU") && seen.contains("sum"), "{seen}");
        assert!(!seen.contains("00Dhn0000018hreMAE"), "{seen}");
        assert_eq!(without_other_orgs("not = = toml", &session), None);
        for (key, expect) in [
            ("detect.raise_at", true),
            ("orgs.00Dhn0000018hrcMAU.time_zone", true),
            ("orgs.00Dhn0000018hreMAE.time_zone", false),
            ("partitions.spread.00Dhn0000018hreMAE", false),
        ] {
            assert_eq!(is_seen(key, &session), expect, "{key}");
        }
    }
}
