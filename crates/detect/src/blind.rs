//! Lower confidence while kinds of events are missing that could change a finding.

use crate::text;
use model::{Family, Kind, Text};

/// Names those of the missing kinds that could change what detectors of the family find, in words: `list view`.
pub(crate) fn missing(family: Family, blind: &[Kind]) -> Vec<Text> {
    let matters = blind.iter().filter(|kind| matters(family, **kind));
    matters.map(|kind| Text::from(kind.as_str().replace('_', " "))).collect()
}

/// Words a remark for the end of a summary; empty if nothing is missing.
pub(crate) fn remark(missing: &[Text]) -> String {
    if missing.is_empty() {
        return String::new();
    }
    format!("; less certain while events are missing: {}", text::list(missing, missing.len()))
}

/// Whether events of the kind feed a feature of the family, as `crates/profile/src/org` computes them.
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
            | Kind::Attachment
            | Kind::AnalyticsDownload
    );
    match family {
        Family::Volume | Family::Novelty => is_access,
        Family::Identity | Family::Time => {
            is_access || matches!(kind, Kind::Login | Kind::LoginAs | Kind::LightningUri | Kind::Uri | Kind::ApiUsage)
        }
        Family::Reconnaissance => matches!(kind, Kind::Api | Kind::ApiUsage),
        // Salesforce computes these findings from its own, complete records.
        Family::Native => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_kinds_matter_to_the_families_that_read_them() {
        let check = |family, blind: &[Kind], expect: &str| assert_eq!(remark(&missing(family, blind)), expect);
        check(Family::Volume, &[], "");
        check(Family::Volume, &[Kind::ListView, Kind::Login], "; less certain while events are missing: list view");
        check(Family::Novelty, &[Kind::Login, Kind::Logout, Kind::PermissionSet], "");
        check(
            Family::Identity,
            &[Kind::LoginAs, Kind::Uri],
            "; less certain while events are missing: login as and uri",
        );
        check(Family::Time, Kind::ALL, "; less certain while events are missing: list view, api and 12 more");
        check(Family::Reconnaissance, Kind::ALL, "; less certain while events are missing: api and api usage");
        check(Family::Native, Kind::ALL, "");
    }
}
