//! What is said less surely while events are missing.

use crate::text;
use model::{Family, Kind, Text};

/// Of the kinds that are missing, in words, those whose events could change what detectors of the family say.
pub(crate) fn missing(family: Family, blind: &[Kind]) -> Vec<Text> {
    let matters = blind.iter().filter(|kind| matters(family, **kind));
    matters.map(|kind| Text::from(kind.as_str().replace('_', " "))).collect()
}

/// A remark for a summary; nothing where nothing is missing.
pub(crate) fn remark(missing: &[Text]) -> String {
    if missing.is_empty() {
        return String::new();
    }
    format!(" (events are missing: {})", text::list(missing, missing.len()))
}

fn matters(family: Family, kind: Kind) -> bool {
    let is_access = matches!(
        kind,
        Kind::ListView
            | Kind::Api
            | Kind::Report
            | Kind::ReportExport
            | Kind::BulkApi
            | Kind::BulkApiResult
            | Kind::File
    );
    match family {
        Family::Volume | Family::Novelty => is_access,
        Family::Identity | Family::Time => {
            is_access || matches!(kind, Kind::Login | Kind::LoginAs | Kind::LightningUri | Kind::Uri)
        }
        Family::Reconnaissance => kind == Kind::Api,
        // Salesforce has seen everything.
        Family::Native => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_matters_to_some() {
        let check = |family, blind: &[Kind], expect: &str| assert_eq!(remark(&missing(family, blind)), expect);
        check(Family::Volume, &[], "");
        check(Family::Volume, &[Kind::ListView, Kind::Login], " (events are missing: list view)");
        check(Family::Novelty, &[Kind::Login, Kind::Logout, Kind::PermissionSet], "");
        check(Family::Identity, &[Kind::LoginAs, Kind::Uri], " (events are missing: login as and uri)");
        check(Family::Time, Kind::ALL, " (events are missing: list view, api and 9 more)");
        check(Family::Reconnaissance, Kind::ALL, " (events are missing: api)");
        check(Family::Native, Kind::ALL, "");
    }
}
