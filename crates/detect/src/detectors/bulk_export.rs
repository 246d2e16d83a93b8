//! Bulk results and files downloaded.

use super::detector;
use crate::judgement::Judgement;
use crate::{Settings, Unscoreable, score, text};
use model::{Downloads, Observation};
use profile::tail;

detector! {
    /// Downloads of bulk results and files in a day, against the account's days.
    BulkExport = "bulk_export", Volume, ceiling 9.0,
    Downloads => downloads
}

fn downloads(downloads: &Downloads, _: &Observation, _: &Settings) -> Result<Judgement, Unscoreable> {
    if downloads.usual.evidence <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let p = tail::count_at_least(&downloads.usual, f64::from(downloads.count));
    let p = p.max(score::recurrence(downloads.recurrences, downloads.usual.evidence));
    let size = match downloads.bytes {
        0 => String::new(),
        bytes => format!(" of {:.1} MB", bytes as f64 / 1e6),
    };
    Ok(Judgement {
        surprise: tail::surprise(p),
        confidence: score::confidence(downloads.usual.evidence),
        summary: format!(
            "{}{size} in a day, where {:.1} are usual{}",
            text::number_of(downloads.count, "download"),
            downloads.usual.mean(),
            text::thin(downloads.usual.evidence),
        ),
        features: vec![("downloads", downloads.count.to_string(), 1.0)],
        measures: vec![
            ("downloads", f64::from(downloads.count)),
            ("bytes", downloads.bytes as f64),
            ("mean", downloads.usual.mean()),
            ("baseline_days", downloads.usual.evidence),
        ],
        evidence: downloads.evidence.clone(),
        ..Judgement::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, usually, verdict};
    use super::*;
    use crate::Verdict;
    use model::Feature;

    fn count(count: u32, a_day: f64) -> Feature {
        Feature::Downloads(Downloads {
            count,
            bytes: 48_000_000,
            usual: usually(a_day),
            evidence: vec![],
            recurrences: 0,
        })
    }

    #[test]
    fn a_download_spree() {
        let finding = finding(&BulkExport, count(40, 0.4));
        assert_eq!(finding.score, 9.0);
        insta::assert_snapshot!(finding.summary, @"40 downloads of 48.0 MB in a day, where 0.4 are usual");
    }

    #[test]
    fn a_nightly_export_is_let_be() {
        assert_eq!(verdict(&BulkExport, count(26, 24.0)), Verdict::Normal);
    }
}
