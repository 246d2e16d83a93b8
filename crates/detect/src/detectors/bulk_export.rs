//! `bulk_export`: many downloads of bulk results and files in a day.

use super::detector;
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::{Downloads, Observation};
use profile::tail;

detector! {
    /// Judges the number of downloads of bulk results and files in a day, against the account's days and the org's day.
    BulkExport = "bulk_export", Volume, ceiling 9.0,
    next "Find who created the job or took the files and where they went; if nobody planned it, freeze the account.",
    Downloads => downloads
}

fn downloads<'a>(downloads: &'a Downloads, _: &'a Observation, _: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    if downloads.usual.evidence <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let p = tail::count_at_least(&downloads.usual, f64::from(downloads.count));
    let p = p.max(score::recurrence(downloads.recurrences, downloads.usual.evidence));
    let size = match downloads.bytes {
        0 => String::new(),
        bytes => format!(" ({:.1} MB)", bytes as f64 / 1e6),
    };
    let things = match downloads.count {
        1 => "1 bulk result or file".to_owned(),
        n => format!("{} bulk results or files", text::count(f64::from(n))),
    };
    Ok(Judgement::new(tail::surprise(p), "", move || Explanation {
        confidence: score::confidence(downloads.usual.evidence),
        summary: format!(
            "Downloaded {}{size} in a day; a usual day has {}{}",
            things,
            text::quantity(downloads.usual.mean()),
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
        ..Explanation::default()
    }))
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
    fn many_downloads_are_anomalous() {
        let finding = finding(&BulkExport, count(40, 0.4));
        assert_eq!(finding.score, 9.0);
        insta::assert_snapshot!(finding.summary, @"Downloaded 40 bulk results or files (48.0 MB) in a day; a usual day has 0.4");
    }

    #[test]
    fn a_nightly_export_is_normal() {
        assert_eq!(verdict(&BulkExport, count(26, 24.0)), Verdict::Normal);
    }
}
